"""The words for placeholders: what a template may use, and what the page for its writers says."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.outbound.govuk_notify import NotifyCourier
from adapters.outbound.notify_words import UNTRUSTED, personalisation
from states.deadlines import closing_instant
from states.errors import BadInput
from tests.notify.service import Notify, delivery
from workflow import Event, EventType
from workflow.ports import About, Undeliverable

DOCS = Path(__file__).resolve().parents[2] / "docs/notify.md"
#: A row of a table there: | ((call_title)) | … |
PLACEHOLDER = re.compile(r"^\| `\(\((\w+)\)\)` \|", re.MULTILINE)


def _words(changes: dict[str, object] | None = None, **event: object) -> dict[str, str]:
    one = delivery()
    assert one.about is not None
    about: About = replace(one.about, **(changes or {}))  # type: ignore[arg-type]  # fields of About
    changed: Event = replace(one.event, **event)  # type: ignore[arg-type]  # fields of Event
    return personalisation(changed, about)


def test_an_event_of_an_eoi_in_words() -> None:
    """Everything that a letter to the school would say."""
    assert _words() == {
        "event": "eoi.submitted",
        "call_reference": "46/23",
        "call_title": "Specialist Resource Base Expressions of Interest",
        "opens_on": "Sunday 5 February 2023",
        "deadline": "11:59pm on Friday 17 March 2023",
        "last_day": "Friday 17 March 2023",
        "contact": "Programme Management Team",
        "has_contact": "yes",
        "eoi_reference": "e-1",
        "applicant": "URN:121234",
        "applicant_name": "Sprowston Junior School",
        "state": "submitted",
        "state_before": "draft",
        "happened_on": "Friday 17 March 2023",
        "happened_at": "9am on Friday 17 March 2023",
        "before_deadline": "yes",
        "after_deadline": "no",
    }


def test_no_placeholder_is_ever_missing() -> None:
    """An event of a call has no EOI: its words are empty, for Notify refuses what is missing."""
    words = _words(
        {"contact": None, "applicant_name": None},
        type=EventType.CALL_OPENED,
        eoi_id=None,
        applicant=None,
        source=None,
        state="open",
    )
    assert words.keys() == _words().keys()
    empty = {"eoi_reference", "applicant", "applicant_name", "state_before"}
    assert {name for name, text in words.items() if not text} == empty
    assert (words["contact"], words["has_contact"]) == ("the council", "no")


def test_an_applicant_without_a_name_is_told_by_its_number() -> None:
    """A letter that begins with ((applicant_name)) always addresses somebody."""
    assert _words({"applicant_name": None})["applicant_name"] == "URN:121234"


def test_days_are_those_of_the_calls_own_zone() -> None:
    """What happened at half past midnight in London happened on that day, though it was yesterday in UTC."""
    at = datetime(2023, 6, 30, 23, 30, tzinfo=UTC)
    closes_at = closing_instant(datetime(2023, 7, 14, tzinfo=UTC).date(), "Europe/London")
    words = _words({"opens_at": at}, at=at, closes_at=closes_at)
    assert (words["opens_on"], words["happened_on"]) == ("Saturday 1 July 2023",) * 2
    assert words["happened_at"] == "12:30am on Saturday 1 July 2023"
    assert words["deadline"] == "11:59pm on Friday 14 July 2023"


@pytest.mark.parametrize("type_", [EventType.CALL_CLOSED, EventType.EOI_LAPSED])
def test_what_the_close_did_happened_on_the_last_day(type_: EventType) -> None:
    """The deadline is told as 11:59pm on Friday; a letter of a close on Saturday would deny it."""
    closes_at = closing_instant(date(2023, 3, 17), "Europe/London")
    words = _words(type=type_, at=closes_at, closes_at=closes_at)
    assert words["happened_at"] == words["deadline"] == "11:59pm on Friday 17 March 2023"
    assert words["happened_on"] == words["last_day"] == "Friday 17 March 2023"


def test_a_zone_that_is_none_is_for_a_person(notify: Notify, courier: NotifyCourier) -> None:
    """No e-mail tells a deadline by a wrong clock."""
    one = delivery()
    assert one.about is not None
    outcome = courier.deliver(replace(one, about=replace(one.about, timezone="Norwich")))
    assert isinstance(outcome, Undeliverable)
    assert outcome.why.startswith("There is no time zone 'Norwich'.")
    assert notify.asked == []
    with pytest.raises(BadInput):
        _words({"timezone": "Norwich"})


def test_what_others_have_written_is_sanitised() -> None:
    """Only a placeholder that there is can be."""
    assert set(UNTRUSTED) <= _words().keys()


def test_the_page_lists_every_placeholder() -> None:
    """Whoever writes a template finds each there, in this order, and no other."""
    assert PLACEHOLDER.findall(DOCS.read_text(encoding="utf-8")) == list(_words())
