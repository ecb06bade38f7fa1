"""Mail servers that do not answer as they should: silent, dripping, endless, gone. Attempts end in time."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.letters.conftest import NewCourier
from tests.letters.facts import delivery
from tests.letters.post import Line, Script, Scripted, plain, polite
from workflow.ports import Delayed, Delivered, Outcome

#: How long each step may take here; an attempt, three times that.
TIMEOUT_S = 0.2
#: Much longer than an attempt takes, much shorter than a server that drips.
LONG_S = 30.0
IN_TIME = "The mail server did not answer in time."
UNKNOWN = (
    "The connection broke before the mail server said whether it has taken the letter; "
    "it is sent again, under the same Message-ID."
)


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Lend what slow servers wait for; it is set when the test is over."""
    over = threading.Event()
    yield over
    over.set()


@pytest.fixture
def attempt(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier, over: threading.Event
) -> Iterator[Callable[..., Outcome]]:
    """Return what sends one letter to a server that follows a script, and sees that it ends in time."""

    def send(script: Script, *, timeout_s: float = LONG_S) -> Outcome:
        courier = new_courier(scripted(script).server, timeout_s=timeout_s)
        begun_at = time.monotonic()
        outcome = courier.deliver(delivery())
        assert time.monotonic() - begun_at < LONG_S
        return outcome

    yield send
    over.set()


def _drip(text: bytes, over: threading.Event) -> Callable[[Line], None]:
    """Return what says something without an end, a byte at a time, each well within a step's time."""

    def drip(line: Line) -> None:
        while not over.wait(TIMEOUT_S / 20):
            line.say(text)

    return drip


STEPS = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text", [b"2", b"250-x\r\n"])
def test_a_server_that_drips_holds_nobody(
    attempt: Callable[..., Outcome], over: threading.Event, step: str, text: bytes
) -> None:
    """Byte by byte or line by line without an end, at any step: the attempt as a whole is over in time."""
    found = attempt(polite({step: _drip(text, over)}), timeout_s=TIMEOUT_S)
    assert found == Delayed(why=UNKNOWN if step in {"DATA", "DOT"} else IN_TIME)


@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_says_nothing_holds_nobody(
    attempt: Callable[..., Outcome], over: threading.Event, step: str
) -> None:
    """Silence at any step ends the attempt; whether the letter has arrived is not known after it was sent."""
    found = attempt(polite({step: lambda _: over.wait(LONG_S)}), timeout_s=TIMEOUT_S)
    assert found == Delayed(why=UNKNOWN if step in {"DATA", "DOT"} else IN_TIME)


def test_the_answer_to_the_letter_may_take_longer_than_a_step(
    attempt: Callable[..., Outcome], over: threading.Event
) -> None:
    """A server that looks through the letter first is waited for: whoever gives up sends it twice."""

    def thorough(line: Line) -> None:
        over.wait(1.5)
        line.say(b"250 clean\r\n")

    assert attempt(polite({"DOT": thorough}), timeout_s=1.0) == Delivered(status=250, answer="250 clean")


def test_a_delivery_may_have_a_time_of_its_own(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier, over: threading.Event
) -> None:
    """An endpoint's own timeout counts instead of the courier's."""
    server = scripted(polite({"GREETING": lambda _: over.wait(LONG_S)})).server
    begun_at = time.monotonic()
    assert new_courier(server).deliver(delivery(timeout_s=TIMEOUT_S)) == Delayed(why=IN_TIME)
    assert time.monotonic() - begun_at < 20
    over.set()


def test_an_attempt_never_outlasts_what_its_lease_is_reckoned_by(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier, over: threading.Event
) -> None:
    """However patient an endpoint is: two nodes would send the same letter."""
    server = scripted(polite({"GREETING": lambda _: over.wait(LONG_S)})).server
    courier = new_courier(server, timeout_s=TIMEOUT_S)
    begun_at = time.monotonic()
    assert courier.deliver(delivery(timeout_s=30.0)) == Delayed(why=IN_TIME)
    assert time.monotonic() - begun_at < 20
    over.set()


