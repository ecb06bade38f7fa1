"""Commands about EOIs: draft, save, every move of the lifecycle, and what can be asked of one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command
from adapters.cli.options import At, Eoi, ExpectVersion, InState, Key, OfApplicant, OfCall, Reason
from adapters.cli.telling import stamp, table, tell_history
from adapters.cli.views import carried_out, eoi_told, option_told

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adapters.face import Face
    from workflow import AttemptView, EoiView, HistoryView, Page

#: Word -> what it does, for the moves that have a command of their own.
MOVES: Final = {
    "submit": "Hand an EOI in. Applicant, before the deadline.",
    "withdraw": "Take an EOI back. Applicant.",
    "review": "Record that an EOI was assessed. Officer or reviewer, once the call is closed.",
    "approve": "Select an EOI. Decider, with a reason; not whoever reviewed it.",
    "decline": "Do not select an EOI. Decider, with a reason; not whoever reviewed it.",
    "reinstate": "Let in what the close overtook. Officer, with a reason; only what is closed-in-flight.",
}

Answers = Annotated[
    Path, typer.Option("--answers", metavar="FILE", help="The form as JSON, one object; - is stdin.")
]
Applicant = Annotated[
    str | None,
    typer.Option(
        "--applicant", metavar="ID", help="The organisation that applies; else the actor's only one."
    ),
]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "draft",
        examples="""
        eoi draft 46/23 --answers form.json --as head-1 --role applicant --organisation URN:121234
        echo '{}' | eoi draft 46/23 --answers - --applicant URN:121234 --name "Alder Primary"
        """,
    )(draft)
    command(app, "save", examples="eoi save EOI --answers form.json")(save)
    for trigger, promise in MOVES.items():
        command(app, trigger, examples=_example(trigger))(_move(trigger, promise))
    command(app, "fire", examples='eoi fire EOI approve --reason "Meets the need in the north"')(fire)
    command(app, "show")(show)
    command(app, "list", examples="eoi list --call 46/23 --state submitted")(list_)
    command(app, "history")(history)
    command(app, "attempts", examples="eoi attempts 46/23")(attempts)
    command(app, "allowed", examples="eoi allowed EOI --as panel.chair --role decider")(allowed)
    command(app, "explain", examples="eoi explain EOI submit --at 2023-03-18T00:00Z")(explain)


def draft(
    door: Door,
    call: Annotated[str, typer.Argument(metavar="CALL", help="A call: its reference (46/23) or its id.")],
    *,
    answers: Answers,
    applicant: Applicant = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="The organisation's name, for people.")
    ] = None,
    expect_version: ExpectVersion = None,
    key: Key = None,
) -> None:
    """Begin an EOI. Applicant, while the call is open."""
    form = _answers(answers)
    with door.engine() as engine:
        receipt = engine.draft(
            call,
            answers=form,
            actor=door.actor(),
            applicant=applicant,
            applicant_name=name,
            expected_version=expect_version,
            idempotency_key=key,
        )
        door.tell.answer(receipt, carried_out(engine, receipt))


def save(
    door: Door, eoi: Eoi, *, answers: Answers, expect_version: ExpectVersion = None, key: Key = None
) -> None:
    """Replace a draft's answers, all of them. Applicant, while the call is open."""
    form = _answers(answers)
    with door.engine() as engine:
        receipt = engine.save(
            eoi, answers=form, actor=door.actor(), expected_version=expect_version, idempotency_key=key
        )
        door.tell.answer(receipt, carried_out(engine, receipt))


def fire(
    door: Door,
    eoi: Eoi,
    trigger: Annotated[
        str, typer.Argument(metavar="TRIGGER", help="The word of the move; see `eoi allowed`.")
    ],
    *,
    reason: Reason = None,
    answers: Annotated[
        Path | None, typer.Option("--answers", metavar="FILE", help="For `save`: the form as JSON.")
    ] = None,
    expect_version: ExpectVersion = None,
    key: Key = None,
) -> None:
    """Make any move of the lifecycle."""
    data = None if answers is None else {"answers": _answers(answers)}
    with door.engine() as engine:
        receipt = engine.fire(
            eoi,
            trigger,
            actor=door.actor(),
            reason=reason,
            data=data,
            expected_version=expect_version,
            idempotency_key=key,
        )
        door.tell.answer(receipt, carried_out(engine, receipt))


def show(door: Door, eoi: Eoi) -> None:
    """Show one EOI, with its answers."""
    with door.engine() as engine:
        view = engine.get(eoi, actor=door.reader())
        door.tell.answer(view, _told(engine, view))


