"""Commands about work in the background: begun here, done by whoever runs the service, and fetched later."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.door import Door
from adapters.cli.entering import FAILED, command, ending_well
from adapters.cli.export import STDOUT
from adapters.cli.imports import (
    SIGNS,
    AreDecisions,
    AsJson,
    Call,
    Delimiter,
    DryRun,
    Encoding,
    File,
    Ignore,
    Register,
    SkipBad,
    Submit,
)
from adapters.cli.options import InState, Key, OfApplicant, OfCall
from adapters.cli.telling import facts, in_words, stamp, stdout_bytes, table, while_it_is_read

if TYPE_CHECKING:
    from rich.console import RenderableType

    from workflow import JobFile, JobView

Job = Annotated[str, typer.Argument(metavar="JOB", help="A job: its id.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where to; - is the standard output.  [-]")
]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "import",
        examples="""
        eoi --server https://eoi.council.example job import eois.csv --call 46/23 --submit
        eoi job import eois.csv --call 46/23 --register edubasealldata.csv
        eoi --server https://eoi.council.example job import decisions.csv --decisions --dry-run
        """,
    )(import_)
    command(app, "export", examples="eoi job export --call 46/23 --format xlsx")(export)
    command(app, "list", examples="eoi job list --state running")(list_)
    command(app, "show")(show)
    command(app, "wait", examples="eoi job wait 0186e27e-7a80-7000-8000-0000000000b1")(wait)
    command(app, "result", examples="eoi job result 0186e27e-7a80-7000-8000-0000000000b1 --out eois.xlsx")(
        result
    )
    command(app, "errors", examples="eoi job errors 0186e27e-7a80-7000-8000-0000000000b1 --out refused.csv")(
        errors
    )
    command(app, "cancel")(cancel)
    command(app, "forget")(forget)


def import_(
    door: Door,
    file: File,
    *,
    call: Call = None,
    decisions: AreDecisions = False,
    submit: Submit = False,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    register: Register = None,
    ignore: Ignore = None,
    as_json: AsJson = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    key: Key = None,
) -> None:
    """Hand a table over, to be imported in the background; nothing here need stay on meanwhile.

    At most 16 MiB. The columns are those of `eoi import`, which does it row by row.
    """
    from adapters.inbound.files import opened
    from adapters.jobs.asked import DECISIONS, EOIS, Import
    from adapters.jobs.given import with_register
    from adapters.jobs.words import LARGEST_TABLE
    from states.errors import BadInput

    asked = Import(
        rows=DECISIONS if decisions else EOIS,
        call=call,
        submit=submit,
        dry_run=dry_run,
        skip_bad=skip_bad,
        as_json=tuple(as_json or ()),
        ignore=tuple(ignore or ()),
        encoding=encoding,
        delimiter=SIGNS.get(delimiter or "", delimiter),
    )
    with opened(file, what="table") as source:
        source.seek(0)
        content = source.read(LARGEST_TABLE + 1)
    if len(content) > LARGEST_TABLE:
        msg = f"A table has {LARGEST_TABLE:,} bytes at the most: split it, or take `eoi import`."
        raise BadInput(msg, field="table")
    if register is not None:
        with opened(register, what="register") as schools:
            asked, content = with_register(asked, content, schools)
    _begin(door, "import", asked.parameters(), content, key)


def export(
    door: Door,
    *,
    call: OfCall = None,
    state: InState = None,
    applicant: OfApplicant = None,
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv, jsonl, xlsx.")] = "csv",
    key: Key = None,
) -> None:
    """Let EOIs be written into a file in the background; `eoi job result` fetches it.

    For awards (360giving): `eoi export`.
    """
    from adapters.jobs.asked import Export

    if format_ == "360giving":
        msg = "Awards are made by `eoi export`, which asks who gives."
        raise typer.BadParameter(msg)
    asked = Export(format=format_, call=call, state=state, applicant=applicant)
    _begin(door, "export", asked.parameters(), b"", key)


def list_(
    door: Door,
    *,
    state: InState = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only those of one kind: import, export.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many at the most.")] = 50,
    after: Annotated[
        str | None, typer.Option("--after", metavar="ID", help="The `next` of an earlier page.")
    ] = None,
) -> None:
    """List jobs, the newest first; they are kept for a week after their end."""
    with door.engine() as engine:
        found = engine.jobs(state=state, kind=kind, after=after, limit=limit, actor=door.reader())
    rows = (
        (
            each.id,
            each.kind,
            each.state,
            _of(each),
            f"{each.refused:,}" if each.refused else "",
            stamp(each.created_at, "UTC"),
            each.actor,
        )
        for each in found
    )
    more = [f"More: --after {found.next}"] if found.next else []
    head = ("job", "kind", "state", "done", "refused", "begun", "who")
    door.tell.answer(found, [*table(head, rows), *more])


def show(door: Door, job: Job) -> None:
    """Show how far a job is."""
    with door.engine() as engine:
        view = engine.job(job, actor=door.reader())
    door.tell.answer(view, _facts(view))


def wait(door: Door, job: Job) -> None:
    """Wait until a job has ended, and show how it did. Exit status 1 where it is not done.

    To stop waiting changes nothing: the job goes on.
    """
    from adapters.cli.progress import followed
    from adapters.jobs.waiting import wait_for

    try:
        with door.engine() as engine, followed(tell=door.tell) as reached:
            view = wait_for(engine, job, progress=reached, actor=door.reader())
    except KeyboardInterrupt:
        door.tell.aside(f"The job goes on. To wait again: eoi job wait {job}")
        raise
    door.tell.answer(view, _facts(view))
    if view.state != "done":
        raise typer.Exit(FAILED)


def result(door: Door, job: Job, *, out: Out = None) -> None:
    """Fetch the file that came of a job: an export's EOIs, or what became of each row of an import."""
    _fetch(door, job, "result", out)


