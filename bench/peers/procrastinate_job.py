"""procrastinate: a job for each event, and a worker that POSTs it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from bench.contest import POSTGRESQL, Contender, Place, Prepare
from bench.receiver import receiver
from bench.w3_floor import AT_ONCE, HEADERS, require, some_bodies


@contextmanager
def play(place: Place) -> Iterator[Prepare]:
    """Deliver by a worker with as many jobs at once as the pump has."""
    from procrastinate import App, PsycopgConnector, SyncPsycopgConnector  # noqa: PLC0415 -- a peer

    sync = App(connector=SyncPsycopgConnector(conninfo=place.url))
    with sync.open():
        sync.schema_manager.apply_schema()

    with receiver() as taken, asyncio.Runner() as loop:
        app = App(connector=PsycopgConnector(conninfo=place.url))
        client = httpx.AsyncClient(headers=HEADERS, trust_env=False)
        loop.run(_open(app))

        @app.task(name="deliver")
        async def deliver(content: str) -> None:
            (await client.post(taken.url, content=content.encode())).raise_for_status()

        async def defer(bodies: list[bytes]) -> None:
            await deliver.batch_defer_async(*({"content": each.decode()} for each in bodies))

        async def work() -> None:
            await app.run_worker_async(
                concurrency=AT_ONCE, wait=False, install_signal_handlers=False, listen_notify=False
            )

        def prepare(count: int) -> Callable[[], None]:
            loop.run(defer(some_bodies(count)))
            expected = taken.count() + count

            def go() -> None:
                loop.run(work())
                require(taken, expected, "")

            return go

        yield prepare
        loop.run(client.aclose())
        loop.run(app.close_async())


async def _open(app: Any) -> None:  # noqa: ANN401 -- a peer's
    await app.open_async()


CONTENDER: Final = Contender(
    name="procrastinate",
    title="a worker's job that POSTs",
    play=play,
    package="procrastinate",
    on=(POSTGRESQL,),
    share=0.5,
)
