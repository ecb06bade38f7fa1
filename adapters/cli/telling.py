"""How things are told: as one JSON document, or as text; coloured where the terminal can, else plain."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from adapters.documents import problem, to_json
from states.errors import EoiError, Refused

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from workflow import HistoryView

#: How wide a line may be where nobody looks at a terminal, in characters.
WIDE: Final = 200


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells answers on stdout, and what stands beside them on stderr."""

    json: bool

    def answer(self, value: object, text: "Iterable[RenderableType]") -> None:
        """Tell an answer: the value itself as JSON, or its text piece by piece."""
        if self.json:
            _write(f"{to_json(value)}\n")
            return
        console = _console()
        with console.capture() as told:
            for piece in text:
                _print(console, piece)
        _write(told.get() if console.is_terminal else _without_trailing_blanks(told.get()))

    def aside(self, sentence: str) -> None:
        """Tell something that is no part of the answer."""
        _console(stderr=True).print(_harmless(sentence), style="dim", soft_wrap=True)

    def error(self, error: EoiError, *, hint: str | None) -> None:
        """Tell why something was not done: as a problem document, or every reason in a line of its own."""
        if self.json:
            _write(f"{to_json(problem(error))}\n")
            return
        console = _console(stderr=True)
        reasons = error.reasons if isinstance(error, Refused) else ()
        if len(reasons) > 1:
            console.print(f"Not done, for {len(reasons)} reasons:", style="red")
            for reason in reasons:
                console.print(_harmless(f"- {reason.message} [{reason.code}]"), soft_wrap=True)
        else:
            said = _harmless(f"Not done: {error.message} [{error.code}]")
            console.print(said, style="red", soft_wrap=True)
        if hint:
            console.print(hint, soft_wrap=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> "RenderableType":
    """Return rows under a head, each column as wide as it needs to be."""
    from rich.table import Table

    shown = Table(*head, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        shown.add_row(*(_harmless(str(cell)) for cell in row))
    return shown if shown.row_count else "(none)"


def facts(pairs: Iterable[tuple[str, object]]) -> "RenderableType":
    """Return names and values, one pair a line; what is None or empty is left out."""
    from rich.table import Table

    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="dim")
    for name, value in pairs:
        if value not in (None, ""):
            shown.add_row(f"  {name}", _harmless(str(value)))
    return shown


def warnings(messages: Iterable[str]) -> "Iterable[RenderableType]":
    """Yield what somebody should think about, one a line."""
    from rich.text import Text

    for message in messages:
        yield Text(_harmless(f"! {message}"), style="yellow")


def tell_history(changes: "Iterable[HistoryView]", timezone: str) -> "Iterable[RenderableType]":
    """Yield a table of changes: what became of it, who did it, when, and why."""
    rows = (
        (
            each.seq,
            each.trigger,
            each.target,
            each.actor if each.on_behalf_of is None else f"{each.actor} for {each.on_behalf_of}",
            each.via,
            moment(each.at, timezone),
            _if_other(moment(each.recorded_at, timezone), moment(each.at, timezone)),
            (each.digest or "")[:12],
            each.reason or "",
        )
        for each in changes
    )
    yield table(("seq", "what", "state", "who", "via", "took effect", "written", "digest", "reason"), rows)


def moment(at: datetime | None, timezone: str) -> str:
    """Return an instant in words; nothing where there is none."""
    from states.deadlines import moment_in_words

    return "" if at is None else moment_in_words(at, timezone)


def _if_other(words: str, than: str) -> str:
    return "" if words == than else words


def in_words(counts: "Iterable[tuple[str, int]] | None") -> str:
    """Return counts as "2 lapsed, 3 submitted"."""
    return ", ".join(f"{count} {name}" for name, count in counts or ())


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    out = sys.stderr if stderr else sys.stdout
    return Console(file=out, markup=False, highlight=False, emoji=False, width=None if out.isatty() else WIDE)


def _print(console: "Console", piece: "RenderableType") -> None:
    words = isinstance(piece, str)
    console.print(_harmless(str(piece)) if words else piece, soft_wrap=words)


def _without_trailing_blanks(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _write(text: str) -> None:
    sys.stdout.write(text)


def _harmless(text: str) -> str:
    """Return a text in which nothing steers the terminal."""
    return "".join(
        f"\\x{ord(char):02x}" if unicodedata.category(char) == "Cc" and char not in "\n\t" else char
        for char in text
    )
