"""A council's own letters: what takes the place of ours, and what is found at the start already."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.outbound.letters import Letters
from states.errors import BadInput
from tests.letters.facts import ABOUT, delivery
from workflow import EventType


def _refusal(folder: Path | None) -> BadInput:
    with pytest.raises(BadInput) as refused:
        Letters(folder)
    assert refused.value.field == "letters"
    return refused.value


def _put(folder: Path, name: str, text: str | bytes) -> None:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def test_one_file_takes_the_place_of_ours(folder: Path) -> None:
    """Its words stand in the text and in the HTML; all other letters stay as they are."""
    _put(
        folder,
        "eoi.submitted.txt",
        "Subject: Thank you, {{ applicant_name }}\n\nWe have {{ eoi_id }} <safely>.\n",
    )
    ours, own = Letters(), Letters(folder)
    letter = own.write(delivery())
    assert letter.subject == "Thank you, Sprowston Junior School"
    assert letter.text == "We have 0186e27e-7a80-7000-8000-0000000000e1 <safely>.\n"
    assert "<p" in letter.html
    assert "We have 0186e27e-7a80-7000-8000-0000000000e1 &lt;safely&gt;." in letter.html
    for kind in set(EventType) - {EventType.EOI_SUBMITTED}:
        assert own.write(delivery(kind)) == ours.write(delivery(kind))


def test_a_part_of_all_letters_is_replaced_once(folder: Path) -> None:
    """Whoever signs otherwise writes one file."""
    _put(folder, "ending.txt", "Norfolk County Council")
    own = Letters(folder)
    for kind in EventType:
        assert own.write(delivery(kind)).text.endswith("\n\nNorfolk County Council\n")


def test_a_page_of_ones_own(folder: Path) -> None:
    """An event may have HTML of its own, or all another frame; what is filled in is escaped there, too."""
    _put(
        folder,
        "eoi.submitted.html",
        "<html><title>{{ subject }}</title><b>{{ call_title }}</b></html>",
    )
    _put(folder, "letter.html", "<html>{% for part in parts %}<p>{{ part.text }}</p>{% endfor %}</html>")
    own = Letters(folder)
    about = replace(ABOUT, title="Bases <&> more")
    assert "<b>Bases &lt;&amp;&gt; more</b>" in own.write(delivery(about=about)).html
    assert own.write(delivery(EventType.CALL_CLOSED, about=about)).html.startswith(
        "<html><p>Dear colleague,</p>"
    )


def test_what_notepad_writes_is_read(folder: Path) -> None:
    """A byte order mark, Windows' ends of lines, no end of the last line: all is read as meant."""
    _put(folder, "eoi.saved.txt", b"\xef\xbb\xbfSubject: Saved\r\n\r\nOne\r\ntwo\r\n\r\n- a\r\n- b")
    letter = Letters(folder).write(delivery(EventType.EOI_SAVED))
    assert letter.subject == "Saved"
    assert letter.text == "One\ntwo\n\n- a\n- b\n"


def test_other_files_are_left_alone(folder: Path) -> None:
    """Notes, hidden files and folders beside the letters are nobody's business."""
    for name in ("README.md", ".DS_Store", ".eoi.saved.txt.swp", "logo.png"):
        _put(folder, name, b"\xff{{ rubbish")
    (folder / "old").mkdir()
    assert Letters(folder).write(delivery()) == Letters().write(delivery())


def test_what_is_changed_later_is_not_seen(folder: Path) -> None:
    """A letter that was found to be in order stays so until the program is started again."""
    _put(folder, "ending.txt", "Before")
    own = Letters(folder)
    _put(folder, "ending.txt", "{{ broken")
    assert own.write(delivery()).text.endswith("Before\n")


