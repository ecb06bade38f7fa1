"""Looking names up: within a time, once at a time, and with words for what goes wrong."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from adapters.outbound.lookup import Lookups
from tests.webhooks.making import courier, delivery
from workflow.ports import Delayed

#: Much longer than anything here takes.
LONG_S = 30.0
PUBLIC = "93.184.215.14"


class Resolver:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = threading.Event()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Wait, and answer."""
        self.asked.append(host)
        assert self.let_go.wait(LONG_S)
        return [f"{PUBLIC}"]


@pytest.fixture
def slow() -> Iterator[Resolver]:
    """Lend a resolver that hangs until it is let go, at the latest when the test is over."""
    resolver = Resolver()
    yield resolver
    resolver.let_go.set()


def _threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "eoi-lookup"]


def test_a_name_that_takes_too_long_to_look_up_is_tried_again(slow: Resolver) -> None:
    """A resolver that hangs keeps no worker for longer than a step may take."""
    begun_at = time.monotonic()
    outcome = courier("", timeout_s=0.1, resolve=slow).deliver(delivery("https://council.example/"))
    assert time.monotonic() - begun_at < LONG_S
    assert outcome == Delayed(why="The receiver's name could not be looked up (no answer within 0.1 s)")


def test_no_more_threads_hang_than_there_are_names(slow: Resolver) -> None:
    """Whoever asks for the same name waits for the lookup that is under way; after it, one looks anew."""
    lookups = Lookups(slow)
    for host in ("a.example", "b.example", "a.example", "a.example"):
        with pytest.raises(TimeoutError, match=r"no answer within 0\.0 s"):
            lookups.addresses(host, 443, within_s=0.01)
    assert sorted(slow.asked) == ["a.example", "b.example"]
    hanging = _threads()
    assert (len(hanging), all(each.daemon for each in hanging)) == (2, True)
    slow.let_go.set()
    for each in hanging:
        each.join(LONG_S)
    assert lookups.addresses("a.example", 443, within_s=LONG_S) == (PUBLIC,)
    assert sorted(slow.asked) == ["a.example", "a.example", "b.example"]


def test_a_name_is_looked_up_anew_each_time() -> None:
    """Nothing is remembered: what was public yesterday may not be so today."""
    answers = [["3"], ["2", "2"], ["1"]]
    lookups = Lookups(lambda *_: answers.pop())
    assert [lookups.addresses("a.example", 443, within_s=LONG_S) for _ in range(3)] == [
        ("1",),
        ("2",),
        ("3",),
    ]


def _raises(error: BaseException) -> Lookups:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise error

    return Lookups(resolve)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("down"), "down"),
        (TimeoutError("its own patience"), "its own patience"),
        (UnicodeError("label too long"), "label too long"),
        (ValueError("embedded null"), "embedded null"),
    ],
)
def test_what_a_resolver_says_is_told(error: Exception, words: str) -> None:
    """A name that cannot be looked up, for whatever reason, is one to try again."""
    lookups = _raises(error)
    for _ in range(2):
        with pytest.raises(OSError, match=words):
            lookups.addresses("a.example", 443, within_s=LONG_S)


def test_a_resolver_that_breaks_is_heard_of() -> None:
    """A fault of ours is no fault of the receiver's; and the next lookup is not kept from it."""
    lookups = _raises(ZeroDivisionError("ours"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="ours"):
            lookups.addresses("a.example", 443, within_s=LONG_S)


def test_a_name_without_an_address_is_told_so() -> None:
    """An empty answer is none."""
    with pytest.raises(OSError, match="it has no address"):
        Lookups(lambda *_: []).addresses("a.example", 443, within_s=LONG_S)
