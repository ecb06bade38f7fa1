"""How a table comes in: as the body; or in a form, and with it the national register of schools.

Both may be larger than other bodies. A form's files never stand in memory whole, but for the table.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.api.bodies import Held, require_as_it_is, swallow
from adapters.api.door import Asking, asking_of
from adapters.api.errors import BodyTooLarge, UnsupportedMediaType
from adapters.api.forms import FormFiles, files_in, is_form, type_of
from adapters.api.route import EoiRoute, Handler
from adapters.api.turns import step_aside
from adapters.jobs.words import CHARSETS, CSV, LARGEST_TABLE, REGISTER, TABLE
from states.errors import BadInput, EoiError
from workflow import Arrival

#: What programs say of a table that they send in a form.
IN_FORMS: Final = frozenset({CSV, "application/octet-stream", "application/vnd.ms-excel"})
#: The largest register as it is sent, in bytes.
LARGEST_REGISTER: Final = 96 * 1024 * 1024
#: The largest form: both, and what stands around them.
LARGEST_FORM: Final = LARGEST_TABLE + LARGEST_REGISTER + 64 * 1024
#: How long a table may take to come, in seconds: 16 MiB at a megabit a second; and a form: at one and a half.
PATIENCE_S: Final = 150.0
FORM_PATIENCE_S: Final = 600.0
#: How much of tables, and of forms, that are still coming is held at once at the most, in bytes.
HELD: Final = 4 * LARGEST_TABLE
HELD_OF_FORMS: Final = 4 * LARGEST_FORM
#: What a table may be said to be encoded in, as its type says it.
_CHARSETS: Final = {**{said: encoding for encoding, said in CHARSETS.items()}, "cp1252": "cp1252"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What came to be imported."""

    table: bytes = field(repr=False)
    encoding: str
    #: The register of schools, as it came; None: none did.
    register: IO[bytes] | None


class ImportRoute(EoiRoute):
    """A route that tables come in by."""

    #: It takes a body, though its function does not.
    reads_body = True
    #: Counts what of forms is still coming.
    held_of_forms: ClassVar[Held]

    def get_route_handler(self) -> Handler:
        """Return what handles a request, and leaves no file of it behind."""
        come_in = super().get_route_handler()

        async def come_in_and_close(request: Request) -> Response:
            request.state.files = None
            try:
                return await come_in(request)
            finally:
                if request.state.files is not None:
                    request.state.files.close()

        return come_in_and_close

    async def _received(self, request: Request) -> bytes:
        """Return the body; of a form, which is put aside as files, nothing.

        There is room for four at once, and who may ask nothing holds none of it.
        """
        if (refusal := await self._refusal(request)) is not None:
            await swallow(request, largest=LARGEST_TABLE, patience_s=PATIENCE_S)
            raise refusal
        if not is_form(request):
            return await super()._received(request)
        request.state.files = await files_in(
            request,
            (TABLE, REGISTER),
            held=self.held_of_forms,
            largest=LARGEST_FORM,
            patience_s=FORM_PATIENCE_S,
        )
        if REGISTER in request.state.files:
            step_aside(
                request
            )  # it takes seconds to be read, which tell nothing of how long others would wait
        return b""

    async def _refusal(self, request: Request) -> EoiError | None:
        """Return why this may be nobody's; a host may look at the body first, and is asked after it."""
        if self.door.ahead is None:
            try:
                await run_in_threadpool(self.door.authenticate, request)
            except EoiError as exc:
                return exc
        return None

    def _asking(self, request: Request, body: bytes, arrival: Arrival) -> tuple[Asking, Any]:
        asking = asking_of(self.door, request, arrival)
        request.state.given = given_in(request, body)
        return asking, None


def given_in(request: Request, body: bytes) -> Given:
    """Return what came to be imported, in the body or as files of a form.

    Raises:
        UnsupportedMediaType: the table is not said to be CSV, is compressed, or in an odd encoding.
        BadInput: a form without a table.
        BodyTooLarge: a file of it is larger than such may be.
    """
    files: FormFiles | None = request.state.files
    if files is None:
        encoding = _encoding(request.headers.get("content-type", ""), {CSV})
        require_as_it_is(request.headers.get("content-encoding", ""))
        return Given(table=body, encoding=encoding, register=None)
    _require_sizes(files)
    if TABLE not in files:
        msg = f"The form has no file {TABLE}."
        raise BadInput(msg, field=TABLE)
    table, register = files[TABLE], files.get(REGISTER)
    return Given(
        table=table.file.read(),
        encoding=_encoding(table.kind or CSV, IN_FORMS),
        register=None if register is None else register.file,
    )


def _require_sizes(files: FormFiles) -> None:
    for name, largest in ((TABLE, LARGEST_TABLE), (REGISTER, LARGEST_REGISTER)):
        if name in files and files[name].size > largest:
            msg = f"The {name} has {largest:,} bytes at the most."
            raise BodyTooLarge(msg)


def _encoding(said: str, kinds: Collection[str]) -> str:
    """Return what a table is encoded in, as its type says."""
    kind, about = type_of(said)
    encoding = _CHARSETS.get(about.get("charset", "utf-8"))
    if kind not in kinds or encoding is None:
        msg = f"Send the table as Content-Type: {CSV}; charset=utf-8 (or windows-1252)."
        raise UnsupportedMediaType(msg)
    return encoding