def errors(door: Door, job: Job, *, out: Out = None) -> None:
    """Fetch the rows of an import that were refused, with why, to be mended and given again."""
    _fetch(door, job, "errors", out)


def cancel(door: Door, job: Job) -> None:
    """End a job that has not ended; what it has done stands."""
    with door.engine() as engine:
        view = engine.cancel_job(job, actor=door.actor())
    door.tell.answer(view, [f"The job {view.id} is {view.state}; {view.done:,} were done."])


def forget(door: Door, job: Job) -> None:
    """Delete a job that has ended, and its files."""
    with door.engine() as engine:
        view = engine.forget_job(job, actor=door.actor())
    door.tell.answer(view, [f"The job {view.id} and its files are forgotten."])


def _begin(door: Door, kind: str, parameters: dict[str, object], content: bytes, key: str | None) -> None:
    with door.engine() as engine:
        view = engine.start_job(
            kind, parameters=parameters, content=content, actor=door.actor(), idempotency_key=key
        )
    says = f"The {kind} waits for a runner. To see how it ends: eoi job wait {view.id}"
    door.tell.answer(view, [says])


def _fetch(door: Door, job: str, which: str, out: Path | None) -> None:
    from adapters.outbound.whole_file import whole_file

    path = None if out == STDOUT else out
    with ending_well(door, streams=path is None), door.engine() as engine, while_it_is_read():
        ask = engine.job_result if which == "result" else engine.job_errors
        file = ask(job, actor=door.reader())
        if path is None and sys.stdout.isatty() and "spreadsheet" in file.media_type:
            msg = "A workbook goes into a file: --out FILE.xlsx."
            raise typer.BadParameter(msg)
        with stdout_bytes() if path is None else whole_file(path) as to:
            to.writelines(file)
        if path is None:
            door.tell.beside(*_fetched(file, "the standard output"))
        else:
            door.tell.answer(*_fetched(file, str(path)))


def _fetched(file: "JobFile", where: str) -> "tuple[object, list[RenderableType]]":
    told = {"file": where, "name": file.name, "media_type": file.media_type, "bytes": file.size}
    return told, [f"{file.size:,} bytes are in {where}: {file.name}, {file.media_type}."]


def _facts(view: "JobView") -> "Iterator[RenderableType]":
    """Yield what there is to know of a job, and what can be done next."""
    yield facts(
        [
            ("Kind", view.kind),
            ("State", view.state),
            ("Done", _of(view)),
            ("Refused", f"{view.refused:,}" if view.refused else None),
            ("Rows", in_words(view.counts.items())),
            ("Why", None if view.why is None else f"{view.why} [{view.code}]"),
            ("Who", view.actor if view.on_behalf_of is None else f"{view.actor} for {view.on_behalf_of}"),
            ("Begun", stamp(view.created_at, "UTC")),
            ("Ended", stamp(view.finished_at, "UTC")),
            ("Id", view.id),
        ]
    )
    for size, name in ((view.result_bytes, "result"), (view.errors_bytes, "errors")):
        if size is not None and view.finished_at is not None:
            yield f"  {size:,} bytes: eoi job {name} {view.id} --out FILE"


def _of(view: "JobView") -> str:
    return f"{view.done:,}" if view.total is None else f"{view.done:,} of {view.total:,}"
