"""`eoi notify-templates`: texts to paste into GOV.UK Notify."""

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Answer
from workflow import EventType

ROOT = Path(__file__).resolve().parents[2]


def test_templates_are_written_without_a_database(eoi: Callable[..., Answer], tmp_path: Path) -> None:
    """One, some or all; as text to paste, as JSON, or as the page in docs."""
    one = eoi("notify-templates", "eoi.withdrawn")
    assert one.out.startswith(
        "Event: eoi.withdrawn\nSubject: Your expression of interest has been withdrawn: ((call_title))\n\n"
        "Dear ((applicant_name)),\n\n"
    )
    assert one.out.endswith("give the call reference, ((call_reference)).\n")
    found = eoi("notify-templates", "--json").json
    assert [each["event"] for each in found] == list(EventType)
    assert {key for each in found for key in each} == {"event", "subject", "message"}
    assert f"\n\n{found[-4]['message']}\n" in one.out
    assert eoi("notify-templates", "call.*").out.count("Event: ") == 4
    docs = (ROOT / "docs/notify-templates.md").read_text(encoding="utf-8")
    assert eoi("notify-templates", "--markdown").out == docs
    assert not list(tmp_path.iterdir())


def test_a_councils_own_letters_are_written(eoi: Callable[..., Answer], tmp_path: Path) -> None:
    """Those of EOI_LETTERS; one of which no template can be made is told, with its file."""
    own = tmp_path / "eoi.saved.txt"
    own.write_text("Subject: Saved\n\nHello", encoding="utf-8")
    said = eoi("notify-templates", "eoi.saved", EOI_LETTERS=str(tmp_path))
    assert said.out == "Event: eoi.saved\nSubject: Saved\n\nHello\n"
    own.write_text("Subject: Saved\n\n{{ call_title | upper }}", encoding="utf-8")
    said = eoi("notify-templates", "eoi.saved", EOI_LETTERS=str(tmp_path))
    assert (said.status, said.out) == (1, "")
    assert "No template for GOV.UK Notify can be made of eoi.saved.txt" in said.err


def test_an_event_that_is_none_is_told(eoi: Callable[..., Answer]) -> None:
    """With those that there are."""
    said = eoi("notify-templates", "eoi.approve")
    assert (said.status, said.out) == (1, "")
    assert "No event is called 'eoi.approve'. Events are: call.opened" in said.err
