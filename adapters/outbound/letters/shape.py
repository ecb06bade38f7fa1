"""The shape of a letter's text: paragraphs with blank lines between them, lists of `- `, headings of `# `."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: What begins a heading, which stands alone.
HEADING: Final = "# "
#: What begins each line of a list.
ITEM: Final = "- "


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two blank lines."""

    #: `heading`, `list` or `paragraph`.
    kind: str
    #: Its lines, without what marks the kind.
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """It as plain text: a list keeps its dashes, a heading is a line like any other."""
        mark = ITEM if self.kind == "list" else ""
        return "\n".join(mark + line for line in self.lines)


def parts(text: str) -> tuple[Part, ...]:
    """Return the parts of a text, in order."""
    return tuple(_part(lines) for lines in _blocks(text))


def _blocks(text: str) -> Iterator[tuple[str, ...]]:
    r"""Yield what stands together; `\n` alone ends a line."""
    block: list[str] = []
    for line in (*text.split("\n"), ""):
        if line.strip():
            block.append(line.strip())
        elif block:
            yield tuple(block)
            block = []


def _part(lines: tuple[str, ...]) -> Part:
    if len(lines) == 1 and lines[0].startswith(HEADING):
        return Part("heading", (lines[0].removeprefix(HEADING),))
    if all(line.startswith(ITEM) for line in lines):
        return Part("list", tuple(line.removeprefix(ITEM) for line in lines))
    return Part("paragraph", lines)
