"""What `tests/conftest.py` makes of a run: what was counted is shown at its end."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COUNTING = """
import logging

def test_counting(tell):
    logging.getLogger("here").warning("half a character: \\ud800")
    tell("seven kills")
    tell("nobody wronged")
"""


def test_what_was_counted_is_shown_whichever_process_has_counted_it(tmp_path: Path) -> None:
    """Each test's lines stand under its name; half a character in its log does not stop the run."""
    file = tmp_path / "test_it.py"
    file.write_text(COUNTING)
    pytest = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", "1", "--rootdir", str(tmp_path)]
    done = subprocess.run([*pytest, str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    _, _, counted = done.stdout.partition("what was counted =")
    assert done.returncode == 0, done.stdout
    assert counted.splitlines()[1:4] == ["test_it.py::test_counting", "  seven kills", "  nobody wronged"]