@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_hangs_up(attempt: Callable[..., Outcome], step: str) -> None:
    """Gone at any step: tried again; after the letter was sent, nobody knows whether it has arrived."""
    found = attempt(polite({step: Line.hang_up}))
    assert found == Delayed(
        why=UNKNOWN if step in {"DATA", "DOT"} else "The mail server closed the connection."
    )


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    "rubbish",
    [
        b"\r\n",
        b"hello\r\n",
        b"99 bottles\r\n",
        b"\xff\xfe\x00\r\n",
        b"1000 x\r\n",
        b"-50 x\r\n",
        b"150 x\r\n",
    ],
)
def test_rubbish_is_no_reply(attempt: Callable[..., Outcome], step: str, rubbish: bytes) -> None:
    """Whatever is said that is no reply: it has not arrived, no mailbox is blamed, and nothing is raised."""
    found = attempt(polite({step: rubbish}))
    assert isinstance(found, Delayed)
    assert found.of_receiver
    assert found.status is None or 200 <= found.status <= 599


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT"])
@pytest.mark.parametrize("flood", [b"250-" + b"x" * 100_000 + b"\r\n", b"250-x\r\n" * 20_000])
def test_an_endless_reply_is_not_read_to_its_end(
    attempt: Callable[..., Outcome], step: str, flood: bytes
) -> None:
    """A line or a reply that is too long is given up before it fills the memory."""
    found = attempt(polite({step: flood}))
    assert found == Delayed(why="The mail server's reply is too long.")


@pytest.mark.parametrize("says", [b"250 OK\r\n", b"200 OK\r\n", b"355 hm\r\n"])
def test_a_yes_to_something_else_is_no_arrival(attempt: Callable[..., Outcome], says: bytes) -> None:
    """A server that does not ask for the letter has not got it, however friendly it is."""
    assert attempt(polite({"DATA": says})) == Delayed(why="The mail server did not ask for the letter.")


def test_replies_that_nobody_asked_for_are_not_taken_for_others(attempt: Callable[..., Outcome]) -> None:
    """A server that says yes in advance has not said yes to the letter."""
    found = attempt(polite({"MAIL": b"250 OK\r\n250 OK\r\n354 go on\r\n250 taken\r\n"}))
    assert found == Delayed(why="The mail server spoke before it was asked.")


@pytest.mark.parametrize(
    ("step", "says", "status"),
    [
        ("GREETING", b"554 5.3.2 no service\r\n", 554),
        ("GREETING", b"421 busy\r\n", 421),
        ("EHLO", b"550 we do not know you\r\n", 550),
        ("DATA", b"451 4.3.0 disk\r\n", 451),
        ("DATA", b"503 first a mailbox\r\n", 503),
    ],
)
def test_a_refusal_before_the_letter_blames_no_mailbox(
    attempt: Callable[..., Outcome], step: str, says: bytes, status: int
) -> None:
    """Whoever is not even greeted waits for the server, or for whoever runs it."""
    told = {step: says, "HELO": says}
    found = attempt(polite(told))
    assert isinstance(found, Delayed)
    assert (found.status, found.of_receiver) == (status, True)


def test_nobody_there(new_courier: NewCourier) -> None:
    """Where nothing listens it is tried again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert new_courier(plain(port)).deliver(delivery()) == Delayed(
        why="Nothing listens where the mail server should be."
    )


def test_a_letter_that_was_cut_off_is_sent_again_as_the_same(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier
) -> None:
    """The connection breaks after the last dot: the second attempt carries the same Message-ID."""
    letters: list[bytes] = []

    def script(line: Line) -> None:
        polite({"DATA": lambda line: _take(line, letters)})(line)

    office = scripted(script)
    courier = new_courier(office.server)
    assert courier.deliver(delivery()) == Delayed(why=UNKNOWN)
    assert isinstance(courier.deliver(delivery()), Delivered)
    assert office.met == 2
    first, second = ([line for line in each.split(b"\r\n") if b"Message-ID" in line] for each in letters)
    assert len(first) == 1
    assert first == second


def _take(line: Line, letters: list[bytes]) -> None:
    line.say(b"354 go on\r\n")
    letters.append(line.hear_letter())
    if len(letters) == 1:
        line.hang_up()
    else:
        line.say(b"250 taken\r\n")
