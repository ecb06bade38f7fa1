"""Jobs over HTTP: tables go out and files come in piece by piece, so that none is ever whole in memory."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from adapters.client.again import Asking
from adapters.client.asking import Asks, at
from adapters.client.conditions import on_behalf, refuse_terms, under
from adapters.client.documents import read
from adapters.client.errors import AnswerNotUnderstood
from adapters.client.uploads import upload_of
from adapters.client.wire import LARGEST_FILE
from adapters.jobs.asked import Export, Import
from adapters.jobs.waiting import wait_for
from adapters.jobs.words import CHARSETS, SIGNS
from states.errors import BadInput
from workflow import Actor, Arrival, JobFile, JobView, Page

#: What the body says.
_ELSEWHERE: Final = frozenset({"encoding", "register_bytes"})
#: What a server may call a file: a name, and no path.
_NAMED: Final = re.compile(r'attachment; filename="([A-Za-z0-9][A-Za-z0-9._-]{0,199})"')


class Jobs(Asks):
    """The part of the engine's face that is work in the background."""

    _pause: Callable[[float], object]

    def start_job(
        self,
        kind: str,
        *,
        parameters: Mapping[str, Any],
        content: bytes | BinaryIO = b"",
        actor: Actor | None = None,
        idempotency_key: str | None = None,
        session: object = None,
        arrival: Arrival | None = None,
    ) -> JobView:
        """Let a job wait for a runner of the server's: `import`, `export`.

        Args:
            kind: what is to be done.
            parameters: what of it: the fields of `adapters.jobs.asked.Import` or `Export`.
            content: the table, as bytes or as a file that is open; of that, from where it stands. Behind it a
                register, where `register_bytes` says so: see `adapters.jobs.given.with_register`.
            actor: for whom.
            idempotency_key: as with every command.
            session: for who holds the database.
            arrival: for who holds the database.

        Raises:
            BadInput: parameters or content that no job may have.
            BadTable: it shows at a glance that it is none.
            TooManyJobs: ten of this key's have not ended, or its jobs' files have over a gibibyte.
        """
        refuse_terms({"session": session, "arrival": arrival})
        if not isinstance(parameters, Mapping):
            msg = "parameters must be a mapping."
            raise BadInput(msg, field="parameters")
        key = {"idempotency_key": idempotency_key}
        if kind == "import":
            return self._import(Import.of(parameters), content, actor=actor, terms=key)
        if kind == "export":
            return self._export(Export.of(parameters), content, actor=actor, terms=key)
        msg = "A server starts jobs of two kinds: import, export."
        raise BadInput(msg, field="kind")

    def job(self, job_id: str, *, actor: Actor | None = None) -> JobView:
        """Return a job, and how far it is."""
        return self._get(JobView, at("jobs", job_id), actor=actor)

    def jobs(
        self,
        *,
        state: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[JobView]:
        """Return a page of jobs, the newest first; give its `next` as `after` for the next page."""
        return self._page(
            JobView, "/jobs", {"state": state, "kind": kind}, after=after, limit=limit, actor=actor
        )

    def wait_for_job(
        self,
        job_id: str,
        *,
        progress: Callable[[JobView], object] | None = None,
        within_s: float | None = None,
        actor: Actor | None = None,
    ) -> JobView:
        """Return a job once it has ended; see `adapters.jobs.waiting.wait_for`."""
        return wait_for(self, job_id, progress=progress, within_s=within_s, actor=actor, pause=self._pause)

    def cancel_job(self, job_id: str, *, actor: Actor | None = None) -> JobView:
        """End a job that has not ended; what it has done stands. Of one that has ended nothing changes."""
        return self._ended(job_id, "cancel", actor)

    def forget_job(self, job_id: str, *, actor: Actor | None = None) -> JobView:
        """Delete a job that has ended, and its files; return what it was.

        Raises:
            JobUnfinished: it has not ended: cancel it first.
        """
        return self._ended(job_id, "forget", actor)

    def job_result(self, job_id: str, *, actor: Actor | None = None) -> JobFile:
        """Return what came of a job; it is fetched as it is read, each time from its beginning.

        Raises:
            JobUnfinished: it has not ended.
            NotFound: it has none, or is somebody else's.
        """
        return self._file(job_id, "result", actor)

    def job_errors(self, job_id: str, *, actor: Actor | None = None) -> JobFile:
        """Return what of a job was refused, and why; as `job_result`."""
        return self._file(job_id, "errors", actor)

    def _import(
        self, asked: Import, content: object, *, actor: Actor | None, terms: Mapping[str, Any]
    ) -> JobView:
        key = self._key_in(terms)
        body = upload_of(content, charset=_charset(asked), register_bytes=asked.register_bytes)
        asking = Asking(
            method="POST",
            path="/imports",
            query=_query(asked),
            body=body,
            kind=body.kind,
            headers={**on_behalf(actor), **under(key)},
            repeatable=True,
            idempotency_key=key,
        )
        return read(JobView, self._wire.ask(asking).body)

    def _export(
        self, asked: Export, content: object, *, actor: Actor | None, terms: Mapping[str, Any]
    ) -> JobView:
        if content != b"":
            msg = "An export is given no content."
            raise BadInput(msg, field="content")
        return read(JobView, self._keyed("POST", "/exports", asked.parameters(), actor=actor, terms=terms))

    def _ended(self, job_id: str, how: str, actor: Actor | None) -> JobView:
        """End a job in one way only: sent twice, `cancel` changes nothing more."""
        return self._plain(
            JobView, "DELETE", at("jobs", job_id), actor=actor, query={"only": how},
            repeatable=how == "cancel",
        )  # fmt: skip

    def _file(self, job_id: str, file: str, actor: Actor | None) -> JobFile:
        path = at("jobs", job_id, file)
        asking = Asking(method="GET", path=path, headers=on_behalf(actor), repeatable=True, gives_file=True)
        found = self._wire.ask(asking)
        name = _NAMED.fullmatch(found.headers["content-disposition"])
        size = found.headers.get("content-length", "")
        if name is None or not re.fullmatch("[0-9]{1,15}", size) or int(size) > LARGEST_FILE:
            msg = "The server gives a file, but not its name or its size as this version knows it."
            raise AnswerNotUnderstood(msg)
        read_piece = _Pieces(lambda: self._wire.pieces(asking))
        kind = found.headers.get("content-type", "")
        return JobFile(name=name[1], media_type=kind, size=int(size), read=read_piece)


class _Pieces:
    """Reads a file by the numbers of its pieces, in their order; where one comes again, anew."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin
        self._going: Iterator[bytes] | None = None
        self._at = 0

    def __call__(self, number: int) -> bytes | None:
        piece = None
        if self._going is None or number <= self._at:
            self._going, self._at = self._begin(), 0
        while self._at < number:
            piece, self._at = next(self._going, None), self._at + 1
        return piece


def _charset(asked: Import) -> str:
    if asked.encoding in CHARSETS:
        return CHARSETS[asked.encoding]
    msg = f"encoding is one of {', '.join(CHARSETS)}."
    raise BadInput(msg, field="encoding")


def _query(asked: Import) -> dict[str, str]:
    """Return what is asked of a table, as an address has it."""
    said = {name: value for name, value in asked.parameters().items() if name not in _ELSEWHERE}
    return {name: _text(name, value) for name, value in said.items()}


def _text(name: str, value: object) -> str:
    """Return a parameter as an address has it.

    Raises:
        BadInput: it cannot be said there.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and not any(not isinstance(each, str) or "," in each for each in value):
        return ",".join(value)
    if isinstance(value, str) and (name != "delimiter" or value in SIGNS):
        return SIGNS[value] if name == "delimiter" else value
    msg = f"{name} cannot be asked for over HTTP as it is."
    raise BadInput(msg, field=name)
