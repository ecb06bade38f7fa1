"""Many letters over few connections, which are used again as long as they are good, and no longer."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.outbound.mail.server import MailServer
from tests.letters.conftest import NewCourier
from tests.letters.facts import delivery
from tests.letters.post import Clerk, Line, Script, Scripted, polite
from workflow import EventType
from workflow.ports import Delayed, Delivered


def test_a_connection_is_used_again(post: MailServer, clerk: Clerk, new_courier: NewCourier) -> None:
    """One greeting for many letters."""
    courier = new_courier(post)
    for number in range(5):
        assert isinstance(courier.deliver(delivery(to=f"office{number}@school.example")), Delivered)
    assert [each.to for each in clerk.taken] == [[f"office{number}@school.example"] for number in range(5)]
    assert len({each.peer for each in clerk.taken}) == 1
    assert Counter(clerk.heard)["EHLO council.example"] == 1


def test_a_connection_carries_so_many_letters(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """Then another one takes its place."""
    courier = new_courier(post, letters_each=2)
    for _ in range(5):
        courier.deliver(delivery())
    peers = [each.peer for each in clerk.taken]
    assert [peers.index(peer) for peer in peers] == [0, 0, 2, 2, 4]


def test_a_connection_that_lay_idle_is_not_used(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """A server may have given it up by then."""
    courier = new_courier(post, idle_s=0.0)
    for _ in range(3):
        courier.deliver(delivery())
    assert len({each.peer for each in clerk.taken}) == 3


@pytest.mark.parametrize("last_words", [b"", b"421 4.4.2 idle for too long\r\n", b"250 something else\r\n"])
def test_a_connection_that_the_server_gave_up_costs_no_attempt(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier, last_words: bytes
) -> None:
    """It is noticed before the next letter is begun, which goes over a new one at once."""

    def gone(line: Line) -> None:
        line.say(b"250 taken\r\n" + last_words)
        line.hang_up()

    office = scripted(polite({"DOT": gone}))
    courier = new_courier(office.server)
    assert [type(courier.deliver(delivery())) for _ in range(3)] == [Delivered] * 3
    assert office.met == 3


def test_a_word_out_of_turn_ends_a_connection(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier
) -> None:
    """What a server says while a connection lies idle is not taken for a reply to the next letter."""
    idle, said = threading.Event(), threading.Event()

    def chatty(line: Line) -> None:
        line.say(b"250 taken\r\n")
        assert idle.wait(30)
        line.say(b"250 by the way\r\n")
        said.set()

    office = scripted(polite({"DOT": chatty}))
    courier = new_courier(office.server)
    assert isinstance(courier.deliver(delivery()), Delivered)
    idle.set()
    assert said.wait(30)
    assert isinstance(courier.deliver(delivery()), Delivered)
    assert office.met == 2


def test_a_connection_over_which_the_server_was_not_well_is_not_used_again(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """After a refusal of the sender a new one is made."""
    courier = new_courier(post)
    clerk.says["MAIL"] = "451 4.3.0 ill"
    assert isinstance(courier.deliver(delivery()), Delayed)
    clerk.says.clear()
    assert isinstance(courier.deliver(delivery()), Delivered)
    assert Counter(clerk.heard)["EHLO council.example"] == 2


def test_many_threads_share_a_few_connections(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """Every letter arrives once, with its own words, and never are there more connections than allowed."""
    courier = new_courier(post, connections=3)
    schools = [f"office{number}@school.example" for number in range(120)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda to: courier.deliver(delivery(EventType.CALL_OPENED, to=to)), schools))
    assert {type(each) for each in outcomes} == {Delivered}
    assert sorted(each.to[0] for each in clerk.taken) == sorted(schools)
    assert all(each.message["To"] == each.to[0] for each in clerk.taken)
    assert len({each.peer for each in clerk.taken}) <= 3


def test_who_finds_no_connection_free_waits_no_longer_than_its_time(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier
) -> None:
    """One letter holds the only connection; another is tried again later, and the first arrives."""
    held, over = threading.Event(), threading.Event()

    def slow(line: Line) -> None:
        held.set()
        over.wait(30)
        line.say(b"250 taken\r\n")

    courier = new_courier(scripted(polite({"DOT": slow})).server, connections=1, timeout_s=30.0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(courier.deliver, delivery())
        assert held.wait(30)
        found = courier.deliver(delivery(timeout_s=0.05))
        over.set()
        assert isinstance(first.result(30), Delivered)
    assert found == Delayed(why="All connections to the mail server were in use.")


def test_a_failure_gives_its_place_back(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier
) -> None:
    """However often it fails, the next letter finds a connection."""
    greetings = iter([Line.hang_up] * 5)

    def script(line: Line) -> None:
        next(greetings, polite())(line)

    courier = new_courier(scripted(script).server, connections=1, timeout_s=5.0)
    kinds = [type(courier.deliver(delivery())) for _ in range(6)]
    assert kinds == [Delayed] * 5 + [Delivered]


def test_closing_says_good_bye(scripted: Callable[[Script], Scripted], new_courier: NewCourier) -> None:
    """Every connection is ended politely; closing twice does nothing more."""
    left = threading.Event()

    def bye(line: Line) -> None:
        left.set()
        line.say(b"221 bye\r\n")

    courier = new_courier(scripted(polite({"QUIT": bye})).server)
    courier.deliver(delivery())
    assert not left.is_set()
    courier.close()
    assert left.wait(30)
    courier.close()


def test_a_letter_on_its_way_outlives_the_closing(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier
) -> None:
    """It ends as it would have, and leaves no connection open."""
    held, over, left = threading.Event(), threading.Event(), threading.Event()

    def slow(line: Line) -> None:
        held.set()
        over.wait(30)
        line.say(b"250 taken\r\n")

    courier = new_courier(scripted(polite({"DOT": slow, "QUIT": lambda _: left.set()})).server)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(courier.deliver, delivery())
        assert held.wait(30)
        courier.close()
        over.set()
        assert isinstance(first.result(30), Delivered)
    assert left.wait(30)
