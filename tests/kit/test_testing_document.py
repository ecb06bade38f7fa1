"""docs/testing.md is true: its examples pass as they stand, and what it says of the kit is so."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

import pytest

from workflow import testing
from workflow.outbox import LEASE_S
from workflow.testing import FrozenClock, new_call
from workflow.testing.dying import Step
from workflow.testing.racing import WITHIN_S

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
WORDS: Final = " ".join(PAGE.split())
EXAMPLES: Final = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_every_example_passes_as_it_stands(tmp_path: Path) -> None:
    """Whoever pastes the page into a file has tests that pass, without a warning, in an empty folder."""
    file = tmp_path / "test_pasted.py"
    file.write_text("\n\n".join(EXAMPLES), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    pasted = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", file.name]
    done = subprocess.run(pasted, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    count = sum(each.count("\ndef test_") + each.startswith("def test_") for each in EXAMPLES)
    assert f"{count} passed" in done.stdout
    assert count == 8


def test_the_fixture_is_five_lines() -> None:
    """A host has it in as many lines as it takes to read them."""
    assert len([line for line in EXAMPLES[0].splitlines() if line and "import" not in line]) == 4


def test_every_moment_is_in_the_table() -> None:
    """Whoever looks for a step finds both of its sides, and there are no others."""
    told = set(re.findall(r'`crash_(before|after)\("(\w+)"\)`', PAGE))
    assert told == {(side, step) for side in ("before", "after") for step in get_args(Step)}


def test_the_numbers_are_the_kits() -> None:
    """Where the clock begins, how long a lease and a race last: as the page says."""
    assert FrozenClock().now() == datetime(2023, 3, 16, 12, tzinfo=UTC)
    assert f"{new_call().closes_on:%d %B %Y}" == "17 March 2023"
    assert "noon UTC on 16 March 2023, the day before the deadline of `new_call()`" in WORDS
    assert f"its lease ends after {LEASE_S:.0f} s" in WORDS
    assert ("in a minute (`within_s`)" in WORDS, WITHIN_S) == (True, 60)


@pytest.mark.parametrize("name", [name for name in testing.__all__ if name != "Sent"])
def test_every_name_is_told_of(name: str) -> None:
    """What a host can import from `workflow.testing` stands on the page."""
    assert re.search(rf"\b{name}\b", PAGE)
