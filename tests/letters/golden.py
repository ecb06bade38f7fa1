"""All letters as they stand, for people to read. `./run python -m tests.letters.golden` makes the files."""

from functools import cache
from pathlib import Path
from typing import Final

from adapters.outbound.letters import Letters
from tests.letters.facts import delivery
from workflow import EventType

FOLDER: Final = Path(__file__).parent / "golden"


@cache
def letters() -> dict[str, str]:
    """Return each letter's files by their names: the text, the HTML, the calendar."""
    ours = Letters()
    written = {kind: ours.write(delivery(kind)) for kind in EventType}
    texts = {f"{kind}.txt": f"Subject: {each.subject}\n\n{each.text}" for kind, each in written.items()}
    pages = {f"{kind}.html": each.html for kind, each in written.items()}
    entries = {
        f"{kind}.ics": each.calendar.decode().replace("\r\n", "\n")
        for kind, each in written.items()
        if each.calendar
    }
    return texts | pages | entries


if __name__ == "__main__":
    for name, text in letters().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
