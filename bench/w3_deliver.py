"""W3: events are delivered to a receiver on this machine, and each delivery is written down.

So many events wait in the outbox for one endpoint; one pass of the runner makes their deliveries, leases
them, POSTs them by its courier (which vets every address) and writes down how each ended. The floor is
the best of three bare httpx clients that POST the same bytes to the same kind of receiver and write
nothing down: one thread, 16 threads, 16 tasks. The peer is a procrastinate worker (PostgreSQL only, 16 at
once) whose job POSTs those bytes by one shared httpx client.

N is how long the receiver takes for an answer, in milliseconds. Where it takes 100, nothing but how many are
on their way at once decides: 16 workers can deliver 160 a second, and the floor, threads that only wait, does
just that. What is missing to it is the time until all workers have been started, once in each pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from adapters.bootstrap import build
from adapters.settings import Settings
from bench import seed
from bench.contest import Contender, Place, Prepare, Target, Workload
from bench.peers import procrastinate_job
from bench.raw import raw
from bench.receiver import receiver
from bench.w1_floor import OPEN_FOR
from bench.w3_floor import latency_s, one_thread, require, tasks, threads, waits
from workflow.testing import officer


@contextmanager
def ours(place: Place) -> Iterator[Prepare]:
    """Deliver by one pass of the runner: fan out, lease, POST, write down how it ended."""
    seed.migrate(place)
    settings = Settings(database_url=place.url, webhook_allow="127.0.0.1", log_level="ERROR")
    app = build(settings)
    with receiver(after_s=latency_s(place)) as taken:
        app.engine.add_endpoint(taken.url, actor=officer())

        def prepare(count: int) -> Callable[[], None]:
            with raw(place) as opened:
                call_id = seed.call(opened, closes_in=OPEN_FOR)
                seed.eois(opened, call_id, submitted=count, history=False)
                seed.events(opened, call_id)
                opened.settle()
            expected = taken.count() + count

            def go() -> None:
                pumped = app.runner.once().pumped
                require(taken, expected, f"{pumped}")

            return go

        yield prepare
        app.close()


#: How long the slow receiver takes, in milliseconds; and the part of a turn's units that is enough for it.
SLOW_MS: Final = 100
SLOW_SHARE: Final = 0.48

_QUICK: Final = (
    Contender(
        name="httpx-1",
        title="bare httpx, one thread",
        play=one_thread,
        package="httpx",
        floor=True,
        sizes=(0,),
    ),
    Contender(
        name="httpx-16", title="bare httpx, 16 threads", play=threads, package="httpx", floor=True, sizes=(0,)
    ),
    Contender(
        name="httpx-async", title="bare httpx, 16 tasks", play=tasks, package="httpx", floor=True, sizes=(0,)
    ),
    Contender(name="ours", title="runner.once", play=ours, package="eoi-workflow", sizes=(0,)),
    replace(procrastinate_job.CONTENDER, sizes=(0,)),
)
_SLOW: Final = (
    Contender(
        name="waits",
        title="16 threads that only wait",
        play=waits,
        floor=True,
        sizes=(SLOW_MS,),
        share=SLOW_SHARE,
    ),
    *(
        replace(each, sizes=(SLOW_MS,), share=SLOW_SHARE)
        for each in _QUICK
        if each.name in {"httpx-16", "httpx-async", "ours"}
    ),
)

WORKLOAD: Final = Workload(
    name="W3",
    module=__name__,
    title="deliver events to a receiver on this machine, and write each delivery down",
    unit="a delivery",
    per_turn=1000,
    rounds=7,
    sizes=(0, SLOW_MS),
    quick_sizes=(0, SLOW_MS),
    contenders=(*_QUICK, *_SLOW),
    targets=(
        Target(
            says="at least 0.6 × as many as bare httpx", of="floor", to="ours", at_least=0.6, sizes=(0, 0)
        ),
        Target(says="at least 0.8 × workers / latency", of="floor", to="ours", at_least=0.8, sizes=(-1, -1)),
        Target(says="at least 2 × as many as procrastinate", of="procrastinate", to="ours", at_least=2.0),
    ),
    as_rate=True,
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
    between=(
        "one interpreter lock. Sixteen threads of bare httpx, which write nothing down, do not reach what "
        "one thread does; beside them the pump's own thread gives the lock away with each statement, and "
        "waits to get it back. What a delivery costs is how many statements and commits it has a share in."
    ),
)
