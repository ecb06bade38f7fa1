"""How things are told: as one JSON document, or as text; coloured where the terminal can, else plain."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from adapters.documents import problem, to_json
from states.errors import BadInput, EoiError, Refused

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from workflow import HistoryView

#: Prose in a table is folded, but not to less than this, in characters.
NARROW: Final = 24
#: Wider than any line.
_WIDEST: Final = 1_000_000

# What steers a terminal, shows letters in another order than they stand, or cannot be sent to it.
_UNFIT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class AnswerLost(Exception):
    """The answer could not be written."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells answers on stdout, and what stands beside them on stderr."""

    json: bool

    def answer(self, value: object, text: "Iterable[RenderableType]") -> None:
        """Tell an answer: the value itself as JSON, or its text piece by piece.

        Raises:
            AnswerLost: it could not be written; whatever led to it is done.
            BrokenPipeError: nobody reads it.
        """
        if self.json:
            self._document(value, sys.stdout)
        else:
            _write(sys.stdout, _drawn(text, sys.stdout))

    def lines(self, answers: Iterable[tuple[object, str]]) -> None:
        """Tell many answers, one on each line: the values as JSON, or their texts.

        Raises:
            AnswerLost: they could not be written.
            BrokenPipeError: nobody reads them.
        """
        ascii_only = not _takes_unicode(sys.stdout)
        told = [
            to_json(value, ascii_only=ascii_only, one_line=True) if self.json else _one_line(text)
            for value, text in answers
        ]
        _write(sys.stdout, "".join(f"{line}\n" for line in told))

    def beside(self, value: object, text: "Iterable[RenderableType]") -> None:
        """Tell an answer on stderr, if that can be done: on stdout stands something else."""
        if self.json:
            with suppress(AnswerLost, BrokenPipeError):
                self._document(value, sys.stderr)
        else:
            _say(text)

    def aside(self, sentence: str) -> None:
        """Tell something that is no part of the answer; where that cannot be done, it is left out."""
        _say([_Styled(sentence, "dim")])

    def error(self, error: EoiError, *, hint: str | None, beside: bool = False) -> None:
        """Tell why something was not done: as a problem document, or every reason in a line of its own.

        Args:
            error: what came of it.
            hint: how to mend it here.
            beside: the document goes to stderr, since on stdout stands something else.
        """
        if self.json:
            try:
                out = sys.stderr if beside else sys.stdout
                self._document(problem(error) | ({"hint": hint} if hint else {}), out)
            except AnswerLost:
                _say(_reasons(error))
        else:
            _say([*_reasons(error), *([hint] if hint else [])])

    def _document(self, value: object, out: TextIO) -> None:
        _write(out, to_json(value, ascii_only=not _takes_unicode(out)) + "\n")


@contextmanager
def while_it_is_read() -> Iterator[None]:
    """Tell for as long as somebody reads: whoever goes has had enough, and nothing went wrong."""
    try:
        yield
    except BrokenPipeError:
        _let_go(sys.stdout)


@contextmanager
def stdout_bytes() -> Iterator[BinaryIO]:
    """Lend the standard output for bytes.

    Raises:
        BadInput: `file-unwritable`: they could not be written.
        BrokenPipeError: nobody reads them.
    """
    try:
        yield sys.stdout.buffer
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        _let_go(sys.stdout)
        msg = f"The standard output cannot be written: {exc.strerror}."
        raise BadInput(msg, code="file-unwritable", field="out") from exc


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, prose: str = ""
) -> "Iterator[RenderableType]":
    """Yield rows under a head.

    A row is one line, even where the terminal is narrower: ids and times are there to be copied. Only the
    column of prose is folded. A column in which nothing stands is left out.
    """
    from rich.cells import cell_len
    from rich.table import Table

    lines = [[_one_line(cell) for cell in row] for row in rows]
    if not lines:
        yield "(none)"
        return
    columns = {name: cells for name, *cells in zip(head, *lines, strict=True) if any(cells)}
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for name, cells in columns.items():
        width, fold = max(map(cell_len, (name, *cells))), name == prose
        shown.add_column(
            name, min_width=min(width, NARROW) if fold else width, no_wrap=not fold, overflow="fold"
        )
    for line in zip(*columns.values(), strict=True):
        shown.add_row(*line)
    yield shown


def facts(pairs: Iterable[tuple[str, object]]) -> "RenderableType":
    """Return names and values, one pair a line; what is None or empty is left out."""
    from rich.table import Table

    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, ""):
            shown.add_row(f"  {name}", _harmless(str(value)))
    return shown


