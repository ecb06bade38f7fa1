"""The tables of moves for Call and Eoi, and the one shared transitions Machine built from each.

The tables are the single source: decisions, `allowed`, the diagram, docs/lifecycle.md and the tests
read them. The only file that knows the package `transitions`; it uses one unattached machine per
table, and fires on a one-slot probe, never on a row.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from transitions import EventData, Machine, Transition

from states.access import may, role_missing
from states.errors import BadLifecycle, Refusal
from states.events import EventType
from states.facts import Facts
from states.guards import (
    GUARDS,
    NEEDS,
    Guard,
    applicant_is_own_organisation,
    call_has_closed,
    call_is_open,
    call_was_cancelled,
    closing_is_ahead,
    closing_is_due_or_nobody_has_begun,
    decider_is_not_the_reviewer,
    new_closing_is_later,
    opening_is_not_ahead,
    submission_was_in_flight,
)
from states.names import (
    DECIDED_EOI_STATES,
    LIVE_EOI_STATES,
    NOT_YET,
    CallState,
    CallTrigger,
    EoiState,
    EoiTrigger,
    Role,
)

# Its DEBUG lines cost more than the trigger itself, and say nothing that history does not.
logging.getLogger("transitions").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One row of a table: what may be done, from where to where, by whom, if what."""

    trigger: str
    sources: tuple[str, ...]
    target: str
    #: Holders of any of these may; and an officer on behalf of a named applicant; nobody else.
    roles: frozenset[Role]
    #: What it is called on a button.
    label: str
    #: The event it leaves behind.
    event: EventType
    #: Sentences that must be true.
    guards: tuple[Guard, ...] = ()
    #: What the caller must give along: `reason`, `closes_at`.
    needs: tuple[str, ...] = ()


class _Step(Transition):
    """A transition that carries the row of the table that it was made from."""

    def __init__(self, *theirs: Any, move: Move, **callbacks: Any) -> None:  # noqa: ANN401 -- theirs
        super().__init__(*theirs, **callbacks)
        self.move = move


class _Machine(Machine):
    """A machine whose transitions carry their rows."""

    transition_cls = _Step


class _Probe:
    """The one slot on which the machine acts, so that rows stay untouched."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


def objections(move: Move, facts: Facts) -> list[Refusal]:
    """Return what stands in the way of `move`: the role first, then each guard in the table's order."""
    reasons = [] if may(facts.actor, move.roles) else [role_missing(facts.actor, move.roles, to=move.trigger)]
    reasons.extend(refusal for guard in move.guards if (refusal := guard(facts)) is not None)
    return reasons


def _nothing_objects(event: EventData) -> bool:
    """Collect every objection into the list passed in; the machine moves only if there is none."""
    facts, reasons = event.args
    reasons.extend(objections(cast("_Step", event.transition).move, facts))
    return not reasons


