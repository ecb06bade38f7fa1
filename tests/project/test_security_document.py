"""docs/security.md names tests that there are, for each risk of OWASP's list."""

import ast
import re
from typing import Final

from tests.servers.scripts import ROOT

DOCUMENT: Final = (ROOT / "docs" / "security.md").read_text()
ROW: Final = re.compile(r"^\| API(\d+) [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


def every_test() -> set[str]:
    """Return the names of all tests."""
    trees = (ast.parse(path.read_bytes()) for path in (ROOT / "tests").rglob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_risk_has_tests_that_there_are() -> None:
    """API1 to API10, in order, each with at least one test; and no name stands there that nothing has."""
    found = {int(number): re.findall(r"`(test_\w+)`", names) for number, names in ROW.findall(DOCUMENT)}
    assert list(found) == list(range(1, 11))
    assert [number for number, names in found.items() if not names] == []
    assert set(re.findall(r"`(test_\w+)`", DOCUMENT)) - every_test() == set()
