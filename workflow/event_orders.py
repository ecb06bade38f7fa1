"""An event from elsewhere as an order: the one that its rule says, under the event's own key."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from states.errors import BadInput
from states.facts import Actor
from workflow import orders, unhandled
from workflow.cloud_events import CloudEvent
from workflow.commands import Asked
from workflow.connection import Connection
from workflow.dispatch import Order
from workflow.errors import KeyReused, UnknownEvent
from workflow.handles import Handle, places_of, said_to
from workflow.idempotency import Key, find_answer, key_of
from workflow.ids import shown
from workflow.inputs import applicant_of, reason_or_none
from workflow.views import UnhandledView

#: What an event says to its rule, by name.
Said = Mapping[str, object]


def handled(asked: Asked, event: CloudEvent, rule: Handle) -> Order[Any]:
    """Return what its rule fires.

    Raises:
        BadInput: the event does not fit the rule; `field` is the path at fault.
        NotFound: nothing can have that id.
    """
    with _told_by_path(rule):
        said = said_to(rule, event)
        asked = replace(asked, reason=reason_or_none(said.get("reason")))
        order = _OF_CALL[rule.trigger](asked, said) if rule.trigger in _OF_CALL else _move(asked, said, rule)
    return replace(order, key=_key(event, asked.actor, "event", order.answer))


def recorded(asked: Asked, event: CloudEvent) -> Order[UnhandledView]:
    """Return the order to write down that it came, and that there is no rule for it."""
    return Order(
        asked=asked,
        name="event record",
        key=_key(event, asked.actor, "event record", UnhandledView),
        answer=UnhandledView,
        do=lambda unit, command, _: unhandled.record(unit, command, event),
    )


def refusal(event: CloudEvent) -> UnknownEvent:
    """Return what is said where what has no rule is not taken."""
    return UnknownEvent(f"Nothing here is done for events of the type {shown(event.type)}.")


def was_answered(order: Order[Any], connection: Connection) -> bool:
    """Return whether this event was carried out before.

    Raises:
        KeyReused: another one was, that had its source and id.
    """
    return order.key is not None and find_answer(connection, order.key) is not None


@contextmanager
def told_as_an_event() -> Iterator[None]:
    """Let a key that another event had be told by what it is made of: who sends events knows of no key.

    Raises:
        KeyReused: in these words.
    """
    try:
        yield
    except KeyReused:
        msg = "Another event had that source and id: each has an id of its own, and comes again as it was."
        raise KeyReused(msg) from None


@contextmanager
def _told_by_path(rule: Handle) -> Iterator[None]:
    """Let what is wrong with something be told by where it stands in the event."""
    try:
        yield
    except BadInput as exc:
        path = places_of(rule).get(exc.field or "", "").removesuffix("?")
        if not path:
            raise
        msg = f"{path}: {exc.message}"
        raise type(exc)(msg, code=exc.code, field=path) from None


def _move(asked: Asked, said: Said, rule: Handle) -> Order[Any]:
    eoi = said.get("eoi")
    if "call" in said:
        eoi = orders.LiveEoi(said["call"], applicant_of(asked.actor, said.get("applicant")))
    data = {"answers": said["answers"]} if "answers" in said else {}
    return orders.fire(asked, eoi, rule.trigger, data)


def _draft(asked: Asked, said: Said) -> Order[Any]:
    return orders.draft(
        asked,
        said["call"],
        answers=said.get("answers", {}),
        applicant=said.get("applicant"),
        applicant_name=said.get("applicant_name"),
    )


#: Trigger -> the order, of what is asked of a call.
_OF_CALL: Final[Mapping[str, Callable[[Asked, Said], Order[Any]]]] = {
    "draft": _draft,
    "extend": lambda asked, said: orders.extend_call(asked, said["call"], said["closes_at"]),
    "close": lambda asked, said: orders.close_call(asked, said["call"]),
    "cancel": lambda asked, said: orders.cancel_call(asked, said["call"]),
}


def _key(event: CloudEvent, actor: Actor, kind: str, answer: type) -> Key:
    """Return an event's key: whose it is, its source and id; beside it, what else the event says.

    What it fires is no part of it: once carried out, it fires nothing again, whatever the table then says.
    """
    said = [answer.__name__, event.type, event.subject, event.data]
    # No source has a blank in it, so no two pairs read alike.
    return key_of(f"{event.source} {event.id}", actor, kind, "", said)
