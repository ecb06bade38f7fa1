"""The Django host on both databases, each in a process of its own: Django is set up once in one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases.raw import Databases

STORY = Path(__file__).with_name("django_story.py")


@pytest.mark.slow
def test_djangos_transaction_holds_ours(databases: Databases) -> None:
    """Django's rows and ours are committed together or not at all, and hooks hear after the commit."""
    url, root = databases.new(migrated=False).url, STORY.parents[2]
    surroundings = {"PATH": os.defpath, "PYTHONPATH": str(root), "EOI_DATABASE_URL": url}
    command = [sys.executable, "-W", "error", str(STORY)]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "shown": {"name": "Société"},
        "too many rooms": [500, []],
        "neither": ["draft", 0],
        "done": {"state": "submitted", "rooms": 2},
        "both": ["submitted", 1, ["eoi.submitted, submitted"]],
        "undone": ["submitted", 1, 1],
        "refused": "wrong-state",
        "Django's stands": 2,
    }
