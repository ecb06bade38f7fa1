"""How the demo is told: chapters, sentences, facts; coloured where the terminal can, else plain."""

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from states.deadlines import moment_in_words

ZONE: Final = "Europe/London"
#: As wide as it likes to be; narrower where the terminal is, but not so narrow that it cannot be read.
WIDTH: Final = 100
NARROWEST: Final = 72
_COLOURS: Final = {"bold": "1", "dim": "2", "good": "32", "warn": "33", "bad": "31", "when": "36"}


class Story:
    """Prints, and nothing else."""

    def __init__(self, *, colour: bool, width: int = WIDTH) -> None:
        """Say whether the terminal shows colours, and how many characters stand in its line."""
        self._colour = colour
        self._width = max(min(width, WIDTH), NARROWEST)
        self._chapter = 0

    @property
    def is_narrow(self) -> bool:
        """Whether there is less room than it likes to have."""
        return self._width < WIDTH

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        print(f"\n{self._in('bold', f'{self._chapter}. {title}')}")

    def tell(self, sentence: str) -> None:
        """Tell a sentence."""
        print(self._filled(sentence, "   ", "   "))

    def at(self, now: datetime, sentence: str, *, mood: str = "") -> None:
        """Tell what happened at an instant, in London time."""
        when = f"{moment_in_words(now, ZONE):<38}"
        room = " " * 43
        text = self._filled(sentence, room, room).removeprefix(room)
        print(f"   {self._in('when', when)}  {self._in(mood, text)}")

    def fact(self, name: str, value: object) -> None:
        """Tell one fact."""
        room = " " * 16
        print(
            f"   {self._in('dim', f'{name:<12}')} {self._filled(str(value), room, room).removeprefix(room)}"
        )

    def warn(self, sentence: str) -> None:
        """Tell what somebody should think about."""
        print(self._in("warn", self._filled(sentence, "   ! ", "     ")))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show rows under a head, each column as wide as it needs to be."""
        lines = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(line[place]) for line in [list(head), *lines]) for place in range(len(head))]
        for number, line in enumerate([list(head), *lines]):
            text = "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            print(f"   {self._in('dim' if number == 0 else '', text)}")

    def code(self, text: str) -> None:
        """Show text as it stands."""
        print(textwrap.indent(text.rstrip(), "   "))

    def proof(self, claim: str, sql: str, found: object, *, holds: bool) -> None:
        """Show a claim, the question that was asked of the database, and its answer."""
        verdict = self._in("good", "✓") if holds else self._in("bad", "✗ NOT SO:")
        text = self._filled(f"{claim}: {found}", "     ", "     ").removeprefix("     ")
        print(f"   {verdict} {text.removesuffix(str(found))}{self._in('bold', str(found))}")
        print(self._in("dim", self._filled(" ".join(sql.split()), "       ", "       ")))

    def _filled(self, text: str, first: str, others: str) -> str:
        return textwrap.fill(
            text,
            self._width,
            initial_indent=first,
            subsequent_indent=others,
            break_on_hyphens=False,
            break_long_words=False,
        )

    def _in(self, mood: str, text: str) -> str:
        code = _COLOURS.get(mood)
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code else text