class Lifecycle:
    """A table of moves, checked when it is built, with the machine made from it."""

    def __init__(self, name: str, moves: Sequence[Move], *, final: Collection[str]) -> None:
        """Build the machine.

        Args:
            name: what goes through it: `call` or `eoi`.
            moves: the table.
            final: the states in which it may rest for good.

        Raises:
            BadLifecycle: no moves; two answers to one question; a row that leaves no state, that may be
                made by nobody or an unknown role, or that names an unknown guard or need; an event of
                another thing or trigger; a state that nothing reaches; a dead end, or a way that never
                comes to rest.
        """
        self.name = name
        self.moves = tuple(moves)
        self.final = frozenset(final)
        #: Every state that a row can be in, in the table's order.
        self.states = tuple(dict.fromkeys(move.target for move in moves))
        self._by_question = {(move.trigger, source): move for move in moves for source in move.sources}
        self._check()
        self._machine = _machine(name, (NOT_YET, *self.states), moves)

    def move(self, trigger: str, source: str) -> Move | None:
        """Return the row that answers `trigger` in state `source`, if there is one; for anything at all."""
        return self._by_question.get((trigger, source)) if isinstance(trigger, str) else None

    def moves_of(self, trigger: str) -> list[Move]:
        """Return every row with this trigger; empty for a trigger that the table does not know."""
        return [move for move in self.moves if move.trigger == trigger]

    def moves_from(self, source: str) -> list[Move]:
        """Return every row that leaves (or stays in) `source`."""
        return [move for move in self.moves if source in move.sources]

    def fire(self, trigger: str, source: str, facts: Facts) -> tuple[str, list[Refusal]]:
        """Let the machine decide: the state it comes to, and what stood in the way (empty: it moved).

        `(trigger, source)` must be a row of the table.
        """
        probe, reasons = _Probe(str(source)), list[Refusal]()
        self._machine.events[trigger].trigger(probe, facts, reasons)
        return probe.state, reasons

    def _check(self) -> None:
        if not self.moves:
            self._fail("it has no moves")
        if len(self._by_question) != sum(len(move.sources) for move in self.moves):
            self._fail("two rows answer one trigger in one state")
        for move in self.moves:
            self._check_row(move)
        told = {(move.event, move.trigger) for move in self.moves}
        if len(told) != len({event for event, _ in told}):
            self._fail("two triggers leave one event behind")
        if NOT_YET in self.states:
            self._fail(f"a move leads to {NOT_YET}")
        if lost := [state for state in self._named() if state not in self._reached_from(NOT_YET)]:
            self._fail(f"nothing reaches {lost[0]}")
        for state in self._named():
            if state not in self.final and not self.final & self._reached_from(state):
                self._fail(f"no way out of {state}")

    def _check_row(self, move: Move) -> None:
        if not move.sources:
            self._fail(f"{move.trigger} leaves no state")
        if not move.roles:
            self._fail(f"nobody may {move.trigger}")
        if unknown := sorted(move.roles - set(Role)):
            self._fail(f"unknown role {unknown[0]}")
        if nameless := [guard for guard in move.guards if guard not in GUARDS]:
            self._fail(f"unknown guard {nameless[0].__name__}")
        if wordless := [need for need in move.needs if need not in NEEDS]:
            self._fail(f"unknown need {wordless[0]}")
        if not move.event.startswith(f"{self.name}."):
            self._fail(f"{move.trigger} leaves {move.event} behind, which happens to something else")

    def _named(self) -> list[str]:
        sources = {source for move in self.moves for source in move.sources}
        return sorted((sources | set(self.states) | self.final) - {NOT_YET})

    def _reached_from(self, start: str) -> set[str]:
        reached, todo = set[str](), [start]
        while todo:
            found = {move.target for move in self.moves_from(todo.pop())} - reached
            reached |= found
            todo.extend(found)
        return reached

    def _fail(self, why: str) -> None:
        msg = f"The lifecycle of {self.name} is wrong: {why}."
        raise BadLifecycle(msg, lifecycle=self.name)


def _machine(name: str, states: Iterable[str], moves: Iterable[Move]) -> Machine:
    machine = _Machine(
        model=None,
        name=name,
        states=[str(state) for state in states],
        initial=NOT_YET,
        auto_transitions=False,
        send_event=True,
        queued=False,
    )
    for move in moves:
        for source in move.sources:
            machine.add_transition(
                str(move.trigger), str(source), str(move.target), conditions=[_nothing_objects], move=move
            )
    return machine


_APPLICANT: Final = frozenset({Role.APPLICANT})
_OFFICER: Final = frozenset({Role.OFFICER})
_DECIDER: Final = frozenset({Role.DECIDER})
_SYSTEM: Final = frozenset({Role.SYSTEM})

#: A call, from its publication to its end.
CALL: Final = Lifecycle(
    "call",
    [
        Move(
            trigger=CallTrigger.OPEN,
            sources=(NOT_YET,),
            target=CallState.OPEN,
            roles=_OFFICER,
            guards=(opening_is_not_ahead, closing_is_ahead),
            label="Open the call",
            event=EventType.CALL_OPENED,
        ),
        Move(
            trigger=CallTrigger.EXTEND,
            sources=(CallState.OPEN,),
            target=CallState.OPEN,
            roles=_OFFICER,
            guards=(call_is_open, new_closing_is_later),
            needs=("reason", "closes_at"),
            label="Extend the deadline",
            event=EventType.CALL_EXTENDED,
        ),
        Move(
            trigger=CallTrigger.CLOSE,
            sources=(CallState.OPEN,),
            target=CallState.CLOSED,
            roles=_SYSTEM | _OFFICER,
            guards=(closing_is_due_or_nobody_has_begun,),
            label="Close the call",
            event=EventType.CALL_CLOSED,
        ),
        Move(
            trigger=CallTrigger.CANCEL,
            sources=(CallState.OPEN, CallState.CLOSED),
            target=CallState.CANCELLED,
            roles=frozenset({Role.ADMIN}),
            needs=("reason",),
            label="Cancel the call",
            event=EventType.CALL_CANCELLED,
        ),
    ],
    final=(CallState.CLOSED, CallState.CANCELLED),
)

