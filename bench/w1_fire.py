"""W1: one durable `fire`. An applicant submits a draft: every check, state, history, outbox, one commit.

An applicant submits a draft in an open call. The floor is the bare driver on one open connection: it
reads the EOI with its call (on PostgreSQL under a share lock), updates it on its version, adds the row of
history and the row of the outbox, and commits; into the same tables, with their indexes, CHECKs and
triggers. The engine does that and reads once more before the lock, to turn away who is late; it decides
(role, guards, state, needs), and gives a receipt. django-fsm-2 writes the same three rows by Django's ORM
in one transaction; DBOS runs a workflow whose one step is the floor's transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bench.contest import POSTGRESQL, SQLITE, Contender, Place, Prepare, Target, Workload
from bench.peers import dbos_workflow, django_fsm
from bench.w1_floor import drafts, floor, statements
from workflow import Engine
from workflow.testing import school


@contextmanager
def ours(place: Place) -> Iterator[Prepare]:
    """Submit by `engine.submit`, with the clock and the settings that everybody gets."""
    with drafts(place) as more, Engine(place.url) as engine:

        def prepare(count: int) -> Callable[[], None]:
            waiting = [(eoi_id, school(number)) for number, eoi_id in enumerate(more(count), start=1)]

            def go() -> None:
                for eoi_id, head in waiting:
                    engine.submit(eoi_id, actor=head)

            return go

        yield prepare


WORKLOAD: Final = Workload(
    name="W1",
    module=__name__,
    title="one durable fire: roles, guards, version, history, outbox, one commit",
    unit="a transition",
    per_turn=100,
    rounds=21,
    contenders=(
        Contender(name="floor", title="the same rows by the bare driver", play=floor, floor=True),
        Contender(name="ours", title="engine.submit", play=ours, package="eoi-workflow"),
        django_fsm.ONE,
        dbos_workflow.CONTENDER,
    ),
    targets=(
        Target(says="at most 2.5 × the floor", at_most=2.5, on=(SQLITE,)),
        Target(says="aiming at 2.0 × the floor", at_most=2.0, on=(SQLITE,)),
        Target(says="at most 1.3 × the floor", at_most=1.3, on=(POSTGRESQL,)),
        Target(says="ahead of every peer", of="peers", to="ours", at_least=1.0),
    ),
    sql=statements,
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
    between=(
        "Python. On PostgreSQL the engine makes five trips where the floor makes six (it begins and asks the "
        "time in one, and writes three rows by one statement), and on SQLite it sends one read more; what is "
        "left is what surrounds them: facts, decision, receipt, the statements' values, the pool, the log."
    ),
)
