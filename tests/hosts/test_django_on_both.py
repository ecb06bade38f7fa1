"""The Django host on both databases, each in a process of its own: Django is set up once in one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases.raw import Databases

STORY = Path(__file__).with_name("django_story.py")
ROOT = STORY.parents[2]


def _run(program: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run a program of a Django host on a database; a warning ends it."""
    surroundings = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "EOI_DATABASE_URL": url,
        "EOI_LOCK_TIMEOUT_S": "2",
    }
    command = [sys.executable, "-W", "error", str(program)]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_djangos_transaction_holds_ours(databases: Databases) -> None:
    """Django's rows and ours are committed together or not at all, and hooks hear after the commit."""
    at = databases.new(migrated=False)
    done = _run(STORY, at.url)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "shown": {"name": "Société"},
        "too many rooms": [500, []],
        "neither": ["draft", 0],
        "done": {"state": "submitted", "rooms": 2},
        "both": ["submitted", 1, ["eoi.submitted, submitted"]],
        "meanwhile": ["withdrawn", "submitted"],
        "undone": ["submitted", 1, 1],
        "refused": "wrong-state",
        "Django's stands": 2,
        "without a session": "database-locked" if at.name == "sqlite" else "withdrawn",
        "by itself": ["submitted" if at.name == "sqlite" else "withdrawn", 2],
    }


@pytest.mark.slow
def test_a_django_hosts_own_tests_pass(databases: Databases) -> None:
    """The example of a Django host's own tests passes, and leaves the host's database alone."""
    at = databases.new()
    done = _run(ROOT / "examples/hosts/test_with_django.py", at.url)
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr
    assert at.rows("eoi_call") == []