def warnings(messages: Iterable[str]) -> "Iterator[RenderableType]":
    """Yield what somebody should think about, one a line."""
    for message in messages:
        yield _Styled(f"! {message}", "yellow")


def tell_history(changes: "Iterable[HistoryView]", timezone: str) -> "Iterator[RenderableType]":
    """Yield a table of changes: what became of it, who did it, when, and why."""
    rows = (
        (
            each.seq,
            each.trigger,
            each.target,
            each.actor if each.on_behalf_of is None else f"{each.actor} for {each.on_behalf_of}",
            each.via,
            stamp(each.at, timezone),
            _if_other(stamp(each.recorded_at, timezone), stamp(each.at, timezone)),
            (each.digest or "")[:12],
            each.reason or "",
        )
        for each in changes
    )
    head = ("seq", "what", "state", "who", "via", "took effect", "written", "digest", "reason")
    yield from table(head, rows, prose="reason")


def moment(at: datetime | None, timezone: str) -> str:
    """Return an instant in words; nothing where there is none."""
    from states.deadlines import moment_in_words

    return "" if at is None else moment_in_words(at, timezone)


def stamp(at: datetime | None, timezone: str) -> str:
    """Return an instant for a table, to the second: 2023-03-18 00:00:02 GMT; nothing where there is none."""
    from states.deadlines import zone

    return "" if at is None else f"{at.astimezone(zone(timezone)):%Y-%m-%d %H:%M:%S %Z}"


def _if_other(words: str, than: str) -> str:
    return "" if words == than else words


def in_words(counts: "Iterable[tuple[str, int]]") -> str:
    """Return counts as "2 lapsed, 1,300 submitted"."""
    return ", ".join(f"{count:,} {name}" for name, count in counts)


def _reasons(error: EoiError) -> "Iterator[RenderableType]":
    reasons = error.reasons if isinstance(error, Refused) else ()
    if len(reasons) > 1:
        yield _Styled(f"Not done, for {len(reasons)} reasons:", "red")
        for reason in reasons:
            yield f"- {reason.message} [{reason.code}]"
    else:
        yield _Styled(f"Not done: {error.message} [{error.code}]", "red")


@dataclass(frozen=True, slots=True)
class _Styled:
    """A sentence, and how it looks where a terminal has colours."""

    sentence: str
    style: str

    def __str__(self) -> str:
        return _harmless(self.sentence)

    def __rich__(self) -> "RenderableType":
        from rich.text import Text

        return Text(str(self), style=self.style)


def _drawn(pieces: "Iterable[RenderableType]", out: TextIO) -> str:
    """Return the pieces as text, with colours where `out` is a terminal that has them."""
    pieces, terminal = list(pieces), out.isatty()
    if not terminal and all(isinstance(piece, str | _Styled) for piece in pieces):
        return _without_trailing("".join(f"{_harmless(str(piece))}\n" for piece in pieces))
    from rich.console import Console

    told = StringIO()
    console = Console(file=told, force_terminal=terminal, markup=False, highlight=False, emoji=False)
    width = console.width if terminal else _WIDEST
    for piece in pieces:
        _draw(console, _harmless(piece) if isinstance(piece, str) else piece, width)
    return told.getvalue() if terminal else _without_trailing(told.getvalue())


def _without_trailing(text: str) -> str:
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


def _draw(console: "Console", piece: "RenderableType", width: int) -> None:
    """Draw a piece as wide as it likes to be within `width`, and as wide as it must be."""
    console.width = _WIDEST
    size = console.measure(piece)
    console.width = max(size.minimum, min(size.maximum, width), 1)
    console.print(piece, soft_wrap=isinstance(piece, str))


def _say(pieces: "Iterable[RenderableType]") -> None:
    try:
        _write(sys.stderr, _drawn(pieces, sys.stderr))
    except (AnswerLost, BrokenPipeError):
        return  # there is nowhere left to say so


def _write(out: TextIO, text: str) -> None:
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        _let_go(out)
        raise AnswerLost(exc.strerror) from exc


def _let_go(out: TextIO) -> None:
    """Let nothing more go anywhere: what could not be written would be tried again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _takes_unicode(out: TextIO) -> bool:
    return (out.encoding or "").lower().startswith("utf")


def _one_line(cell: object) -> str:
    return "" if cell is None else _harmless(" ".join(str(cell).split()))


def _harmless(text: str) -> str:
    """Return a text in which nothing steers the terminal: what would is shown as its code."""
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