#: File -> what is wrong with it -> where it is found -> words of the refusal.
BROKEN = [
    ("eoi.saved.txt", "Subject: x\n\n{{ call_titel }}", 3, "no 'call_titel'. Did you mean 'call_title'?"),
    (
        "eoi.saved.txt",
        "Subject: x\n\n{% if not state %}\n{{ nobody }}\n{% endif %}",
        4,
        "There is no 'nobody'.",
    ),
    ("eoi.saved.txt", "Subject: x\n\n{% if state %}\nyes\n", 4, "end of template"),
    ("eoi.saved.txt", "Subject: x\n\n{{ state", 3, "unexpected"),
    ("eoi.saved.txt", "Subject: x\n\n{{ state | uper }}", 3, "no 'uper'. Did you mean 'upper'?"),
    ("eoi.saved.txt", "Subject: x\n\n{% if not state %}{{ state | nothing }}{% endif %}", 3, "no 'nothing'."),
    ("eoi.saved.txt", "Subject: x\n\n{{ state is empty }}", 3, "empty"),
    (
        "eoi.saved.txt",
        "Subject: x\n\n{% if not state %}\n{% include 'endin.txt' %}{% endif %}",
        4,
        "no file 'endin.txt'",
    ),
    ("eoi.saved.txt", "Subject: x\n\n{% include state %}", 1, "quotation marks"),
    ("eoi.saved.txt", "Subject: x\n\n{{ 1 / (1 if contact else 0) }}", 3, "ZeroDivisionError"),
    ("eoi.saved.txt", "Subject: x\n\n{{ state.__class__.__mro__ }}", 3, "unsafe"),
    ("eoi.saved.txt", "Subject: x\n\n{{ range(9) }}", 3, "There is no 'range'."),
    ("eoi.saved.txt", "Subject: x\n\n{% include 'eoi.saved.txt' %}", 3, "RecursionError"),
    ("eoi.saved.txt", "Dear {{ applicant_name }}", 1, "'Subject:'"),
    ("eoi.saved.txt", "\nSubject: x\n\ny", 1, "'Subject:'"),
    ("eoi.saved.txt", "Subject: {{ contact }}\n\ny", 1, "'Subject:'"),
    ("eoi.saved.txt", "Subject: x\n\n\n", None, "nothing after the subject"),
    ("eoi.saved.txt", "", 1, "'Subject:'"),
    ("eoi.saved.txt", "Subject: x\n\ny\n“z”".encode("cp1252"), 4, "UTF-8"),
    ("eoi.saved.txt", "Subject: x\n\n" + "y" * 100_000, None, "larger than 100,000 bytes"),
    ("eoi.saved.txt", "Subject: x\n\n{{ parts }}", 3, "There is no 'parts'."),
    ("ending.txt", "one\n{{ contakt }}", 2, "Did you mean 'contact'?"),
    ("ours.txt", "taken in by nobody\n{% endif %}", 2, "endif"),
    ("letter.html", "<p>{{ subject }}</p>\n{{ party }}", 2, "Did you mean 'parts'?"),
    ("eoi.saved.html", "{{ call_title | safe }}", None, "without escaping"),
    (
        "eoi.saved.html",
        "{% autoescape false %}{{ contact | upper }}{% endautoescape %}",
        None,
        "without escaping",
    ),
    ("eoi.saved.html", "<hr>\n{% include 'ending.txt' %}", 2, "do not mix"),
    ("eoi.saved.txt", "Subject: x\n\n{% include 'letter.html' %}", 3, "do not mix"),
    ("eoi.save.txt", "Subject: x\n\ny", None, "Did you mean 'eoi.saved.txt'?"),
    ("eoi.saved.txt.txt", "Subject: x\n\ny", None, "Did you mean 'eoi.saved.txt'?"),
    ("eoi.saved.docx", "PK", None, "Did you mean 'eoi.saved.txt'?"),
    ("EOI.Saved.txt", "Subject: x\n\ny", None, "No letter is called that."),
    ("Ending.TXT", "x", None, "small letters"),
    ("eoi.received.txt", "Subject: x\n\ny", None, "No letter is called that."),
]


@pytest.mark.parametrize(("name", "text", "line", "words"), BROKEN)
def test_what_is_broken_is_found_at_the_start(
    folder: Path, name: str, text: str | bytes, line: int | None, words: str
) -> None:
    """File and line are named, in branches that are hardly ever taken, too; no letter is sent first."""
    _put(folder, name, text)
    refused = _refusal(folder)
    assert words in refused.message
    assert refused.facts["file"] == name
    assert refused.facts.get("line") == line
    assert f"{name}, line {line}: " in refused.message or line is None
    assert name in refused.message


def test_a_folder_that_is_not_there_is_found_at_the_start(tmp_path: Path) -> None:
    """A slip in the setting does not send our words in the council's place; nor does a file for a folder."""
    assert _refusal(tmp_path / "letterz").message == (
        "The folder of letters cannot be read: No such file or directory."
    )
    _put(tmp_path, "file", "x")
    assert _refusal(tmp_path / "file").message == "The folder of letters cannot be read: Not a directory."


def test_what_fails_only_for_some_repeats_nobodys_words(folder: Path) -> None:
    """A letter that cannot be written for one school says where, and nothing of what it would have said."""
    _put(
        folder,
        "eoi.saved.txt",
        "Subject: x\n\n{{ {'<Sample school> & trust': 1, '': 2}[applicant_name] + 0 }}\n",
    )
    own = Letters(folder)
    with pytest.raises(BadInput) as refused:
        own.write(delivery(EventType.EOI_SAVED))
    assert refused.value.message == "The letters cannot be used. eoi.saved.txt, line 3: UndefinedError"
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
