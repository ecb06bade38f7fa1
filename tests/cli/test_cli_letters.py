"""`eoi letter`: letters looked at and tried before any of them goes to a school."""

import json
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from icalendar import Calendar

from tests.cli.conftest import Answer
from tests.letters.post import Clerk, Post
from tests.notify.service import HEAD, KEY, SUBMITTED, Notify
from workflow import CallView, Engine, EventType
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, new_call, officer

ME = "programme.team@council.example"
_FRAME = re.compile(r'<iframe sandbox title="([^"]*)" srcdoc="([^"]*)">')


def _by_mail(post: Post) -> dict[str, str]:
    return {
        "EOI_SMTP_URL": f"smtp+plain://127.0.0.1:{post.port}",
        "EOI_SMTP_SENDER": "Bases <bases@council.example>",
    }


@pytest.fixture
def nursery(engine: Engine) -> CallView:
    """Return a call whose title must be escaped."""
    call = new_call(
        reference="7/23",
        title="Nursery places & more",
        closes_at=datetime(2023, 5, 26, 23, tzinfo=UTC),
        contact="Early Years Team",
    )
    return engine.open_call(call, actor=officer())


def test_letters_are_shown_without_a_database(eoi: Callable[..., Answer], tmp_path: Path) -> None:
    """One, some or all, as text or as JSON; an example's facts stand in them, and nothing is made."""
    one = eoi("letter", "show", "eoi.lapsed").out
    assert one.startswith(
        "Event: eoi.lapsed\nSubject: Not submitted in time: Primary Phase Specialist Resource Bases\n\n"
        "Dear Example Primary School,\n\n"
    )
    assert "The deadline was 11:59pm on Friday 17 March 2023." in one
    assert eoi("letter", "show", "call.*").out.count("Event: ") == 4
    found = eoi("letter", "show", "--json").json
    assert [each["event"] for each in found] == list(EventType)
    assert {each["event"] for each in found if each["calendar"]} == {"call.opened", "call.extended"}
    assert all(each["text"] and each["html"].startswith("<!doctype html>") for each in found)
    assert not list(tmp_path.iterdir())


def test_a_letter_has_the_facts_of_a_call(eoi: Callable[..., Answer], nursery: CallView) -> None:
    """Its title, deadline, contact and reference: what its audience will read."""
    told = eoi("letter", "show", "call.opened", "--call", nursery.reference, "--json").json[0]
    assert told["subject"] == "Apply by Friday 26 May 2023: Nursery places & more"
    assert "Contact Early Years Team and give the call reference, 7/23." in told["text"]
    [entry] = Calendar.from_ical(told["calendar"]).walk("VEVENT")
    assert str(entry["summary"]) == "Deadline: Nursery places & more"
    assert nursery.id not in str(entry["uid"]), "the real entry would take its place"


def test_letters_are_shown_on_a_page(eoi: Callable[..., Answer], tmp_path: Path, nursery: CallView) -> None:
    """Each in a frame in which no script runs, escaped, with its text, and the deadline to be taken along."""
    page = tmp_path / "letters.html"
    said = eoi("letter", "show", "call.*", "--call", nursery.id, "--out", str(page))
    assert said.out == f"4 letters are on one page: {page}\n"
    written = page.read_text("utf-8")
    frames = [(unescape(title), unescape(html)) for title, html in _FRAME.findall(written)]
    told = eoi("letter", "show", "call.*", "--call", nursery.id, "--json").json
    assert frames == [(each["subject"], each["html"]) for each in told]
    links = re.findall(r'href="data:text/calendar;base64,([^"]+)"', written)
    assert [b64decode(each).decode().count("BEGIN:VEVENT") for each in links] == [1, 1]
    assert "Nursery places & more" not in written
    assert "<script" not in written
    alone = eoi("letter", "show", "eoi.saved", "--out", str(page))
    assert alone.out == f"The letter is here: {page}\n"
    assert page.read_text("utf-8").count("<iframe") == 1


