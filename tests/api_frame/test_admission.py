"""A fair answer under overload: whoever cannot be answered in time is told at once."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.admission import LONGEST_WAIT_S, OPEN_WAIT_S, Admission
from adapters.api.answers import problem_of
from adapters.api.errors import Overloaded
from adapters.api.spells import QUIET_S
from adapters.api.turns import ALWAYS, FIRST_S, step_aside
from tests.api_frame.asgi import Answer, ask, asked, key
from tests.api_frame.conftest import MakeApi
from workflow import Actor, Unauthenticated


class Works:
    """A program that works on everything it is asked for at once, and is done when it is told."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._done = asyncio.Event()
        #: Set: nothing hangs any more.
        self.free = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await Request(scope, receive).body()
        if scope["path"] == "/aside":
            step_aside(Request(scope, receive))
        if scope["path"] == "/hangs":
            await self.free.wait()
        answer = Response("done")
        if scope["path"] == "/read-slowly":
            await send({"type": "http.response.start", "status": 200, "headers": answer.raw_headers})
        if scope["path"] in {"/waits", "/read-slowly", "/aside"}:
            await self._done.wait()
        if scope["path"] == "/read-slowly":
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await answer(scope, receive, send)

    def timer(self) -> float:
        """Return the seconds that have passed."""
        return self.now_s

    def finish(self, *, after_s: float) -> None:
        """End all that waits, so many seconds later."""
        self.now_s += after_s
        self._done.set()
        self._done = asyncio.Event()


def admission(
    works: Works, *, within_s: float = 2.0, most: int = 1000, dice: Callable[[], float] = lambda: 0.999
) -> Admission:
    """Return what stands in front of it; whoever is refused has the worst luck that there is."""
    return Admission(works, refuse=problem_of, within_s=within_s, most=most, timer=works.timer, dice=dice)


async def waiting(door: Admission, count: int, path: str = "/waits") -> list[asyncio.Task[Answer]]:
    """Return so many requests that are under way, as far as they are let in."""
    tasks = [asyncio.create_task(asked(door, "GET", path)) for _ in range(count)]
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
        assert (door.turns.under_way, door.is_full) == (19, False)
        tasks += await waiting(door, 1)
        assert (door.turns.under_way, door.is_full) == (20, True)
        answer = await asked(door, "POST", "/quick", body=b"{}")
        assert (answer.status, answer.code, answer.header("retry-after")) == (503, "overloaded", "3")
        works.finish(after_s=2)
        assert [each.status for each in await asyncio.gather(*tasks)] == [200] * 20
        assert (door.open, door.turns.under_way, door.is_full) == (0, 0, False)
        assert (await asked(door, "GET", "/quick")).status == 200

    run(story)


def test_a_few_are_always_let_in() -> None:
    """However slow the last ones were: else nobody could show that it is over, and none would get in."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        await learnt(works, door, each_s=60)
        assert door.turns.wait_s > 1.9
        tasks = await waiting(door, ALWAYS)
        assert (await asked(door, "GET", "/quick")).status == 503
        works.finish(after_s=0.01)
        assert [each.status for each in await asyncio.gather(*tasks)] == [200] * ALWAYS
        await learnt(works, door, each_s=0.01)
        assert door.turns.share_s < 0.02

    run(story)


def test_one_that_hung_counts_for_no_more_than_being_late() -> None:
    """A single request that took an hour does not shut the door for the next ones."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        (task,) = await waiting(door, 1)
        works.finish(after_s=3600)
        await task
        assert door.turns.share_s == pytest.approx(0.95 * FIRST_S + 0.1)

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
        assert (door.open, door.turns.under_way) == (50, 0)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert (door.open, door.turns.under_way, door.turns.share_s) == (0, 0, FIRST_S)

    run(story)


def test_so_many_are_open_and_no_more() -> None:
    """Bodies lie in memory: past a number of them, whoever comes is told to come again."""

    async def story() -> None:
        works = Works()
        door = admission(works, most=3)
        tasks = await waiting(door, 3)
        answer = await asked(door, "GET", "/quick")
        assert (answer.status, answer.code, answer.header("retry-after")) == (503, "overloaded", "5")
        works.finish(after_s=0)
        await asyncio.gather(*tasks)

    run(story)


def test_where_none_ends_nobody_is_let_in_after_the_time_that_is_left() -> None:
    """Somebody holds the database: what was answered before tells nothing, how long they wait tells all."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        await learnt(works, door, each_s=0.001)
        tasks, refused = [], 0
        while not refused:
            tasks += await waiting(door, 1)
            works.now_s += 0.11
            refused = sum(each.done() for each in tasks)
        assert len(tasks) == 19
        works.now_s += 60
        answer = await asked(door, "GET", "/quick")
        assert (answer.status, answer.header("retry-after")) == (503, str(LONGEST_WAIT_S))
        works.finish(after_s=0)
        assert [each.status for each in await asyncio.gather(*tasks)] == [200] * 18 + [503]
        assert (await asked(door, "GET", "/quick")).status == 200

    run(story)


def test_one_that_is_stuck_keeps_nobody_out_while_others_end() -> None:
    """A row that somebody holds is no reason to refuse those who do not want it."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        (stuck,) = await waiting(door, 1, "/hangs")
        for _ in range(100):
            tasks = await waiting(door, 12)
            assert not any(each.done() for each in tasks)
            works.finish(after_s=0.1)
            assert [each.status for each in await asyncio.gather(*tasks)] == [200] * 12
        works.free.set()
        assert (await stuck).status == 200

    run(story)