def list_(
    door: Door,
    *,
    call: OfCall = None,
    state: InState = None,
    applicant: OfApplicant = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="EOI", help="Go on after the `next` of another page.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At the most so many.")] = 50,
) -> None:
    """List EOIs, the oldest first."""
    with door.engine() as engine:
        page = engine.find(
            call=call, state=state, applicant=applicant, after=after, limit=limit, actor=door.reader()
        )
        door.tell.answer(page, _listed(engine, page))


def history(door: Door, eoi: Eoi) -> None:
    """Show every change of an EOI.

    Who did what, when, why, and the digest of the content as it then was.
    """
    with door.engine() as engine:
        changes = engine.history(eoi, actor=door.reader())
        door.tell.answer(changes, _changes(engine, eoi, changes))


def attempts(
    door: Door,
    subject: Annotated[str, typer.Argument(metavar="EOI|CALL", help="An EOI, or a call with all its EOIs.")],
) -> None:
    """Show what was tried and refused."""
    with door.engine() as engine:
        found = engine.attempts(subject, actor=door.reader())
        door.tell.answer(found, _tried(engine, found))


def allowed(door: Door, eoi: Eoi, *, at: At = None) -> None:
    """Show what the actor may do now.

    Every move that leaves the EOI's present state: whether they may, and if not, every reason why.
    """
    with door.engine() as engine:
        options = engine.allowed(eoi, door.actor(), at=at)
    door.tell.answer(options, [line for option in options for line in option_told(option)] or ["(nothing)"])


def explain(
    door: Door,
    eoi: Eoi,
    trigger: Annotated[str, typer.Argument(metavar="TRIGGER", help="The word of the move.")],
    *,
    reason: Reason = None,
    at: At = None,
) -> None:
    """Say whether one move could be made.

    If not, every reason why. Changes nothing.
    """
    data = None if reason is None else {"reason": reason}
    with door.engine() as engine:
        option = engine.explain(eoi, trigger, door.actor(), data=data, at=at)
    door.tell.answer(option, option_told(option))


def _move(trigger: str, promise: str) -> Any:  # noqa: ANN401 -- a command's function
    def move(
        door: Door, eoi: Eoi, *, reason: Reason = None, expect_version: ExpectVersion = None, key: Key = None
    ) -> None:
        fire(door, eoi, trigger, reason=reason, expect_version=expect_version, key=key)

    move.__doc__ = promise
    return move


def _example(trigger: str) -> str:
    reason = "" if trigger in {"submit", "withdraw", "review"} else ' --reason "…"'
    return f"eoi {trigger} EOI{reason} --key {trigger}-1"


def _answers(path: Path) -> Mapping[str, Any]:
    from adapters.inbound.answers import answers_from
    from adapters.inbound.files import file_bytes

    return answers_from(file_bytes(path, what="answers"))


def _told(engine: "Face", view: "EoiView") -> "Iterator[RenderableType]":
    # Only who reads the text waits for what only the text tells.
    call = engine.call(view.call_id)
    yield from eoi_told(view, call.reference, call.timezone)


def _listed(engine: "Face", page: "Page[EoiView]") -> "Iterator[RenderableType]":
    calls = {call_id: engine.call(call_id) for call_id in {each.call_id for each in page}}
    rows = (
        (
            each.id,
            calls[each.call_id].reference,
            each.applicant,
            each.applicant_name,
            each.state,
            each.version,
            stamp(each.updated_at, calls[each.call_id].timezone),
        )
        for each in page
    )
    head = ("EOI", "call", "applicant", "name", "state", "version", "last change")
    yield from table(head, rows, prose="name")
    if page.next:
        yield f"More: --after {page.next}"


def _changes(engine: "Face", eoi_id: str, changes: "list[HistoryView]") -> "Iterator[RenderableType]":
    yield from tell_history(changes, engine.call(engine.get(eoi_id).call_id).timezone)


def _tried(engine: "Face", found: "list[AttemptView]") -> "Iterator[RenderableType]":
    zones = {call_id: engine.call(call_id).timezone for call_id in {each.call_id for each in found}}
    rows = (
        (
            each.eoi_id,
            each.trigger,
            each.code,
            each.actor,
            each.count,
            stamp(each.first_at, zones[each.call_id]),
            stamp(each.last_at, zones[each.call_id]) if each.count > 1 else "",
        )
        for each in found
    )
    head = ("EOI", "what", "refused as", "who", "times", "first", "last")
    yield from table(head, rows)
