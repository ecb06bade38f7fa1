"""The courier for letters against a real mail server: what it sends, and what it makes of replies."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.outbound.mail.server import MailServer
from tests.letters.conftest import NewCourier
from tests.letters.facts import delivery
from tests.letters.post import Clerk, Post, Script, Scripted, plain, polite
from workflow import EventType
from workflow.ports import Delayed, Delivered, Outcome, Undeliverable
from workflow.testing import FrozenClock

TO = "head.teacher@school.example"


def test_a_letter_arrives(post: MailServer, clerk: Clerk, new_courier: NewCourier) -> None:
    """One letter, from the council to the one mailbox, as text and as HTML."""
    assert new_courier(post).deliver(delivery()) == Delivered(status=250, answer="250 2.0.0 OK: queued as 12")
    (taken,) = clerk.taken
    assert (taken.sender, taken.to) == ("bases@council.example", [TO])
    assert clerk.heard[0] == "EHLO council.example"
    message = taken.message
    assert message["From"] == "Norfolk County Council <bases@council.example>"
    assert message["To"] == TO
    assert message["Subject"] == (
        "We have received your expression of interest: Primary Phase Specialist Resource Bases"
    )
    assert message["Date"] == "Thu, 16 Mar 2023 12:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_the_deadline_comes_along_where_the_event_sets_one(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """A file for the calendar beside text and HTML, not inside of them; without a method, nobody answers."""
    new_courier(post).deliver(delivery(EventType.CALL_OPENED))
    message = clerk.taken[0].message
    (entry,) = message.iter_attachments()
    assert entry.get_filename() == "deadline.ics"
    assert entry["Content-Type"] == 'text/calendar; charset="utf-8"'
    assert "DTSTART;VALUE=DATE:20230317" in entry.get_content()
    body = message.get_body()
    assert body is not None
    assert body.get_content_type() == "text/html"


def test_every_line_fits_and_every_byte_is_plain(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """Seven bits and short lines, so that the oldest relay on the way changes nothing."""
    for kind in EventType:
        new_courier(post).deliver(delivery(kind))
    assert len(clerk.taken) == len(EventType)
    for taken in clerk.taken:
        assert taken.content.isascii()
        lines = [line for line in taken.content.split(b"\r\n") if not line.startswith(b"Message-ID: ")]
        assert max(map(len, lines)) <= 78
        assert b"\n" not in taken.content.replace(b"\r\n", b"")


def test_every_attempt_has_the_same_message_id(
    post: MailServer, clerk: Clerk, clock: FrozenClock, new_courier: NewCourier
) -> None:
    """A mailbox that gets a letter twice can see it; another mailbox, or another event, has another."""
    courier = new_courier(post)
    courier.deliver(delivery())
    clock.move_by(days=1)
    courier.deliver(delivery())
    courier.deliver(delivery(to="office@school.example"))
    courier.deliver(delivery(id="other:1"))
    ids = [taken.message["Message-ID"] for taken in clerk.taken]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert all(each.startswith("<") and each.endswith("@council.example>") for each in ids)
    assert "head.teacher" not in ids[0]


#: Command -> what the server says to it -> what becomes of the letter.
REPLIES: list[tuple[str, str, Outcome]] = [
    ("MAIL", "421 4.3.2 closing", Delayed(why="takes nothing now", status=421)),
    ("MAIL", "451 4.7.1 slow down", Delayed(why="we may not send", status=451)),
    ("MAIL", "452 4.3.1 no space", Delayed(why="no space left", status=452)),
    ("MAIL", "550 5.7.1 sender refused", Delayed(why="we may not send", status=550)),
    ("MAIL", "553 not your address", Delayed(why="does not allow that address", status=553)),
    ("MAIL", "530 5.7.0 sign in", Delayed(why="against the server's rules", status=530)),
    ("RCPT", "421 4.7.0 too many", Delayed(why="rules", status=421)),
    ("RCPT", "450 4.2.1 busy", Delayed(why="the mailbox takes no mail", status=450, of_receiver=False)),
    ("RCPT", "451 4.7.1 greylisted", Delayed(why="we may not", status=451, of_receiver=False)),
    ("RCPT", "452 4.2.2 full", Delayed(why="the mailbox is full", status=452, of_receiver=False)),
    ("RCPT", "451 4.3.0 ill", Delayed(why="something went wrong", status=451)),
    ("RCPT", "550 5.1.1 unknown", Undeliverable(why="there is no such mailbox", status=550)),
    ("RCPT", "550 unknown", Undeliverable(why="the mailbox is not available", status=550)),
    ("RCPT", "551 moved", Undeliverable(why="not one of its own", status=551)),
    ("RCPT", "552 5.2.2 full", Undeliverable(why="the mailbox is full", status=552)),
    ("RCPT", "553 odd", Undeliverable(why="does not allow that address", status=553)),
    ("RCPT", "556 5.1.10 none", Undeliverable(why="that domain takes no mail", status=556)),
    ("RCPT", "554 5.7.1 relay denied", Delayed(why="may not", status=554, of_receiver=False)),
    ("RCPT", "530 sign in", Delayed(why="one must sign in first", status=530)),
    ("RCPT", "503 what", Delayed(why="it did not expect that", status=503)),
    ("RCPT", "599 hm", Undeliverable(why="answered 599.", status=599)),
    ("DATA", "421 4.3.0 closing", Delayed(why="closing", status=421)),
    ("DATA", "451 4.6.0 later", Delayed(why="something went wrong", status=451, of_receiver=False)),
    ("DATA", "452 4.3.1 no space", Delayed(why="no space left", status=452)),
    ("DATA", "550 5.7.1 spam", Undeliverable(why="we may not send", status=550)),
    ("DATA", "552 5.3.4 too large", Undeliverable(why="the letter is too large", status=552)),
    ("DATA", "554 5.6.0 refused", Undeliverable(why="it refuses the letter", status=554)),
]


@pytest.mark.parametrize(("command", "says", "expected"), REPLIES)
def test_each_refusal_has_its_outcome(
    post: MailServer, clerk: Clerk, new_courier: NewCourier, *, command: str, says: str, expected: Any
) -> None:
    """Who said no, and for how long, decides whether and where it is tried again; the words are ours."""
    clerk.says[command] = says
    found: Any = new_courier(post).deliver(delivery())
    assert clerk.taken == []
    assert type(found) is type(expected)
    assert found.status == expected.status
    assert getattr(found, "of_receiver", None) == getattr(expected, "of_receiver", None)
    assert found.why.startswith(f"The mail server answered {expected.status}")
    assert expected.why in found.why
    assert found.answer == says


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_bars_no_later_letter(
    post: MailServer, clerk: Clerk, new_courier: NewCourier, command: str
) -> None:
    """What one letter has left behind on the connection does not reach the next one."""
    courier = new_courier(post)
    clerk.says[command] = "450 4.2.1 not now"
    courier.deliver(delivery())
    clerk.says.clear()
    assert isinstance(courier.deliver(delivery(to="office@school.example")), Delivered)
    (taken,) = clerk.taken
    assert taken.to == ["office@school.example"]


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ("550 5.1.1 <Head.Teacher@School.example>: unknown", "550 5.1.1 <[address]>: unknown"),
        ("550 5.1.1 user head.teacher unknown", "550 5.1.1 user [address] unknown"),
        ("550 HEAD.TEACHER@SCHOOL.EXAMPLE?", "550 [address]"),
        ("550 forwards to jane.private@mail.example", "550 forwards to [address]"),
        ('550 "head.teacher"@school.example', "550 [address]"),
        ("550 5.1.1 mailto:head.teacher@school.example", "550 5.1.1 mailto:[address]"),
        ("550 \x1b[31mred\x07\u202eder", "550 [31mred der"),
        ("550-5.1.1 head.teacher\r\n550 5.1.1 is not known", "550 5.1.1 [address] 5.1.1 is not known"),
    ],
)
def test_no_address_is_kept(
    post: MailServer, clerk: Clerk, new_courier: NewCourier, says: str, answer: str
) -> None:
    """The server's words are kept on one line, without anybody's address; none of them in the reason."""
    clerk.says["RCPT"] = says
    found = new_courier(post).deliver(delivery())
    assert isinstance(found, Undeliverable)
    assert found.answer == answer
    assert "teacher" not in found.why.casefold()


def test_only_the_beginning_of_an_answer_is_kept(
    scripted: Callable[[Script], Scripted], new_courier: NewCourier
) -> None:
    """A kilobyte, cut between letters."""
    lines = b"".join(b"550-" + "é".encode() * 200 + b"\r\n" for _ in range(20)) + b"550 end\r\n"
    server = scripted(polite({"RCPT": lines})).server
    found = new_courier(server).deliver(delivery())
    assert isinstance(found, Undeliverable)
    assert 1020 < len(found.answer.encode()) <= 1024
    assert set(found.answer) <= set("550 é")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "school",
        "a@b",
        "a@school.example, b@school.example",
        "a@school.example\r\nRCPT TO:<b@school.example>",
    ],
)
def test_no_address_no_connection(
    post: MailServer, clerk: Clerk, new_courier: NewCourier, address: str
) -> None:
    """What is no address, or more than one, is given up before anybody is asked; no reason repeats it."""
    assert new_courier(post).deliver(delivery(to=address)) == Undeliverable(
        why="This is no e-mail address that can be used: give one, such as office@school.example."
    )
    assert clerk.heard == []


def test_a_letter_that_cannot_be_written_is_given_up(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """Nothing is known of its call: a person must look, and nothing is sent."""
    found = new_courier(post).deliver(delivery(about=None))
    assert found == Undeliverable(why="What the letter has to say about its call is not known.")
    assert clerk.heard == []


def test_an_address_beyond_ascii_goes_where_it_can(
    post: MailServer, clerk: Clerk, new_courier: NewCourier
) -> None:
    """A server that takes such addresses gets it as it is, in the envelope and in the header."""
    assert isinstance(new_courier(post).deliver(delivery(to="büro@schüle.example")), Delivered)
    (taken,) = clerk.taken
    assert taken.to == ["büro@schüle.example"]
    assert taken.message["To"] == "büro@schüle.example"


def test_an_address_beyond_ascii_is_given_up_where_it_cannot_go(
    post_with: Callable[..., Post], clerk: Clerk, new_courier: NewCourier
) -> None:
    """A server that takes no such addresses is not tried again, and the reason says what is missing."""
    courier = new_courier(plain(post_with(enable_SMTPUTF8=False).port))
    assert courier.deliver(delivery(to="büro@school.example")) == Undeliverable(
        why="The address has letters beyond ASCII, which the mail server does not take (SMTPUTF8)."
    )
    assert isinstance(courier.deliver(delivery()), Delivered)