@pytest.mark.parametrize("path", ["/read-slowly", "/aside"])
def test_whoever_waits_for_nothing_that_others_do_is_not_under_way(path: str) -> None:
    """Who reads an answer slowly, or waits for somebody outside, keeps nobody out, however long it takes."""

    async def story() -> None:
        works = Works()
        door = admission(works)
        await learnt(works, door, each_s=0.001)
        tasks = await waiting(door, 50, path)
        works.now_s += 60
        assert (door.open, door.turns.under_way, door.is_full) == (50, 0, False)
        works.finish(after_s=60)
        assert [each.status for each in await asyncio.gather(*tasks)] == [200] * 50
        assert (door.open, door.turns.under_way) == (0, 0)
        assert door.turns.share_s < FIRST_S

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


def test_who_is_refused_together_does_not_come_back_together() -> None:
    """Each is told a second of its own luck: from 1 to as long as it would wait, whole, and none more."""

    async def story() -> None:
        works, luck = Works(), iter([0.0, 0.333, 0.334, 0.667, 0.999])
        door = admission(works, dice=lambda: next(luck))
        await learnt(works, door, each_s=0.0999)
        tasks = await waiting(door, 20)
        told = [(await asked(door, "GET", "/quick")).header("retry-after") for _ in range(5)]
        assert (2 < door.turns.wait_s < 3, told) == (True, ["1", "1", "2", "3", "3"])
        works.finish(after_s=2)
        await asyncio.gather(*tasks)

    run(story)


def test_each_second_of_the_range_is_told_as_often_as_another() -> None:
    """Of so many who find too many open, as many come back in the first second as in the last."""

    async def story() -> None:
        works, luck = Works(), iter(n / 100 for n in range(100))
        door = admission(works, most=0, dice=lambda: next(luck))
        told = [(await asked(door, "GET", "/quick")).header("retry-after") for _ in range(100)]
        assert Counter(told) == {str(each): 100 // OPEN_WAIT_S for each in range(1, OPEN_WAIT_S + 1)}

    run(story)


class Slow(Works):
    """A program that works on one request at a time, each as long as a new door takes it to."""

    def __init__(self) -> None:
        super().__init__()
        self.begins = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer when all that came before are answered; refuse what the door refuses."""
        try:
            await Request(scope, receive).body()
        except Overloaded as exc:
            await problem_of(exc)(scope, receive, send)
            return
        async with self._one_at_a_time:
            await self.begins.wait()
            self.now_s += FIRST_S
            await Response("done")(scope, receive, send)


def when_all_are_there(app: ASGIApp, count: int) -> ASGIApp:
    """Return the program as it is met where the heads of so many come before the body of any."""
    heads, together = list[int](), asyncio.Event()

    async def met(scope: Scope, receive: Receive, send: Send) -> None:
        async def receiving() -> Message:
            heads.append(1)
            if len(heads) == count:
                together.set()
            await together.wait()
            return await receive()

        await app(scope, receiving, send)

    return met


@pytest.mark.parametrize("within_s", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("heads_first", [False, True])
def test_the_first_burst_is_bounded_before_anything_was_learnt(within_s: float, heads_first: bool) -> None:
    """A process that has just started lets in as many as it answers in time, and refuses the rest at once."""

    async def story() -> None:
        works, many, let_in = Slow(), 900, round(within_s / FIRST_S)
        door = admission(works, within_s=within_s)
        met = when_all_are_there(door, many) if heads_first else door
        tasks = [asyncio.create_task(asked(met, "POST", "/quick", body=b"{}")) for _ in range(many)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert (door.turns.under_way, sum(each.done() for each in tasks)) == (let_in, many - let_in)
        works.begins.set()
        told = [(each.status, each.header("retry-after")) for each in await asyncio.gather(*tasks)]
        assert Counter(told) == {(200, None): let_in, (503, str(round(within_s) + 1)): many - let_in}
        assert works.now_s == pytest.approx(within_s)
        assert (door.open, door.turns.under_way) == (0, 0)

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
        assert len(caplog.records) == 1
        works.now_s += QUIET_S
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
    assert (door.open, door.turns.under_way) == (0, 0)


def test_the_program_has_it(make_api: MakeApi) -> None:
    """A program whose queue may take no time lets in what it always lets in; its answers have all headers."""
    answer = ask(make_api(wait_s=0.0), "GET", "/v1/calls/x")
    assert answer.status == 401


def test_the_program_refuses_whose_body_comes_when_it_is_full(make_api: MakeApi) -> None:
    """Twenty heads were let in: eight bodies are read, and whoever sent the others is told to come back."""
    free = threading.Event()

    def waits(_: str) -> Actor:
        free.wait(60)
        raise Unauthenticated

    async def story() -> None:
        met = when_all_are_there(make_api(wait_s=0.0, knows=waits), 20)
        tasks = [asyncio.create_task(asked(met, "GET", "/v1/calls/x", key("a"))) for _ in range(20)]
        for _, each in zip(range(20 - ALWAYS), asyncio.as_completed(tasks), strict=False):
            await each
        free.set()
        told = Counter(each.code for each in await asyncio.gather(*tasks))
        assert told == {"overloaded": 20 - ALWAYS, "unauthenticated": ALWAYS}

    run(story)
