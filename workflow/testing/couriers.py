"""What takes a courier's place: it carries nothing, remembers what it got, and answers as it was told."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final, Protocol

from states.errors import BadInput
from states.events import Event, EventType
from workflow.hooks import event_types
from workflow.ports import Delayed, Delivered, Delivery, Outcome, Undeliverable

_OUTCOMES: Final = (Delivered, Delayed, Undeliverable)


class RecordingCourier:
    """Delivers nowhere, and remembers what it was given."""

    def __init__(self, answer: Callable[[Delivery], Outcome] | None = None) -> None:
        """Answer each delivery with `answer(delivery)`; None: it arrives."""
        self._answer = answer or (lambda _: Delivered())
        #: Every attempt, in order.
        self.attempts: list[Delivery] = []
        #: The events that arrived, in order.
        self.delivered: list[Event] = []

    def deliver(self, delivery: Delivery) -> Outcome:
        """Remember it, and answer."""
        self.attempts.append(delivery)
        outcome = self._answer(delivery)
        if isinstance(outcome, Delivered):
            self.delivered.append(delivery.event)
        return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One attempt to deliver, and what came of it."""

    #: Where the clock stood.
    at: datetime
    delivery: Delivery
    outcome: Outcome

    @property
    def event(self) -> Event:
        """What it tells of."""
        return self.delivery.event

    @property
    def address(self) -> str:
        """Where it went: a URL, an e-mail address; empty where there was no endpoint, but the log."""
        return self.delivery.address


class Whom:
    """Which deliveries are meant, by what they tell of and by whom they are for."""

    def __init__(self, of: str, to: str) -> None:
        """Choose.

        Args:
            of: which events: `eoi.submitted`, `call.*`, `*`.
            to: for whom: an address, a pattern of addresses, an endpoint's id, or a courier's name; `*`: all.

        Raises:
            BadInput: no event is called so.
        """
        self._types = set(EventType) if of == "*" else set(event_types(of, field="of"))
        self._to = to

    def fits(self, delivery: Delivery) -> bool:
        """Return whether this one is meant."""
        named = self._to in (delivery.address, delivery.endpoint_id, delivery.courier)
        return delivery.event.type in self._types and (named or fnmatchcase(delivery.address, self._to))


class Answering(Protocol):
    """Says of an attempt how it ends, when it comes."""

    def __call__(self, delivery: Delivery, /) -> Outcome:
        """Return how it ends."""
        ...


#: How an attempt ends, or who says so.
Answer = Outcome | Answering


class Answers:
    """What receivers answer: what was chosen, the latest choice first; and else that it has arrived."""

    def __init__(self) -> None:
        """Let everything arrive."""
        self._chosen: list[tuple[Whom, deque[Answer], bool]] = []

    def choose(self, whom: Whom, *answers: Answer, for_good: bool) -> None:
        """Let the next ones for these end so, one after the other.

        Args:
            whom: which deliveries.
            answers: how their next attempts end, in this order.
            for_good: whether the last one of these is the answer from then on.

        Raises:
            BadInput: no answer, or something else.
        """
        if not answers or not all(map(_is_answer, answers)):
            raise _no_outcome()
        self._chosen.insert(0, (whom, deque(answers), for_good))

    def __call__(self, delivery: Delivery) -> Outcome:
        """Return how this attempt ends.

        Raises:
            BadInput: who was to say so said something else.
        """
        answer = self._next(delivery)
        outcome = answer(delivery) if callable(answer) else answer
        if not isinstance(outcome, _OUTCOMES):
            raise _no_outcome()
        return outcome

    def _next(self, delivery: Delivery) -> Answer:
        for whom, answers, for_good in self._chosen:
            if answers and whom.fits(delivery):
                return answers[0] if for_good and len(answers) == 1 else answers.popleft()
        return Delivered()


def _is_answer(given: object) -> bool:
    return isinstance(given, _OUTCOMES) or (callable(given) and not isinstance(given, type))


def _no_outcome() -> BadInput:
    msg = "An attempt ends by Delivered(), Delayed(why=…) or Undeliverable(why=…), and by nothing else."
    return BadInput(msg, field="answers")
