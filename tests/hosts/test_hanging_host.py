"""A host's `authenticate` that hangs holds up whoever asks our routes, and nothing else of the host's."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

import pytest
from fastapi import FastAPI, Request

from adapters.api.app import Surroundings, build_api, door_router
from adapters.api.door import Door
from adapters.api.hosts import AT_ONCE, BACK_IN_S, AskedHost
from adapters.api.operation import Operation
from adapters.metrics import CONTENT_TYPE
from tests.api_frame.asgi import Answer, asked
from tests.hosts.conftest import USERS
from workflow import Actor, Engine

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
#: What never comes is waited for no longer than this, in seconds.
PATIENCE_S: Final = 20.0


class Hanging:
    """Says who asks, but not before it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.let_go = threading.Event()

    def __call__(self, _: Request) -> Actor:
        """Return who asks, in the end."""
        self.asked.release()
        assert self.let_go.wait(PATIENCE_S)
        return USERS["olga"]

    async def is_full(self) -> None:
        """Wait until so many hang as are waited for."""
        for _ in range(AT_ONCE):
            assert await asyncio.to_thread(self.asked.acquire, timeout=PATIENCE_S)


def door_of(engine: Engine, says_who: Any) -> Door:
    """Return a door of a host's, at which nobody waits for long, but long enough on a busy machine."""
    host = AskedHost(says_who, within_s=0.5)
    return Door(engine=engine, authenticate=host.told, ahead=host.ask)


async def in_time(answer: Coroutine[Any, Any, Answer]) -> Answer:
    """Return an answer that does not wait for what hangs."""
    done, _ = await asyncio.wait([asyncio.create_task(answer)], timeout=PATIENCE_S / 2)
    assert done
    return done.pop().result()


def beside(api: Any, hanging: Hanging, *paths: str, ours: str) -> tuple[list[Answer], list[Answer]]:
    """Return what is answered of these paths while all hang that can, and what those are told then."""

    async def story() -> tuple[list[Answer], list[Answer]]:
        waiting = [asyncio.create_task(asked(api, "GET", ours)) for _ in range(AT_ONCE)]
        try:
            await hanging.is_full()
            told = [await in_time(asked(api, "GET", path)) for path in paths]
        finally:
            hanging.let_go.set()
        return told, await asyncio.gather(*waiting)

    return asyncio.run(story())


def test_a_host_that_hangs_takes_no_thread_of_its_own_routes(engine: Engine) -> None:
    """While as many hang as may, the host's own function answers; one more of ours is told when to come."""
    api, hanging = FastAPI(), Hanging()
    api.get("/own")(lambda: "mine")
    api.include_router(door_router(door_of(engine, hanging)))
    (own, late), waited = beside(api, hanging, "/own", "/v1/calls", ours="/v1/calls")
    assert (own.status, own.json) == (200, "mine")
    assert (late.status, late.code, late.header("retry-after")) == (503, "overloaded", str(BACK_IN_S))
    assert [each.status for each in waited] == [200] * AT_ONCE


def test_a_host_that_hangs_takes_no_probe(engine: Engine) -> None:
    """Whether the program lives and is ready is told all the same; metrics say whom they wait for."""
    hanging = Hanging()
    operation = Operation(health=lambda: SimpleNamespace(ok=True), metrics=bytes, metrics_type=CONTENT_TYPE)
    api = build_api(door_of(engine, hanging), Surroundings(operation=operation, wait_s=PATIENCE_S))
    told, _ = beside(api, hanging, "/healthz", "/readyz", "/metrics", ours="/v1/calls")
    assert [each.status for each in told] == [200, 200, 503]


def test_what_was_waited_for_makes_room(engine: Engine) -> None:
    """Each that has hung and come back gives its place to the next one, also where it failed."""

    def fails(_: Request) -> Actor:
        raise ConnectionError

    async def story(says_who: AskedHost) -> None:
        for _ in range(AT_ONCE + 1):
            with pytest.raises(ConnectionError):
                await says_who.ask(Request({"type": "http", "method": "GET", "headers": []}))

    asyncio.run(story(AskedHost(fails, within_s=0.01)))


class Awaited:
    """An object that is called as a coroutine."""

    def __init__(self, heard: Callable[[], object]) -> None:
        self.heard = heard

    async def __call__(self, _: Request) -> Actor:
        """Return who asks."""
        self.heard()
        return USERS["olga"]


def test_a_coroutine_takes_no_thread_at_all(engine: Engine) -> None:
    """A host's coroutine is called on the loop, whatever it is made of."""
    threads = list[int]()

    async def says(_: Request, heard: Callable[[], object]) -> Actor:
        heard()
        return USERS["olga"]

    def hear() -> None:
        threads.append(threading.get_ident())

    for says_who in (Awaited(hear), partial(says, heard=hear)):
        api = FastAPI()
        api.include_router(door_router(door_of(engine, says_who)))
        assert asyncio.run(asked(api, "GET", "/v1/calls")).status == 200
    assert threads == [threading.get_ident()] * 2
