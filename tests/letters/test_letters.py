"""Letters: what each event says to people in our own words, and that nobody's words do more than that."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.letters import Letters
from adapters.outbound.letters.words import STATES
from states.errors import BadInput
from tests.letters.facts import ABOUT, CLOSES_AT, delivery
from tests.letters.golden import FOLDER
from tests.letters.golden import letters as all_letters
from workflow import EventType
from workflow.ports import About

OUR_OWN = Letters()
#: What a title, a contact or a name may be, and should never do.
NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    'https://a.example/"onmouseover="alert(1)',
    "javascript:alert(1)",
    "<a href='https://evil.example'>click</a>",
    "&lt;b&gt;",
    "{{ 7 * 7 }}{% include 'ending.txt' %}",
    "]]> <!-- </div></body></html>",
    "one\r\nSubject: two\r\n\r\n# three\n- four",
    "\u202egnp.exe\u2028new line",
]
_ANY = st.text(max_size=60)
#: Elements that a letter consists of.
ELEMENTS = {"html", "head", "meta", "title", "body", "div", "p", "br", "h2", "ul", "li", "a"}


class Page(HTMLParser):
    """A page, read: its elements with what they hold, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element, and that it is open."""
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element, which must be the last one that was opened."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Remember text."""
        self.text += data


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("name", sorted({path.name for path in FOLDER.iterdir()} | set(all_letters())))
def test_each_letter_stands_in_a_file_to_read(name: str) -> None:
    """Whoever changes a letter makes its file anew, and so shows what people will read."""
    assert (FOLDER / name).read_text(encoding="utf-8") == all_letters()[name]


def test_there_is_a_letter_about_every_event() -> None:
    """Each has a text of its own; a state reads as one of the applicant's words, never as ours."""
    files = {path.name for path in FOLDER.iterdir()}
    assert files >= {f"{kind}.{ending}" for kind in EventType for ending in ("txt", "html")}
    assert set(STATES) == set(EventType)
    texts = {(FOLDER / f"{kind}.txt").read_text(encoding="utf-8") for kind in EventType}
    assert len(texts) == len(EventType)
    assert not any(re.search(r"\b(lapsed|declined|approved|reinstated|drafted)\b", text) for text in texts)


@pytest.mark.parametrize("kind", EventType)
def test_text_and_html_say_the_same(kind: EventType) -> None:
    """Whoever reads one misses nothing of the other: line by line the same words."""
    letter = OUR_OWN.write(delivery(kind))
    page = Page(letter.html)
    assert _lines(page.text) == [letter.subject, *(line.removeprefix("- ") for line in _lines(letter.text))]


@pytest.mark.parametrize("kind", EventType)
def test_the_page_is_simple_and_asks_nobody_for_anything(kind: EventType) -> None:
    """No picture, script or style sheet is loaded; its language is said; colours are the reader's."""
    page = Page(OUR_OWN.write(delivery(kind)).html)
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert page.open == []
    assert ("html", {"lang": "en"}) in page.elements
    assert {name for _, attributes in page.elements for name in attributes} <= {
        *("lang", "charset", "name", "content", "style")
    }
    styles = " ".join(attributes.get("style") or "" for _, attributes in page.elements)
    assert "color" not in styles
    assert "url(" not in styles


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("kind", EventType)
def test_the_words_of_others_stand_there_and_do_nothing(kind: EventType, nasty: str) -> None:
    """Whatever a title, a contact or a name holds: the same elements in the page, the same lines of text."""
    plain = OUR_OWN.write(delivery(kind, about=replace(ABOUT, title="x", contact="y", applicant_name="z")))
    about = replace(ABOUT, title=nasty, contact=nasty, applicant_name=nasty)
    letter = OUR_OWN.write(delivery(kind, about=about))
    page, usual = Page(letter.html), Page(plain.html)
    assert [tag for tag, _ in page.elements if tag != "a"] == [tag for tag, _ in usual.elements]
    assert page.open == []
    for tag, attributes in page.elements:
        assert tag != "a" or set(attributes) <= {"href", "rel"}
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "https:").startswith(("https:", "mailto:"))
    assert len(letter.text.split("\n")) == len(plain.text.split("\n"))
    assert letter.subject == letter.subject.strip()
    assert not re.search(r"[\r\n\u2028\x00-\x1f]", letter.subject)
    assert "\r" not in letter.text


@given(title=_ANY, contact=st.none() | _ANY, name=st.none() | _ANY)
def test_any_words_make_a_letter(title: str, contact: str | None, name: str | None) -> None:
    """Whatever was kept of a call and a school, a letter can be written, and can be sent as UTF-8."""
    about = replace(ABOUT, title=title, contact=contact, applicant_name=name)
    for kind in (EventType.CALL_OPENED, EventType.EOI_SUBMITTED):
        letter = OUR_OWN.write(delivery(kind, about=about))
        assert letter.text.encode()
        assert Page(letter.html).open == []
        assert len(letter.subject.splitlines()) == 1


