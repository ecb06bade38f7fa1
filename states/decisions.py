"""decide(lifecycle, trigger, facts) -> Decision, or raise with every reason.

The one way to a new state. Only use cases ask here.
"""

from dataclasses import dataclass

from states.errors import Refusal, Refused, UnknownTrigger
from states.events import EventType
from states.facts import Facts
from states.guards import NEEDS
from states.lifecycle import Lifecycle, Move, objections
from states.names import ENDED_WITH_THE_CALL, NOT_YET


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided: the move, and with it the state to come to and the event to tell."""

    trigger: str
    source: str
    to: str
    event: EventType


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that could be done now: ok, or with all that stands in the way."""

    #: The word to fire.
    trigger: str
    #: What it is called on a button.
    label: str
    #: The state it would come to.
    to: str
    #: True when nothing but `needs` stands between.
    ok: bool
    #: What the caller must still give: `reason`, `closes_at`. No refusal.
    needs: tuple[str, ...]
    #: Everything that stands in the way.
    reasons: tuple[Refusal, ...]


def decide(lifecycle: Lifecycle, trigger: str, facts: Facts) -> Decision:
    """Return what firing `trigger` comes to. Changes nothing.

    Args:
        lifecycle: the table to ask: `CALL`, or `EOI`.
        trigger: the word of the move.
        facts: how things stand; the state is the EOI's where the facts hold one, else the call's.

    Raises:
        UnknownTrigger: the table has no such word.
        Refused: role, guards, state and needs, whatever stands in the way, all at once.
    """
    source = _state(facts)
    move = lifecycle.move(trigger, source)
    if move is None:
        move, reasons = _from_the_wrong_state(lifecycle, trigger, facts)
        raise Refused.because([*reasons, *_needs_in_words(move, facts)])
    to, reasons = lifecycle.fire(trigger, source, facts)
    reasons.extend(_needs_in_words(move, facts))
    if reasons:
        raise Refused.because(reasons)
    return Decision(trigger=trigger, source=source, to=to, event=move.event)


def require_known(lifecycle: Lifecycle, trigger: str) -> None:
    """Let pass a word that the table has, whatever the state.

    Raises:
        UnknownTrigger: it has no such word.
    """
    _moves_of(lifecycle, trigger)


def explain(lifecycle: Lifecycle, trigger: str, facts: Facts) -> Option:
    """Return whether `trigger` could be fired now, and if not, every reason why.

    Raises:
        UnknownTrigger: the table has no such word.
    """
    move = lifecycle.move(trigger, _state(facts))
    if move is None:
        move, reasons = _from_the_wrong_state(lifecycle, trigger, facts)
        return _option(move, reasons, facts)
    return _option(move, objections(move, facts), facts)


def options(lifecycle: Lifecycle, facts: Facts) -> list[Option]:
    """Return every trigger that leaves the present state, ok or with all its reasons."""
    moves = lifecycle.moves_from(_state(facts))
    return [_option(move, objections(move, facts), facts) for move in moves]


def _option(move: Move, reasons: list[Refusal], facts: Facts) -> Option:
    return Option(
        trigger=str(move.trigger),
        label=move.label,
        to=str(move.target),
        ok=not reasons,
        needs=_missing(move, facts),
        reasons=tuple(reasons),
    )


def _state(facts: Facts) -> str:
    return facts.call.state if facts.eoi is None else facts.eoi.state


def _moves_of(lifecycle: Lifecycle, trigger: str) -> list[Move]:
    moves = lifecycle.moves_of(trigger)
    if not moves:
        named = str(trigger)[:60]
        known = ", ".join(dict.fromkeys(str(move.trigger) for move in lifecycle.moves))
        msg = f"There is no trigger {named!r} in the lifecycle of {lifecycle.name}. Triggers are: {known}."
        raise UnknownTrigger(msg, trigger=named)
    return moves


def _from_the_wrong_state(lifecycle: Lifecycle, trigger: str, facts: Facts) -> tuple[Move, list[Refusal]]:
    """Return the move that was meant, and why not.

    The role comes first. Then the state, and what else stands in the way; but what happened to the call
    says more than the state of a call, or that of an EOI which ended with its call: lapsed, cancelled.
    """
    moves = _moves_of(lifecycle, trigger)
    wrong = Refusal("wrong-state", _wrong_state_in_words(trigger, moves, _state(facts)), field="state")
    found = objections(moves[0], facts)
    if facts.eoi is None or facts.eoi.state in ENDED_WITH_THE_CALL:
        return moves[0], [*found, wrong]
    return moves[0], sorted([wrong, *found], key=lambda reason: reason.code != "role-missing")


def _wrong_state_in_words(trigger: str, moves: list[Move], state: str) -> str:
    sources = [source for move in moves for source in move.sources]
    if sources == [NOT_YET]:
        return f"It is there already, and {state}; to {trigger} is to begin a new one."
    now = "It does not exist yet" if state == NOT_YET else f"It is {state}"
    return f"{now}; to {trigger} it must be {' or '.join(sources)}."


def _needs_in_words(move: Move, facts: Facts) -> list[Refusal]:
    return [NEEDS[need] for need in _missing(move, facts)]


def _missing(move: Move, facts: Facts) -> tuple[str, ...]:
    given = {"reason": facts.reason, "closes_at": facts.new_closes_at}
    return tuple(need for need in move.needs if not given[need])