def test_a_councils_own_letters_are_shown(eoi: Callable[..., Answer], tmp_path: Path) -> None:
    """Those of EOI_LETTERS; one that cannot be used is told, with its file and line."""
    own = tmp_path / "eoi.saved.txt"
    own.write_text("Subject: Saved\n\nHello {{ applicant_name }}", encoding="utf-8")
    said = eoi("letter", "show", "eoi.saved", EOI_LETTERS=str(tmp_path))
    assert said.out == "Event: eoi.saved\nSubject: Saved\n\nHello Example Primary School\n"
    own.write_text("Subject: Saved\n\n{{ call_titel }}", encoding="utf-8")
    said = eoi("letter", "show", "eoi.saved", EOI_LETTERS=str(tmp_path))
    assert (said.status, said.out) == (1, "")
    assert "eoi.saved.txt, line 3: There is no 'call_titel'. Did you mean 'call_title'?" in said.err


def test_a_letter_is_tried_by_mail(eoi: Callable[..., Answer], nursery: CallView) -> None:
    """The mail server gets it for that mailbox, marked as a trial; a second one is another letter."""
    clerk = Clerk()
    with Post(clerk) as post:
        line = ("letter", "try", ME, "call.opened", "--call", nursery.id)
        told = [eoi(*line, "--json", **_by_mail(post)) for _ in range(2)]
    assert [each.status for each in told] == [0, 0]
    wanted = {"event": "call.opened", "courier": "smtp", "address": ME, "arrived": True, "why": None}
    assert wanted.items() <= told[0].json.items()
    assert [each.to for each in clerk.taken] == [[ME], [ME]]
    message = clerk.taken[0].message
    assert message["subject"] == "Apply by Friday 26 May 2023: TRIAL: Nursery places & more"
    assert len({each.message["message-id"] for each in clerk.taken}) == 2


def test_what_a_mail_server_refuses_is_told(eoi: Callable[..., Answer]) -> None:
    """In its own words, with exit status 1; so is a server that is not there, and none that is set."""
    clerk = Clerk(says={"RCPT": "550 5.1.1 Nobody of that name"})
    with Post(clerk) as post:
        settings = _by_mail(post)
        said = eoi("letter", "try", ME, **settings)
    assert said.status == 1
    assert said.told.startswith("It was not taken: ")
    assert "550" in said.told
    assert "Nobody of that name" in said.told
    gone = eoi("letter", "try", ME, **settings)
    assert (gone.status, gone.told.split(" Took ")[0]) == (
        1,
        "It was not taken: Nothing listens where the mail server should be.",
    )
    unset = eoi("letter", "try", ME)
    assert unset.status == 1
    assert "EOI_SMTP_URL is not set" in unset.told


def test_a_letter_is_tried_by_notify(eoi: Callable[..., Answer]) -> None:
    """Under the template of its event, with the personalisation of a trial; Notify minds what time it is."""
    with Notify(FrozenClock(SystemClock().now())) as notify:
        said = eoi(
            *("letter", "try", HEAD, "--via", "notify"),
            EOI_NOTIFY_KEY=KEY,
            EOI_NOTIFY_URL=notify.url,
            EOI_NOTIFY_TEMPLATES=f"eoi.submitted={SUBMITTED}",
        )
        given = notify.given
    assert said.told.startswith(f"GOV.UK Notify has taken the letter for {HEAD}: look into that mailbox.")
    assert [each["email_address"] for each in given] == [HEAD]
    assert given[0]["personalisation"]["call_title"] == "TRIAL: Primary Phase Specialist Resource Bases"


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        (("show", "eoi.approve"), 1, "No event is called 'eoi.approve'. Events are: call.opened"),
        (("show", "--call", "1/99"), 1, "There is no call '1/99'."),
        (("show", "--out", "."), 1, "cannot be written"),
        (("try", ME, "eoi.*"), 2, "'eoi.*' fits 10 letters: name one, such as eoi.drafted."),
        (("try", ME, "--via", "webhook"), 2, "'webhook' carries no letters: smtp or notify."),
        (("try",), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_is_told(
    eoi: Callable[..., Answer], line: tuple[str, ...], status: int, said: str
) -> None:
    """With what to write instead; nothing is sent."""
    answer = eoi("letter", *line)
    assert answer.status == status
    assert said in " ".join(answer.err.split())


def test_an_address_that_is_none_is_told(eoi: Callable[..., Answer]) -> None:
    """Before anybody is asked."""
    clerk = Clerk()
    with Post(clerk) as post:
        said = eoi("letter", "try", "Head <head@school.example>", "--json", **_by_mail(post))
    assert (said.status, json.loads(said.out)["arrived"], clerk.heard) == (1, False, [])
