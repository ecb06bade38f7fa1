"""A letter as a message: whatever titles and names hold, each header is one, and is read as it was meant."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.letters import Letter, Letters
from adapters.outbound.letters.words import one_line
from adapters.outbound.mail.mailboxes import Mailbox, Sender
from adapters.outbound.mail.message import message
from tests.letters.facts import ABOUT, delivery
from workflow.ports import About

AT = datetime(2023, 3, 17, 9, 30, tzinfo=UTC)
SENDER = "bases@council.example"
OUR_OWN = Letters()
HEADERS = [
    *("Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"),
]
ODD = [
    "Plain",
    "Bases – “Primary” phase: £120 million & more",
    "é" * 300,
    "x" * 500,
    "é " + "x" * 200,
    "x" * 76 + "é y",
    "a é " * 100,
    "a\u00a0b" * 40,
    "日本語のタイトル" * 20,
    "عنوان المكالمة " * 10,
    "👩\u200d👩\u200d👧\u200d👦 family " * 20,
    "e\u0301" * 100,
    "word " * 90,
    'a,b;c:d<e>@f "q" \\ (c)',
    "=?utf-8?q?hidden?=",
    "=?utf-8?b?" + "A" * 80 + "?=",
    "_?=_" * 30,
    "one\r\nBcc: victim@other.example",
    "one\nSubject: two",
    "one\r\n\r\nA body of my own",
    "one\rtwo\x0bthree\x0cfour\x85five\u2028six\u2029seven",
    "nul\0bell\x07escape\x1b[31m",
    "\u202egnp.exe",
    "half \ud83d a pair",
    "-" * 200,
    "https://council.example/" + "a" * 200,
]


def _sent(letter: Letter, to: str = "head@school.example", sender: str = SENDER) -> EmailMessage:
    written = message(letter, sender=Sender.parse(sender), to=Mailbox.parse(to), event_id="e:1", at=AT)
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert b"\r" not in written.replace(b"\r\n", b"")
    assert max(map(len, written.split(b"\r\n"))) < 998
    head = written.partition(b"\r\n\r\n")[0]
    assert all(line.strip() for line in head.split(b"\r\n"))
    found = message_from_bytes(written, policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert found.defects == []
    assert found.keys() == HEADERS
    return found


def _part(message: EmailMessage, kind: Literal["plain", "html"]) -> str:
    """Return what one of its parts says."""
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_title_is_read_as_it_was_written(odd: str) -> None:
    """No header more or less than there should be; the subject, decoded, is the letter's, on one line."""
    about = About(
        title=odd, opens_at=ABOUT.opens_at, timezone="Europe/London", contact=odd, applicant_name=odd
    )
    letter = OUR_OWN.write(delivery(about=about))
    found = _sent(letter)
    assert found["Subject"] == letter.subject
    assert letter.subject.endswith(one_line(odd))
    assert _part(found, "plain") == letter.text
    assert _part(found, "html") == letter.html


@given(st.text(min_size=1, max_size=200).map(one_line).filter(bool), st.text(max_size=200))
def test_any_subject_and_text_come_back(subject: str, text: str) -> None:
    """Whatever letters they are made of, and however long: nothing is lost where lines are broken."""
    text = "\n".join(one_line(line) for line in text.split("\n")) + "\n"
    found = _sent(Letter(subject=subject, text=text, html="<p>x</p>"))
    assert found["Subject"] == subject
    assert _part(found, "plain") == text


@pytest.mark.parametrize(
    "line", [".", "..", ".hidden", "From here on", "x" * 2000, "é" * 2000, "trailing ", "=3D", "--==", "\t"]
)
def test_no_line_of_the_text_ends_it_or_is_changed(line: str) -> None:
    """A dot alone, a From, a line that is too long for mail: all arrive as they were."""
    text = f"before\n{line}\nafter\n"
    found = _sent(Letter(subject="x", text=text, html=f"<pre>{line}</pre>"))
    assert _part(found, "plain") == text


@pytest.mark.parametrize(
    "sender",
    [
        "Cyngor Sir Ynys Môn, Isle of Anglesey County Council <bases@council.example>",
        "ÄÖÜ " * 30 + "<bases@council.example>",
        '"Council, The" <bases@council.example>',
        "=?utf-8?q?hidden?= <bases@council.example>",
        "bases@" + "c" * 60 + "." + "d" * 60 + ".example",
    ],
)
@pytest.mark.parametrize(
    "to", ["a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".uk", "o'brien{x}@school.example"]
)
def test_long_and_odd_addresses_stay_what_they_are(sender: str, to: str) -> None:
    """From and To hold the one address each, whole, and the sender's name beside it."""
    found = _sent(Letter(subject="x", text="x\n", html="<p>x</p>"), to=to, sender=sender)
    assert found["To"] == to
    # The new readers of the standard library leave spaces between the pieces of a name; mail programs do not.
    raw = dict(found.raw_items())["From"]
    shown_as, address = parseaddr(raw.replace("\r\n", ""))
    assert str(make_header(decode_header(shown_as))) == Sender.parse(sender).shown_as
    assert address == Sender.parse(sender).mailbox.address


def test_an_address_beyond_ascii_stands_in_the_header_as_it_is() -> None:
    """Only there: a message to a plain address is plain ASCII whatever it says."""
    letter = OUR_OWN.write(delivery())
    assert _sent(letter, to="büro@schüle.example")["To"] == "büro@schüle.example"
