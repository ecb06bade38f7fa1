"""Who was told to come again has been there since they first came; nobody else has."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.api.put_off import KEPT_S, PutOff, waited_put_off
from tests.api_frame.asgi import Answer, ask, key

KEY: Final = ("Idempotency-Key", '"of-ours"')
PATH: Final = "/v1/eois/1/transitions"


class Behind:
    """A program that answers as it is told, and notes since when each request says to have been there."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.status = 200
        self.waited: list[timedelta] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        self.waited.append(waited_put_off(scope))
        await Response(status_code=self.status)(scope, receive, send)


@pytest.fixture
def behind() -> Behind:
    """Return the program behind the door."""
    return Behind()


@pytest.fixture
def come(behind: Behind) -> Callable[..., timedelta]:
    """Return what lets a request come, and says since when it has been there."""
    door = PutOff(behind, timer=lambda: behind.now_s, most=3)

    def come(
        *headers: tuple[str, str],
        status: int = 200,
        after_s: float = 0.0,
        path: str = PATH,
        method: str = "POST",
    ) -> timedelta:
        behind.status, behind.now_s = status, behind.now_s + after_s
        answer: Answer = ask(door, method, path, *(headers or (key("a"), KEY)))
        assert answer.status == status
        return behind.waited[-1]

    return come


def seconds(count: float) -> timedelta:
    """Return so many seconds."""
    return timedelta(seconds=count)


def test_who_is_put_off_has_been_there_since_they_first_came(come: Callable[..., timedelta]) -> None:
    """However often they were put off since, and told that they come too often; until they are answered."""
    assert come(status=503) == seconds(0)
    assert come(status=503, after_s=2) == seconds(2)
    assert come(status=429, after_s=30) == seconds(32)
    assert come(status=409, after_s=8) == seconds(40)
    assert come(after_s=1) == seconds(0)


@pytest.mark.parametrize("status", [200, 401, 409, 429, 500])
def test_what_was_answered_has_not_waited(come: Callable[..., timedelta], status: int) -> None:
    """Only whoever was told that nothing could be done for them now is to come again for that."""
    come(status=status)
    assert come(after_s=5) == seconds(0)


@pytest.mark.parametrize(
    ("headers", "how"),
    [
        ((key("a"),), {}),
        ((key("b"), KEY), {}),
        ((key("a"), ("Idempotency-Key", '"another"')), {}),
        ((key("a"), KEY, ("Content-Length", "12")), {}),
        ((key("a"), KEY), {"path": "/v1/eois/2/transitions"}),
        ((key("a"), KEY), {"method": "PUT"}),
    ],
)
def test_another_request_has_not_waited(
    come: Callable[..., timedelta], headers: tuple[tuple[str, str], ...], how: dict[str, str]
) -> None:
    """Of somebody else, under another idempotency key or none, of another thing, or of another length."""
    come(status=503)
    assert come(*headers, after_s=5, **how) == seconds(0)
    assert come(after_s=1) == seconds(6), "and the one that was put off is still known"


def test_what_has_no_idempotency_key_is_not_known_again(come: Callable[..., timedelta]) -> None:
    """Nobody can tell whether it is the same."""
    come(key("a"), status=503)
    assert come(key("a"), after_s=5) == seconds(0)


@pytest.mark.parametrize(("after_s", "waited_s"), [(KEPT_S, KEPT_S), (KEPT_S + 1, 0)])
def test_who_comes_too_late_has_not_waited(
    come: Callable[..., timedelta], after_s: float, waited_s: float
) -> None:
    """Whoever stays away for longer than anybody is told to did not wait for us."""
    come(status=503)
    assert come(after_s=after_s) == seconds(waited_s)


def test_so_many_are_remembered(come: Callable[..., timedelta]) -> None:
    """Whoever was put off longest ago is forgotten first; being put off again counts."""
    for number in (1, 2, 3, 1, 4):
        come(key(str(number)), KEY, status=503, after_s=1)
    waited = {number: come(key(str(number)), KEY, status=503) for number in (1, 3, 4)}
    assert waited == {1: seconds(4), 3: seconds(2), 4: seconds(0)}
    assert come(key("2"), KEY) == seconds(0)
