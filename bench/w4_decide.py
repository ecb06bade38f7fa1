"""W4: a decision in memory, nothing read and nothing written.

May this applicant submit this draft now? The engine asks role, state and two guards (its own
organisation, in time), by one shared machine of transitions. The floor fires that machine's move alone.
python-statemachine has the same states and the same two guards, on one instance that is used again and
again (making one for each EOI would cost it more). The second line of ours refuses a late submission,
with the reason in words.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from transitions import Machine

from bench.contest import MEMORY, Contender, Place, Prepare, Target, Workload
from bench.peers import statemachine
from states.decisions import decide
from states.errors import Refused
from states.facts import Actor, CallFacts, EoiFacts, Facts
from states.lifecycle import EOI
from states.names import CallState, EoiState, EoiTrigger, Role

NOW: Final = datetime(2023, 3, 16, 12, tzinfo=UTC)
HEAD: Final = Actor("head", {Role.APPLICANT}, organisations={"URN:121234"})


def question(*, now: datetime = NOW) -> Facts:
    """Return what a submission asks."""
    closes_at = NOW + timedelta(days=1)
    call = CallFacts(
        state=CallState.OPEN,
        opens_at=NOW - timedelta(days=30),
        closes_at=closes_at,
        settles_at=closes_at + timedelta(seconds=2),
        closed_at=None,
        timezone="Europe/London",
    )
    return Facts(actor=HEAD, now=now, call=call, eoi=EoiFacts(state=EoiState.DRAFT, applicant="URN:121234"))


@contextmanager
def ours(_: Place) -> Iterator[Prepare]:
    """Decide that a draft may be submitted: role, two guards, state."""
    facts = question()
    yield _repeating(lambda: decide(EOI, EoiTrigger.SUBMIT, facts))


@contextmanager
def refused(_: Place) -> Iterator[Prepare]:
    """Decide that a late one may not, and say why."""
    facts = question(now=NOW + timedelta(days=2))

    def refuse() -> None:
        try:
            decide(EOI, EoiTrigger.SUBMIT, facts)
        except Refused:
            return
        msg = "A late submission was let in."
        raise ValueError(msg)

    yield _repeating(refuse)


class _Probe:
    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


@contextmanager
def floor(_: Place) -> Iterator[Prepare]:
    """Trigger the same move on one bare, shared machine of transitions: no role, no guard, no reasons."""
    states = [str(state) for state in EOI.states]
    machine = Machine(model=None, states=states, initial="draft", auto_transitions=False, send_event=True)
    for move in EOI.moves:
        for source in move.sources:
            if source in EOI.states:
                machine.add_transition(str(move.trigger), str(source), str(move.target))
    trigger = machine.events["submit"].trigger

    def move_on() -> None:
        trigger(_Probe("draft"))

    yield _repeating(move_on)


def _repeating(work: Callable[[], object]) -> Prepare:
    def prepare(count: int) -> Callable[[], None]:
        def go() -> None:
            for _ in range(count):
                work()

        return go

    return prepare


WORKLOAD: Final = Workload(
    name="W4",
    module=__name__,
    title="a decision in memory, guards and reasons included",
    unit="a decision",
    per_turn=5000,
    rounds=21,
    on=(MEMORY,),
    contenders=(
        Contender(
            name="floor", title="a bare trigger", play=floor, package="transitions", on=(MEMORY,), floor=True
        ),
        Contender(name="ours", title="decide", play=ours, package="eoi-workflow", on=(MEMORY,)),
        Contender(
            name="refused", title="decide, and refuse", play=refused, package="eoi-workflow", on=(MEMORY,)
        ),
        statemachine.CONTENDER,
    ),
    targets=(
        Target(says="at most 2.0 × a bare trigger", at_most=2.0, on=(MEMORY,)),
        Target(
            says="at least 4 × as quick as python-statemachine",
            of="python-statemachine",
            to="ours",
            at_least=4.0,
            on=(MEMORY,),
        ),
    ),
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
    between=(
        "the guards and the list of reasons, which run inside the machine's own condition; the trigger "
        "itself is the floor's."
    ),
)
