"""Templates to paste into GOV.UK Notify: filled in as Notify does it, they say what our letters say."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.outbound.govuk_notify import NotifyCourier
from adapters.outbound.letters import Letters
from adapters.outbound.letters.samples import samples
from adapters.outbound.letters.shape import Part, parts
from adapters.outbound.letters.words import words
from adapters.outbound.notify_texts import OF_EOIS, PLACEHOLDERS, Text, page, text
from adapters.outbound.notify_words import personalisation
from states.errors import BadInput
from tests.letters.facts import ABOUT, CLOSES_AT, delivery
from tests.notify.service import KEY, SUBMITTED, Notify
from workflow import Event, EventType
from workflow.ports import About, Delivered
from workflow.testing import FrozenClock

OURS = Letters()
PAGE = Path(__file__).resolve().parents[2] / "docs/notify-templates.md"
#: Source: alphagov/notifications-utils, field.py.
PLACEHOLDER = re.compile(r"\({2}([^()]+)\){2}")


def _filled(said: str, known: Mapping[str, str]) -> str:
    """Return a template as Notify fills it in. Whatever it does not know is a `KeyError`."""

    def put(found: re.Match[str]) -> str:
        name, asks, optional = found[1].partition("??")
        if not asks:
            return known[name]
        return optional if known[name] == "yes" else ""

    return PLACEHOLDER.sub(put, said)


def _names(template: Text) -> set[str]:
    said = f"{template.subject} {template.message}"
    return {found.partition("??")[0] for found in PLACEHOLDER.findall(said)}


def _by_letter(event: Event, about: About) -> tuple[str, tuple[Part, ...]]:
    return OURS.filled_in(event.type, words(event, about) | {"calendar": False})


@pytest.mark.parametrize("contact", ["Programme Management Team", None])
@pytest.mark.parametrize("since", [timedelta(days=-1), timedelta(), timedelta(days=30)])
@pytest.mark.parametrize("kind", EventType)
def test_they_say_what_letters_say(kind: EventType, since: timedelta, contact: str | None) -> None:
    """Word by word, before, at and after the deadline; no placeholder is left, and none is unknown."""
    event, about = delivery(kind, at=CLOSES_AT + since).event, replace(ABOUT, contact=contact)
    known, template = personalisation(event, about), text(OURS, kind)
    told = _filled(template.subject, known), parts(_filled(template.message, known))
    assert told == _by_letter(event, about)
    assert "((" not in f"{told}"


def test_an_applicant_without_a_name_is_told_by_its_number() -> None:
    """A letter says "applicant"; Notify can fill in one thing only, and it is never empty."""
    event, about = delivery().event, replace(ABOUT, applicant_name=None)
    told = _filled(text(OURS, event.type).message, personalisation(event, about))
    assert told.startswith("Dear URN:121234,\n")


@pytest.mark.parametrize("kind", EventType)
def test_nothing_that_letters_say_is_missing(kind: EventType) -> None:
    """Each variable of a letter is a placeholder, or settled when a template is made."""
    event, about = next(each for each in samples() if each[0].type == kind)
    assert words(event, about).keys() == PLACEHOLDERS.keys() | {"state", "before_deadline", "calendar"}
    of_call = kind.startswith("call.")
    assert _names(text(OURS, kind)) & {PLACEHOLDERS[name] for name in OF_EOIS} == (
        set() if of_call else {"applicant_name", "eoi_reference"}
    )


@pytest.mark.parametrize("kind", EventType)
def test_notify_takes_what_the_courier_sends_for_them(
    notify: Notify, clock: FrozenClock, kind: EventType
) -> None:
    """A template with these placeholders is never refused as wanting one."""
    notify.templates[SUBMITTED] = _names(text(OURS, kind))
    courier = NotifyCourier(KEY, {"*": SUBMITTED}, clock=clock, base_url=notify.url)
    assert isinstance(courier.deliver(delivery(kind)), Delivered)
    courier.close()


def test_optional_content_is_one_that_notify_reads() -> None:
    """A heading in it stands at the beginning of a line; what it is about is asked of a yes or no."""
    message = text(OURS, EventType.CALL_CLOSED).message
    assert "((before_deadline??We closed this call before its deadline." in message
    assert "((after_deadline??\n# What happens next\n\nIf you submitted" in message


def test_the_page_has_all_of_them() -> None:
    """Whoever changes a letter makes it anew: `./run eoi notify-templates --markdown`."""
    made = page(text(OURS, kind) for kind in EventType)
    assert PAGE.read_text(encoding="utf-8") == made


def _own(folder: Path, letter: str, name: str = "eoi.submitted.txt") -> Letters:
    (folder / name).write_text(letter, encoding="utf-8")
    return Letters(folder)


def test_a_councils_own_letters_are_its_templates(tmp_path: Path) -> None:
    """Their words, where they are; what is said at times only becomes optional content."""
    own = _own(
        tmp_path,
        'Subject: Got it: {{ call_title }}\n\n{% include "greeting.txt" %}\n\n'
        "{% if before_deadline %}\nStill time.\n{% else %}\nToo late.\n{% endif %}\n\n"
        "{{ eoi_id }}: {{ state }}",
    )
    assert text(own, EventType.EOI_SUBMITTED) == Text(
        event=EventType.EOI_SUBMITTED,
        subject="Got it: ((call_title))",
        message="Dear ((applicant_name)),\n\n((before_deadline??Still time.))\n\n"
        "((after_deadline??Too late.))\n\n"
        "((eoi_reference)): Received",
    )
    assert text(own, EventType.EOI_SAVED) == text(OURS, EventType.EOI_SAVED)


@pytest.mark.parametrize(
    "body",
    [
        "{% if before_deadline %}Until {{ deadline }}.{% endif %}\n\nDear all,",
        "{% if not before_deadline %}Late (sorry).{% endif %}\n\nDear all,",
        "{% if before_deadline %}Late).{% endif %}\n\nDear all,",
        "Dear {{ applicant_name | upper }},",
        "Dear {{ applicant_name[:9] }},",
        "Dear {{ applicant_name | replace('_', ' ') }},",
        "Dear ((name)),",
        "Dear ((name??all)),",
    ],
)
@pytest.mark.parametrize("where", ["subject", "message"])
def test_a_letter_that_notify_cannot_write_is_refused(tmp_path: Path, body: str, where: str) -> None:
    """Pasted all the same, it would be parked as wanting a placeholder, or say what is not so."""
    first = body.replace("\n\nDear all,", " Hello") if where == "subject" else "Hello"
    own = _own(tmp_path, f"Subject: {first}\n\n{body if where == 'message' else 'Dear all,'}")
    with pytest.raises(BadInput, match=r"^No template for GOV\.UK Notify can be made of eoi\.submitted\.txt"):
        text(own, EventType.EOI_SUBMITTED)


def test_brackets_that_always_stand_there_are_taken(tmp_path: Path) -> None:
    """Notify reads two of them only."""
    own = _own(tmp_path, "Subject: Hello (you)\n\nDear all (of you),\n\n({{ call_reference }})")
    made = text(own, EventType.EOI_SUBMITTED)
    assert (made.subject, made.message) == ("Hello (you)", "Dear all (of you),\n\n(((call_reference)))")
    assert _filled(made.message, {"call_reference": "46/23"}) == "Dear all (of you),\n\n(46/23)"
