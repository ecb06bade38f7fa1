"""What a test run came to: tests and why some were skipped, suppressions in the tree, coverage.

Usage: summary.py JUNIT-XML GROUP=FILES..., in the project's folder after `coverage run`; FILES are patterns
with commas between them. Ends with 1 where a pattern names no file: a renamed one would go unmeasured.
"""

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from coverage import Coverage

#: Where our own code stands.
CODE = ("run", ".ci", "states", "workflow", "scheduler", "adapters", "tests", "examples")
#: What tells a tool to look away.
SUPPRESSIONS = {
    "noqa": re.compile(r"#\s*(ruff:\s*)?noqa"),
    "type: ignore": re.compile(r"#\s*(type:\s*ignore|mypy:)"),
    "pragma": re.compile(r"#\s*pragma"),
}


def main(results: str, *groups: str) -> int:
    """Print the summary; return the exit status."""
    for line in (*tests(Path(results)), suppressions(Path())):
        print(line)
    missing = [pattern for pattern in _patterns(groups) if not list(Path().glob(pattern))]
    if missing:
        print(f"no file matches {', '.join(missing)}: mend COVERED in run")
        return 1
    print(coverage(dict(group.split("=", 1) for group in groups)))
    return 0


def tests(results: Path) -> Iterator[str]:
    """Yield how many tests passed, failed and were skipped, then each reason for a skip."""
    cases = list(ET.parse(results).iter("testcase"))  # noqa: S314 -- written by our own pytest a moment ago
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    reasons = Counter(skip.get("message", "") for case in cases for skip in case.findall("skipped"))
    skipped = reasons.total()
    yield f"tests: {len(cases) - failed - skipped} passed, {failed} failed, {skipped} skipped"
    for reason, count in reasons.most_common():
        yield f"  skipped {count}: {reason}"


def suppressions(root: Path) -> str:
    """Say how often the tree tells a tool to look away, of all kinds."""
    comments = [comment for path in _code(root) for comment in _comments(path)]
    counts = (
        f"{sum(bool(look.search(comment)) for comment in comments)} {kind}"
        for kind, look in SUPPRESSIONS.items()
    )
    return f"suppressions in the tree: {', '.join(counts)}"


def coverage(groups: dict[str, str]) -> str:
    """Say how much of each group of files the tests ran, branches included."""
    measured = Coverage()
    measured.load()
    shares = (
        f"{name} {measured.report(include=files.split(','), file=io.StringIO()):.1f} %"
        for name, files in groups.items()
    )
    return f"coverage, branches included: {', '.join(shares)}"


def _patterns(groups: Iterable[str]) -> Iterator[str]:
    for group in groups:
        yield from group.split("=", 1)[1].split(",")


def _code(root: Path) -> Iterator[Path]:
    for place in CODE:
        path = root / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _comments(path: Path) -> Iterator[str]:
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.string


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