def test_what_nobody_has_said_is_told_in_general_words() -> None:
    """Without a contact, ask the council; without a name, the applicant is told by its number."""
    letter = OUR_OWN.write(delivery(about=replace(ABOUT, contact=None, applicant_name=None)))
    assert letter.text.startswith("Dear applicant,\n")
    assert "\nApplicant: URN:121234\n" in letter.text
    assert "Contact the council and give the call reference, 46/23." in letter.text
    assert "None" not in letter.text + letter.html


@pytest.mark.parametrize(
    "name",
    [
        "Pay at https://evil.example/now", "ftp://evil.example", "www.x.y", "evil.com", "Evil.Com",
        "EVIL.EXAMPLE/x", "evil.co.uk", "head@evil.example", "mailto:head@evil.example",
        "Go to\nevil.example", "//evil.example/a",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [each for each in EventType if each.startswith("eoi.")])
def test_an_applicants_name_leads_nowhere(kind: EventType, name: str) -> None:
    """Whoever applies writes it; a link in it would be one in a letter of the council's."""
    with_link = OUR_OWN.write(delivery(kind, about=replace(ABOUT, applicant_name=name)))
    assert with_link == OUR_OWN.write(delivery(kind, about=replace(ABOUT, applicant_name=None)))
    assert "Dear applicant,\n" in with_link.text


@pytest.mark.parametrize(
    "name", ["St. Mary's", "St.Mary's C.E. Primary", "P.R.U. Norwich", "Jo's, 1st & 2nd: A/B"]
)
def test_a_name_with_full_stops_is_a_name(name: str) -> None:
    """It stands there as it was given."""
    assert OUR_OWN.write(delivery(about=replace(ABOUT, applicant_name=name))).text.startswith(
        f"Dear {name},\n"
    )


@pytest.mark.parametrize(
    ("kind", "other", "told"),
    [
        (EventType.CALL_OPENED, {}, "The deadline is 11:59pm on Friday 17 March 2023."),
        (EventType.CALL_EXTENDED, {}, "The new deadline is noon on Friday 24 March 2023."),
        (EventType.CALL_CLOSED, {}, "The call closed at 11:59pm on Friday 17 March 2023."),
        (
            EventType.CALL_CLOSED,
            {"at": CLOSES_AT.replace(day=16, hour=9)},
            "closed at 9am on Thursday 16 March 2023.",
        ),
        (EventType.EOI_SUBMITTED, {}, "at 2:05:09pm on Friday 17 March 2023."),
        (EventType.EOI_DECLINED, {}, "This was decided on Tuesday 2 May 2023."),
        (EventType.EOI_LAPSED, {}, "The deadline was 11:59pm on Friday 17 March 2023."),
        (EventType.EOI_WITHDRAWN, {}, "You can start a new one until the deadline"),
    ],
)
def test_times_are_told_as_people_say_them(kind: EventType, other: dict[str, Any], told: str) -> None:
    """In the call's own zone and in the style of GOV.UK; summer time is reckoned in."""
    assert told in OUR_OWN.write(delivery(kind, **other)).text


def test_nobody_is_told_to_begin_again_when_it_is_too_late() -> None:
    """Who withdraws after the deadline is not told of a new one."""
    late = OUR_OWN.write(delivery(EventType.EOI_WITHDRAWN, at=CLOSES_AT.replace(day=20)))
    assert "start a new one" not in late.text


def test_without_its_call_there_is_no_letter() -> None:
    """A letter that could not tell the title or the zone is refused instead of guessed."""
    with pytest.raises(BadInput) as refused:
        OUR_OWN.write(delivery(about=None))
    assert refused.value.field == "letters"


def test_an_address_on_the_web_or_a_mailbox_can_be_clicked() -> None:
    """A contact that is one leads there; it asks for nothing when the letter is opened."""
    about = About(
        title="See https://council.example/bases?a=1&b=2",
        opens_at=ABOUT.opens_at,
        timezone="Europe/London",
        contact="bases@council.example",
    )
    page = Page(OUR_OWN.write(delivery(EventType.CALL_OPENED, about=about)).html)
    assert [attributes["href"] for tag, attributes in page.elements if tag == "a"] == [
        "https://council.example/bases?a=1&b=2",
        "mailto:bases@council.example",
    ]


def test_what_a_whole_audience_is_told_is_written_once() -> None:
    """The same event and call make one letter, whoever gets it; another one makes another."""
    first, second = (delivery(EventType.CALL_OPENED, to=f"{name}@school.example") for name in "ab")
    assert OUR_OWN.write(first) is OUR_OWN.write(second)
    assert OUR_OWN.write(delivery(EventType.CALL_OPENED, version=4)) != OUR_OWN.write(first)
