"""The engine's face towards what happens elsewhere: events that fire what a table says."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy.orm import Session

from states.decisions import Option
from states.errors import BadInput
from states.facts import Actor
from workflow import event_orders, unhandled
from workflow.cloud_events import cloud_event_of
from workflow.commands import Arrival, Asked
from workflow.connection import Connection
from workflow.dispatch import Order, T
from workflow.handles import Handles, is_of_eoi
from workflow.log import get_log
from workflow.views import CallView, Page, Receipt, UnhandledView

R = TypeVar("R")
_log = get_log("events")

#: What becomes of an event that there is no rule for.
RECORD: Final = "record"
REFUSE: Final = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What an event from elsewhere would come to, if it were given now."""

    #: The event's.
    type: str
    #: The type of the rule that is for it: `forms.eoi.*`; None: there is none, and it would be recorded.
    rule: str | None = None
    #: What it would fire.
    trigger: str | None = None
    #: The id of the EOI or the call that it would be fired on.
    subject: str | None = None
    #: Whether it was carried out before: it would be answered with the first answer.
    replayed: bool = False
    #: Whether that could be done now, or what stands in the way; None where only the doing can tell.
    option: Option | None = None


def refuses(unknown_events: object) -> bool:
    """Return whether an event without a rule is turned away; else it is recorded.

    Raises:
        BadInput: neither `record` nor `refuse`.
    """
    if unknown_events not in (RECORD, REFUSE):
        msg = f"unknown_events must be {RECORD!r} or {REFUSE!r}."
        raise BadInput(msg, field="unknown_events")
    return unknown_events == REFUSE


class Handling(ABC):
    """A part of the engine's face. Who may do a thing may let an event do it; an event makes nobody more."""

    _handles: Handles
    #: Whether an event without a rule is turned away; else it is recorded.
    _refuses_unknown: bool

    @abstractmethod
    def _asked(
        self, actor: Actor, *, session: Session | None = None, arrival: Arrival | None = None
    ) -> Asked:
        """Check who asks, and on which terms."""

    @abstractmethod
    def _carry_out(self, order: Order[T]) -> T:
        """Carry out a command."""

    @abstractmethod
    def _done(self, do: Callable[[Connection], R], *, at_once: bool = False) -> R:
        """Do it on a connection."""

    @abstractmethod
    def _what_if(
        self,
        eoi_id: str,
        actor: Actor,
        *,
        at: datetime | None,
        trigger: str | None = None,
        reason: object = None,
    ) -> list[Option]:
        """Return what could be done."""

    def handle(
        self,
        event: Mapping[str, Any],
        *,
        actor: Actor,
        session: Session | None = None,
        arrival: Arrival | None = None,
    ) -> Receipt | CallView | UnhandledView:
        """Let an event from elsewhere fire what its rule says; without a rule, write down that it came.

        `source` and `id` are its idempotency key: given again by the same actor, it is answered alike. It is
        the actor who acts, whoever the event speaks of.

        Args:
            event: a CloudEvent 1.0, as JSON has it in structured mode.
            actor: who gives it.
            session: a host's SQLAlchemy session: it is then part of the host's transaction.
            arrival: when it came in, where that was before: from `engine.arrival()`.

        Raises:
            BadInput: no CloudEvent, or it does not fit its rule; `field` is the attribute, or the path.
            KeyReused: another event had that source and id.
            UnknownEvent: there is no rule for its type, and the settings say that such are refused.
        """
        asked, told = self._asked(actor, session=session, arrival=arrival), cloud_event_of(event)
        rule = self._handles.rule_for(told.type)
        if rule is not None:
            with event_orders.told_as_an_event():
                answer: Receipt | CallView = self._carry_out(event_orders.handled(asked, told, rule))
            return answer
        if self._refuses_unknown:
            raise event_orders.refusal(told)
        with event_orders.told_as_an_event():
            view = self._carry_out(event_orders.recorded(asked, told))
        _log.info("event.unhandled", unhandled_id=view.id)
        return view

    def explain_event(self, event: Mapping[str, Any], *, actor: Actor) -> Foreseen:
        """Return what an event would come to, if it were given now; changes nothing.

        Raises:
            BadInput, KeyReused, NotFound, UnknownEvent: as `handle` would.
        """
        asked, told = self._asked(actor), cloud_event_of(event)
        rule = self._handles.rule_for(told.type)
        if rule is None:
            if self._refuses_unknown:
                raise event_orders.refusal(told)
            return Foreseen(type=told.type)
        order = event_orders.handled(asked, told, rule)
        found = Foreseen(type=told.type, rule=rule.type, trigger=rule.trigger)
        with event_orders.told_as_an_event():
            replayed = self._done(partial(event_orders.was_answered, order))
        if replayed:
            return replace(found, replayed=True)
        found = replace(found, subject=self._done(order.subject))
        if found.subject is None or not is_of_eoi(rule):
            return found
        (option,) = self._what_if(
            found.subject, actor, at=None, trigger=rule.trigger, reason=order.asked.reason
        )
        return replace(found, option=option)

    def unhandled(
        self, *, after: str | None = None, limit: int = 50, actor: Actor | None = None
    ) -> Page[UnhandledView]:
        """Return a page of the events that nothing was done for, the newest first.

        Officer, admin or auditor. Give its `next` as `after` for the next page. They are kept as long as
        idempotency keys.
        """
        return self._done(lambda connection: unhandled.listed(connection, actor, after=after, limit=limit))
