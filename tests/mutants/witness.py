"""Runs chosen tests and writes down how each ended, and what they imported from elsewhere.

    python witness.py REPORT.json PYTEST-ARGUMENTS

The report: `tests`, node id -> `passed`, `skipped`, `assertion`, or in words how else it failed; `astray`,
the modules that this tree has and that were imported from elsewhere all the same: the project as it is
installed, for one.
"""

import json
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

#: What a test raises when it says that something is not as it should be (`pytest.fail`, DID NOT RAISE).
_SAYS_NO = (AssertionError, pytest.fail.Exception)


class Witness:
    """The plugin: listens to pytest, and keeps the worst that each test came to."""

    def __init__(self) -> None:
        self.tests: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Write down one phase of a test."""
        report = yield
        if call.excinfo is not None and not report.skipped:
            self.tests[item.nodeid] = _ending(call.when, call.excinfo.value)
        elif report.skipped:
            self.tests[item.nodeid] = "skipped"
        elif call.when == "call":
            self.tests.setdefault(item.nodeid, report.outcome)
        return report


def _ending(phase: str, exc: BaseException) -> str:
    if phase == "call" and _says_no(exc):
        return "assertion"
    return f"{type(exc).__name__} in its {phase}: {exc}"[:300]


def _says_no(exc: BaseException) -> bool:
    if isinstance(exc, BaseExceptionGroup):  # Hypothesis, where a property fails in several ways
        return all(_says_no(each) for each in exc.exceptions)
    return isinstance(exc, _SAYS_NO)


def astray(tree: Path) -> list[str]:
    """Return which modules that this tree has were imported from elsewhere."""
    ours = {path.stem for path in tree.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in ours and file and not Path(file).resolve().is_relative_to(tree):
            found.append(f"{name} from {file}")
    return sorted(found)


def main(report: str, *arguments: str) -> int:
    """Run pytest and write the report; return pytest's exit status."""
    witness = Witness()
    try:
        return int(pytest.main(list(arguments), plugins=[witness]))
    finally:  # What a broken test has left behind may make pytest itself fail at its end.
        told = {"tests": witness.tests, "astray": astray(Path.cwd().resolve())}
        Path(report).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
