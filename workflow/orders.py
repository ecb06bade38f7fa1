"""Each command as an order: what is given, checked; what it is of; what a key compares; which use case."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from states.errors import BadInput
from states.facts import Actor
from states.names import CallTrigger, EoiTrigger
from workflow import applications, calls, reading
from workflow.commands import Asked, Command
from workflow.connection import Connection
from workflow.dispatch import Order
from workflow.ids import existing_id
from workflow.inputs import LINE, NewCall, applicant_of, aware, name_or_none, trigger_word
from workflow.manifest import manifest_of
from workflow.unit_of_work import UnitOfWork
from workflow.views import CallView, Receipt


@dataclass(frozen=True, slots=True)
class LiveEoi:
    """The one live EOI of an applicant for a call, in the place of its id."""

    #: The call's id, or its reference.
    call: object
    applicant: str


def open_call(asked: Asked, new: object) -> Order[CallView]:
    """Publish a call.

    Raises:
        BadInput: no NewCall.
    """
    if not isinstance(new, NewCall):
        msg = f"A call is opened from a NewCall, not from a {type(new).__name__}."
        raise BadInput(msg, field="new")
    opens_at = None if new.opens_at is None else new.opens_at.isoformat()
    texts = [new.timezone, new.phase, new.contact, new.audience, new.closing_words]
    return Order(
        asked=asked,
        name=f"call {CallTrigger.OPEN}",
        asked_of=new.reference,
        request=[new.reference, new.title, new.closing.isoformat(), opens_at, *texts],
        answer=CallView,
        do=lambda unit, command, _: calls.open_call(unit, command, new),
    )


def extend_call(asked: Asked, call_id: object, closes_at: object) -> Order[CallView]:
    """Move a call's deadline.

    Raises:
        BadDeadline: no aware instant.
    """
    new = None if closes_at is None else aware(closes_at, field="closes_at")
    return _of_call(
        asked,
        CallTrigger.EXTEND,
        call_id,
        request=str(new),
        do=lambda unit, command, known_id: calls.extend(unit, command, known_id, new),
    )


def close_call(asked: Asked, call_id: object) -> Order[CallView]:
    """Close a call."""
    return _of_call(
        asked,
        CallTrigger.CLOSE,
        call_id,
        do=lambda unit, command, known_id: calls.close(unit, command, known_id)[0],
    )


def cancel_call(asked: Asked, call_id: object) -> Order[CallView]:
    """Call it off."""
    return _of_call(
        asked,
        CallTrigger.CANCEL,
        call_id,
        do=calls.cancel,
    )


def draft(
    asked: Asked, call_id: object, *, answers: object, applicant: object, applicant_name: object
) -> Order[Receipt]:
    """Begin an EOI.

    Raises:
        BadInput: answers that cannot be kept; no organisation to apply for.
    """
    who = applicant_of(asked.actor, applicant)
    name = name_or_none(applicant_name, field="applicant_name", longest=LINE)
    manifest = manifest_of(answers)
    return Order(
        asked=asked,
        name=f"eoi {EoiTrigger.DRAFT}",
        asked_of=_word(call_id),
        subject=_call_named(call_id),
        request=[manifest.digest, who, name],
        answer=Receipt,
        glance=lambda connection, command, known_id: applications.refuse_late_draft(
            connection, command, known_id, applicant=who
        ),
        do=lambda unit, command, known_id: applications.draft(
            unit, command, known_id, manifest=manifest, applicant=who, applicant_name=name
        ),
    )


def save(asked: Asked, eoi: object, answers: object) -> Order[Receipt]:
    """Replace a draft's answers.

    Raises:
        BadInput: answers that cannot be kept.
        NotFound: nothing can have that id.
    """
    manifest = manifest_of(answers)
    return _of_eoi(
        asked,
        EoiTrigger.SAVE,
        eoi,
        request=manifest.digest,
        do=lambda unit, command, known_id: applications.save(unit, command, known_id, manifest=manifest),
    )


def fire(asked: Asked, eoi: object, trigger: object, data: Mapping[str, object]) -> Order[Receipt]:
    """Make a move of an EOI's lifecycle.

    Raises:
        BadInput: no word; answers that the move would not keep, or that cannot be kept.
        NotFound: nothing can have that id.
    """
    word = trigger_word(trigger)
    if word == EoiTrigger.SAVE:
        return save(asked, eoi, data.get("answers"))
    if "answers" in data:
        msg = f"Answers are given to save, and not to {word}, which leaves them as they are."
        raise BadInput(msg, field="data")
    return _of_eoi(
        asked,
        word,
        eoi,
        do=lambda unit, command, known_id: applications.fire(unit, command, known_id, word),
    )


def _of_call(
    asked: Asked,
    trigger: str,
    call_id: object,
    *,
    do: Callable[[UnitOfWork, Command, str], CallView],
    request: object = None,
) -> Order[CallView]:
    return Order(
        asked=asked,
        name=f"call {trigger}",
        asked_of=_word(call_id),
        subject=_call_named(call_id),
        request=request,
        answer=CallView,
        do=do,
    )


def _of_eoi(
    asked: Asked,
    trigger: str,
    eoi: object,
    *,
    do: Callable[[UnitOfWork, Command, str], Receipt],
    request: object = None,
) -> Order[Receipt]:
    return Order(
        asked=asked,
        name=f"eoi {trigger}",
        kind="eoi move",
        asked_of=_word(eoi),
        subject=eoi_named(eoi, asked.actor),
        request=request,
        answer=Receipt,
        glance=lambda connection, command, known_id: applications.refuse_late_move(
            connection, command, known_id, trigger
        ),
        do=do,
    )


def eoi_named(eoi: object, actor: Actor) -> Callable[[Connection], str]:
    """Return what finds the id of an EOI that is named by it, or as the live one of an applicant.

    Raises:
        NotFound: nothing can have that id.
    """
    if isinstance(eoi, LiveEoi):
        return lambda connection: reading.live_eoi(connection, eoi.call, eoi.applicant, actor)
    known = existing_id(eoi)
    return lambda _: known


def _word(name: object) -> str:
    return name if isinstance(name, str) else ""


def _call_named(name: object) -> Callable[[Connection], str]:
    return lambda connection: reading.call_id(connection, name)
