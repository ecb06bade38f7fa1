"""docs/letters.md is in step with the letters: its files, its variables, its example."""

import re
from pathlib import Path
from typing import Final

from adapters.outbound.letters import Letters
from adapters.outbound.letters.words import STATES, words
from adapters.outbound.mail.server import MailServer
from tests.letters.facts import ABOUT, delivery, event
from workflow import EventType

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs/letters.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_letter_and_part_is_listed() -> None:
    """An officer finds each file that can be replaced, and none that cannot."""
    told = set(re.findall(r"`([a-z.]+\.(?:txt|html))`", _section("Which letters there are")))
    assert told == {path.name for path in (ROOT / "adapters/outbound/templates").iterdir()}


def test_every_variable_is_listed_with_what_it_holds() -> None:
    """Each name stands in the table, and the example beside it is what a letter would show."""
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (.*?) ?\|$", _section("What can be filled in"), re.MULTILINE)
    assert [name for name, _ in rows] == list(words(event(EventType.EOI_SUBMITTED), ABOUT))
    shown = {str(value) for kind in EventType for value in words(event(kind), ABOUT).values()}
    assert [example for _, example in rows if example and example not in shown] == []


def test_every_state_is_listed() -> None:
    """An officer finds each of the words that an applicant may read."""
    of_eois = {state for kind, state in STATES.items() if kind.startswith("eoi.")}
    assert [state for state in of_eois if state not in _section("What can be filled in")] == []


def test_the_example_is_a_letter(folder: Path) -> None:
    """Whoever copies it has a letter that can be sent."""
    (example,) = re.findall(r"```\n(Subject: .*?)```", PAGE, re.DOTALL)
    (folder / "eoi.submitted.txt").write_text(example, encoding="utf-8")
    letter = Letters(folder).write(delivery())
    assert letter.subject == "We have your expression of interest for Primary Phase Specialist Resource Bases"
    assert "<li" in letter.html
    assert "<h2" in letter.html


def test_every_url_can_be_used() -> None:
    """The servers that the page shows are ones that the engine takes."""
    urls = re.findall(r"^\| `(smtp\S+)` \|", PAGE, re.MULTILINE)
    assert len({MailServer.parse(url).security for url in urls}) == 3