#: An expression of interest, from its first draft to the decision.
EOI: Final = Lifecycle(
    "eoi",
    [
        Move(
            trigger=EoiTrigger.DRAFT,
            sources=(NOT_YET,),
            target=EoiState.DRAFT,
            roles=_APPLICANT,
            guards=(applicant_is_own_organisation, call_is_open),
            label="Begin an EOI",
            event=EventType.EOI_DRAFTED,
        ),
        Move(
            trigger=EoiTrigger.SAVE,
            sources=(EoiState.DRAFT,),
            target=EoiState.DRAFT,
            roles=_APPLICANT,
            guards=(applicant_is_own_organisation, call_is_open),
            label="Save the answers",
            event=EventType.EOI_SAVED,
        ),
        Move(
            trigger=EoiTrigger.SUBMIT,
            sources=(EoiState.DRAFT,),
            target=EoiState.SUBMITTED,
            roles=_APPLICANT,
            guards=(applicant_is_own_organisation, call_is_open),
            label="Submit",
            event=EventType.EOI_SUBMITTED,
        ),
        Move(
            trigger=EoiTrigger.REVIEW,
            sources=(EoiState.SUBMITTED,),
            target=EoiState.REVIEWED,
            roles=_OFFICER | {Role.REVIEWER},
            guards=(call_has_closed,),
            label="Record the review",
            event=EventType.EOI_REVIEWED,
        ),
        Move(
            trigger=EoiTrigger.APPROVE,
            sources=(EoiState.REVIEWED,),
            target=EoiState.APPROVED,
            roles=_DECIDER,
            guards=(decider_is_not_the_reviewer,),
            needs=("reason",),
            label="Approve",
            event=EventType.EOI_APPROVED,
        ),
        Move(
            trigger=EoiTrigger.DECLINE,
            sources=(EoiState.REVIEWED,),
            target=EoiState.DECLINED,
            roles=_DECIDER,
            guards=(decider_is_not_the_reviewer,),
            needs=("reason",),
            label="Decline",
            event=EventType.EOI_DECLINED,
        ),
        Move(
            trigger=EoiTrigger.WITHDRAW,
            sources=LIVE_EOI_STATES,
            target=EoiState.WITHDRAWN,
            roles=_APPLICANT,
            guards=(applicant_is_own_organisation,),
            label="Withdraw",
            event=EventType.EOI_WITHDRAWN,
        ),
        Move(
            trigger=EoiTrigger.LAPSE,
            sources=(EoiState.DRAFT,),
            target=EoiState.LAPSED,
            roles=_SYSTEM,
            guards=(call_has_closed,),
            label="Lapse at the close",
            event=EventType.EOI_LAPSED,
        ),
        Move(
            trigger=EoiTrigger.REINSTATE,
            sources=(EoiState.LAPSED,),
            target=EoiState.SUBMITTED,
            roles=_OFFICER,
            guards=(call_has_closed, submission_was_in_flight),
            needs=("reason",),
            label="Reinstate what arrived in time",
            event=EventType.EOI_REINSTATED,
        ),
        Move(
            trigger=EoiTrigger.CANCEL,
            sources=LIVE_EOI_STATES,
            target=EoiState.CANCELLED,
            roles=_SYSTEM,
            guards=(call_was_cancelled,),
            label="Cancel with the call",
            event=EventType.EOI_CANCELLED,
        ),
    ],
    final=(*DECIDED_EOI_STATES, EoiState.WITHDRAWN, EoiState.LAPSED, EoiState.CANCELLED),
)
