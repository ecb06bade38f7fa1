"""A fair answer under overload: whoever cannot be answered in time is told at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.api.admission import ALWAYS, LONGEST_WAIT_S, Admission
from adapters.api.answers import problem_of
from tests.api_frame.asgi import Answer, ask, asked
from tests.api_frame.conftest import MakeApi


class Works:
    """A program that works on everything it is asked for at once, and is done when it is told."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._done = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await Request(scope, receive).body()
        if scope["path"] == "/waits":
            await self._done.wait()
        await Response("done")(scope, receive, send)

    def timer(self) -> float:
        """Return the seconds that have passed."""
        return self.now_s

    def finish(self, *, after_s: float) -> None:
        """End all that waits, so many seconds later."""
        self.now_s += after_s
        self._done.set()
        self._done = asyncio.Event()


def admission(works: Works, *, within_s: float = 2.0, most: int = 1000) -> Admission:
    """Return what stands in front of it."""
    return Admission(works, refuse=problem_of, within_s=within_s, most=most, timer=works.timer)


async def waiting(door: Admission, count: int) -> list[asyncio.Task[Answer]]:
    """Return so many requests that are under way, as far as they are let in."""
    tasks = [asyncio.create_task(asked(door, "GET", "/waits")) for _ in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def learnt(works: Works, door: Admission, *, each_s: float) -> None:
    """Let it have answered many, of whom each took so long."""
    for _ in range(200):
        (task,) = await waiting(door, 1)
        works.finish(after_s=each_s)
        await task


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story to its end."""

    async def whole() -> None:
        await story()

    asyncio.run(whole())


def test_as_many_are_let_in_as_can_be_answered_in_time() -> None:
    """Each took a tenth of a second: with nineteen under way the next one is in time, with twenty not."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        await learnt(works, door, each_s=0.0999)
        tasks = await waiting(door, 19)
        assert (door.under_way, door.is_full) == (19, False)
        tasks += await waiting(door, 1)
        assert (door.under_way, door.is_full) == (20, True)
        answer = await asked(door, "POST", "/quick", body=b"{}")
        assert (answer.status, answer.code, answer.header("retry-after")) == (503, "overloaded", "3")
        works.finish(after_s=2)
        assert [each.status for each in await asyncio.gather(*tasks)] == [200] * 20
        assert (door.open, door.under_way, door.is_full) == (0, 0, False)
        assert (await asked(door, "GET", "/quick")).status == 200

    run(story)


def test_a_few_are_always_let_in() -> None:
    """However slow the last ones were: else nobody could show that it is over, and none would get in."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        await learnt(works, door, each_s=60)
        assert door.wait_s > 1.9
        tasks = await waiting(door, ALWAYS)
        assert (await asked(door, "GET", "/quick")).status == 503
        works.finish(after_s=0.01)
        assert [each.status for each in await asyncio.gather(*tasks)] == [200] * ALWAYS
        await learnt(works, door, each_s=0.01)
        assert door.share_s < 0.02

    run(story)


def test_one_that_hung_counts_for_no_more_than_being_late() -> None:
    """A single request that took an hour does not shut the door for the next ones."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        (task,) = await waiting(door, 1)
        works.finish(after_s=3600)
        await task
        assert door.share_s == pytest.approx(0.1)

    run(story)


def test_whoever_still_sends_is_not_under_way() -> None:
    """Slow senders keep nobody out: they are open, and not counted as waiting."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        slow = [
            asyncio.create_task(asked(door, "POST", "/quick", body=b"{", then="hangs")) for _ in range(50)
        ]
        await asyncio.sleep(0)
        assert (door.open, door.under_way) == (50, 0)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert (door.open, door.under_way, door.share_s) == (0, 0, 0)

    run(story)


def test_so_many_are_open_and_no_more() -> None:
    """Bodies lie in memory: past a number of them, whoever comes is told to come again."""

    async def story() -> None:
        works = Works()
        door = admission(works, most=3)
        tasks = await waiting(door, 3)
        answer = await asked(door, "GET", "/quick")
        assert (answer.status, answer.code, answer.header("retry-after")) == (503, "overloaded", "1")
        works.finish(after_s=0)
        await asyncio.gather(*tasks)

    run(story)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_never_refused(path: str) -> None:
    """Under overload most of all somebody wants to know how it is."""

    async def story() -> None:
        works = Works()
        door = admission(works, most=0)
        assert (await asked(door, "GET", "/quick")).status == 503
        assert (await asked(door, "GET", path)).status == 200

    run(story)


def test_nobody_is_asked_to_wait_for_long() -> None:
    """However long the queue is, whoever comes again half a minute later is no fool."""

    async def story() -> None:
        works = Works()
        door = admission(works, within_s=100)
        await learnt(works, door, each_s=100)
        tasks = await waiting(door, ALWAYS)
        answer = await asked(door, "GET", "/quick")
        assert answer.header("retry-after") == str(LONGEST_WAIT_S)
        works.finish(after_s=0)
        await asyncio.gather(*tasks)

    run(story)


def test_it_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """One line each, however many are refused between."""

    async def story() -> None:
        works = Works()
        door = admission(works, most=1)
        (task,) = await waiting(door, 1)
        for _ in range(5):
            await asked(door, "GET", "/quick")
        works.finish(after_s=0)
        await task
        for _ in range(5):
            await asked(door, "GET", "/quick")

    with caplog.at_level(logging.INFO):
        run(story)
    assert [record.getMessage() for record in caplog.records] == ["api.overloaded", "api.recovered"]


def test_what_fails_is_no_longer_under_way() -> None:
    """A program that raises leaves its place."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise LookupError

    door = Admission(broken, refuse=lambda _: broken, within_s=2)

    async def story() -> None:
        with suppress(LookupError):
            await asked(door, "GET", "/")

    run(story)
    assert (door.open, door.under_way) == (0, 0)


def test_the_program_has_it(make_api: MakeApi) -> None:
    """A program whose queue may take no time lets in what it always lets in; its answers have all headers."""
    answer = ask(make_api(wait_s=0.0), "GET", "/v1/calls/x")
    assert answer.status == 401
