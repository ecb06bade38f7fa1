"""A request is answered in one thread, unless something in it waits."""

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request

from adapters.api.app import door_router
from adapters.api.at_once import as_coroutine, at_once, never_waits, waiting_for_nothing
from adapters.api.auth import Bearer
from adapters.api.door import Door
from adapters.api.rates import Rates
from adapters.bootstrap import App
from tests.api_frame.asgi import JSON, ask, key
from tests.api_frame.conftest import MakeApi, knows
from workflow import Actor

#: Set where somebody is authenticated; seen as long as the thread is not changed.
_HERE = ContextVar("_HERE", default=False)
CALL = b'{"reference": "1/26", "title": "Bases", "closes_on": "2023-03-17"}'


def _knows(token: str) -> Actor:
    _HERE.set(True)
    return knows(token)


def test_the_whole_of_a_request_is_answered_in_one_thread(program: App, make_api: MakeApi) -> None:
    """Who asks is found out where the use case is carried out: nothing is handed over between."""
    seen = []
    program.engine.on("call.opened", lambda _: seen.append(_HERE.get()))
    api = make_api(knows=_knows)
    assert ask(api, "POST", "/v1/calls", key("officer-key"), JSON, body=CALL).status == 201
    assert seen == [True]


@pytest.mark.parametrize("waits", [True, False])
def test_what_a_host_has_its_routes_depend_on_may_wait(program: App, waits: bool) -> None:
    """A host's dependencies are run as FastAPI does: coroutines on the loop, functions in a thread."""
    asked = []

    async def waiting(request: Request) -> None:
        await asyncio.sleep(0)
        asked.append(request.url.path)

    def blocking(request: Request) -> None:
        asked.append(request.url.path)

    host = FastAPI()
    door = Door(engine=program.engine, authenticate=Bearer(knows, Rates()))
    host.include_router(door_router(door), dependencies=[Depends(waiting if waits else blocking)])
    assert ask(host, "POST", "/v1/calls", key("officer-key"), JSON, body=CALL).status == 201
    assert ask(host, "POST", "/v1/calls", JSON, body=CALL).code == "unauthenticated"
    assert asked == ["/v1/calls"]


def test_a_coroutine_that_waits_is_not_lost_in_silence() -> None:
    """Run where nothing would wake it, it is closed, and whoever ran it is told."""
    closed = []

    async def waits() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="waits"):
        at_once(waits())
    assert closed == [True]


def test_a_function_is_run_as_a_coroutine_with_all_that_it_is_given() -> None:
    """It returns and raises what the function does, and is known not to wait."""

    def halved(number: int, *, by: int = 2) -> float:
        """Divide."""
        return number / by

    run: Any = as_coroutine(halved)
    assert (at_once(run(3)), at_once(run(3, by=4)), run.__doc__) == (1.5, 0.75, "Divide.")
    with pytest.raises(ZeroDivisionError):
        at_once(run(3, by=0))
    assert [never_waits(each) for each in (run, halved, waiting_for_nothing(run), asyncio.sleep)] == [
        True, False, True, False,
    ]  # fmt: skip
