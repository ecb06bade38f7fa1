"""The kit ships with the engine, needs no test runner, and is nobody's concern but of who asks for it."""

import subprocess
import sys
from typing import Final

_LOADED: Final = "import sys, {0}; print(sorted(each for each in sys.modules if each in {1!r}))"


def loaded(module: str, *others: str) -> list[str]:
    """Return which of these a fresh Python has loaded once it has imported a module."""
    command = [sys.executable, "-c", _LOADED.format(module, others)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [each for each in others if repr(each) in done.stdout]


def test_the_engine_does_not_bring_the_kit_along() -> None:
    """A service that is in use has nothing of its tests in memory."""
    assert loaded("workflow", "workflow.testing", "workflow.engine") == ["workflow.engine"]


def test_the_kit_needs_no_test_runner() -> None:
    """It is a plain library, installed with the engine: neither pytest nor the scheduler is imported."""
    assert loaded("workflow.testing", "pytest", "scheduler", "adapters", "unittest", "workflow") == [
        "workflow"
    ]
