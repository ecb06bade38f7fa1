"""Forms with files (RFC 7578): read piece by piece, the files put aside on disk, where they have no name.

Which files a form may have, whoever reads it says.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from adapters.api.bodies import Held, coming, require_as_it_is
from adapters.api.errors import UnsupportedMediaType
from states.errors import BadInput

#: What a form is sent as.
FORM: Final = "multipart/form-data"
#: How much of a file stands in memory, in bytes, before it is put aside on disk.
IN_MEMORY: Final = 1024 * 1024


@dataclass(slots=True)
class FormFile:
    """A file of a form."""

    #: As its `Content-Type` says; empty: it has none.
    kind: str
    #: How many bytes it has.
    size: int = 0
    #: What stands in it.
    file: SpooledTemporaryFile[bytes] = field(default_factory=lambda: SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 -- see `FormFiles.close`


class FormFiles(dict[str, FormFile]):
    """The files of a form, by their names; gone once they are closed."""

    def close(self) -> None:
        """Let go of them."""
        for each in self.values():
            each.file.close()


def type_of(said: str) -> tuple[str, dict[str, str]]:
    """Return what a header `Content-Type` says: the type, and its parameters, all in small letters."""
    kind, _, rest = said.partition(";")
    words = [each.strip().lower().partition("=") for each in rest.split(";") if each.strip()]
    return kind.strip().lower(), {name.strip(): value.strip().strip('"') for name, _, value in words}


def is_form(request: Request) -> bool:
    """Return whether a request says that its body is a form with files."""
    return type_of(request.headers.get("content-type", ""))[0] == FORM


async def files_in(
    request: Request, names: Collection[str], *, held: Held, largest: int, patience_s: float
) -> FormFiles:
    """Return the files of a form; the caller closes them.

    Args:
        request: whose body is a form.
        names: the files that there may be, each once.
        held: counts what of forms is still coming.
        largest: the most bytes that the whole of it may have.
        patience_s: how long it may take to come, in seconds.

    Raises:
        UnsupportedMediaType: it is compressed, or in another encoding than UTF-8.
        BadInput: it is no whole form, or of other parts than these.
        BodyTooLarge: it is larger than that, or says so.
        BodyTooSlow: it did not come in time.
        Overloaded: too much is coming at once.
        ClientDisconnect: whoever sent it has gone.
    """
    require_as_it_is(request.headers.get("content-encoding", ""))
    if type_of(request.headers["content-type"])[1].get("charset", "utf-8") != "utf-8":
        msg = f"Send the form as Content-Type: {FORM}, in UTF-8."
        raise UnsupportedMediaType(msg)
    reader = _Reader(names)
    try:
        async with coming(request, held=held, largest=largest, patience_s=patience_s) as chunks:
            reader.begin(request.headers["content-type"])
            async for chunk in chunks:  # to its end: whoever is still sending never reads an answer
                if not reader.is_bad:
                    await run_in_threadpool(reader.write, chunk)
        reader.require_whole()
    except BaseException:
        reader.files.close()
        raise
    return reader.files


class _Reader:
    """Reads a form as it comes; what is none is noted, and told at its end."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self.files = FormFiles()
        #: Whether it is no form that can be read, or of other parts.
        self.is_bad = False
        self._is_whole = False
        self._name, self._value = b"", b""
        #: The headers of the part that is being read, and which file it is.
        self._said, self._at = dict[bytes, bytes](), ""

    def begin(self, content_type: str) -> None:
        """Learn from the header what stands between two parts."""
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        self.is_bad = not boundary
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._read_name,
                    "on_header_value": self._read_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._begin_file,
                    "on_part_data": self._fill_file,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            self.is_bad = True

    def write(self, chunk: bytes) -> None:
        """Read on."""
        try:
            self._parser.write(chunk)
        except (FormParserError, _OtherPart):
            self.is_bad = True

    def require_whole(self) -> None:
        """Pass a form that was read to its end; make its files ready to be read.

        Raises:
            BadInput: it is none, of other parts, or cut off.
        """
        if self.is_bad or not self._is_whole:
            msg = f"Send a whole form ({FORM}) of files, each at most once: {', '.join(self._names)}."
            raise BadInput(msg, field="body")
        for each in self.files.values():
            each.file.seek(0)

    def _begin_part(self) -> None:
        self._said = {}

    def _read_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        name = self._name.lower()
        if name in self._said:
            raise _OtherPart
        self._said[name] = self._value
        self._name, self._value = b"", b""

    def _begin_file(self) -> None:
        what, about = parse_options_header(self._said.get(b"content-disposition"))
        name = about.get(b"name", b"").decode("utf-8", "replace")
        if what != b"form-data" or b"filename" not in about or name not in self._names or name in self.files:
            raise _OtherPart
        self.files[name] = FormFile(self._said.get(b"content-type", b"").decode("latin-1"))
        self._at = name

    def _fill_file(self, data: bytes, start: int, end: int) -> None:
        found = self.files[self._at]
        found.file.write(data[start:end])
        found.size += end - start

    def _end(self) -> None:
        self._is_whole = True


class _OtherPart(Exception):
    """A part that is none of those that there may be."""
