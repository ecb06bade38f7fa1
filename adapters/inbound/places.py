"""Each date and time of a sheet, with the words around it that belong to its sentence and line."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Final

from adapters.inbound.mentions import Mention, mentions
from states.errors import BadDeadline

#: The most dates and times that a sheet may hold.
MOST: Final = 2000
#: How far from a date its closing words may stand, in characters.
_REACH: Final = 480

# Sentences and paragraphs end here, and so does what stands before a bullet or a label.
_BREAK: Final = re.compile(
    r"\n\n|(?:(?<!Mrs)(?<!Prof)(?<=[a-z0-9)][a-z0-9)])|(?<=[A-Z]{2})|(?<=[A-Z]{2}s)|(?<=[a-z][A-Z]))"
    r"[.!?][\"')]{0,2}\s(?=[A-Z*•])"
    r"|\n(?=(?:[•*·▪◦o-]|[0-9]{1,2}[.)])\s|[A-Z][A-Za-z /()'-]{0,40}:)"
)
_ROW_START: Final = re.compile(r"[\s•*·▪◦o|-]{0,6}(?:[Oo]n )?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A date or time and the words around it."""

    mention: Mention
    #: Of its sentence, from the end of the mention before.
    before: str
    #: Of its sentence, to the end of the line; of the next line, where it has one for itself.
    after: str
    #: Whether it is the first thing on its line.
    begins_line: bool
    #: Whether another mention is the first thing on that line.
    in_a_row: bool
    #: Whether nothing stands between it and a date after it.
    next_to_date: bool


def places(text: str) -> Iterator[Place]:
    """Yield each date and time of a prepared text in its place, in order.

    Raises:
        BadDeadline: `too-many-dates`: more than `MOST`.
    """
    found = list(islice(mentions(text), MOST + 1))
    if len(found) > MOST:
        msg = f"It holds more than {MOST:,} dates and times, and cannot be a sheet about one call."
        raise BadDeadline(msg, code="too-many-dates")
    breaks = [(0, 0), *(each.span() for each in _BREAK.finditer(text)), (len(text), len(text))]
    last_end, row, row_has_text = 0, -1, False
    for mention, following in zip_longest(found, found[1:]):
        next_start = following.start if following else len(text)
        sentence, stop = _sentence(breaks, mention)
        near = max(0, mention.start - _REACH)
        line = max(near, text.rfind("\n", near, mention.start) + 1)
        begins_line = _ROW_START.fullmatch(text, line, mention.start) is not None
        # In a timetable, what stands on a row is about the date that begins that row, not about the next.
        own_row = begins_line and row_has_text and row >= sentence
        after = text[mention.end : min(stop, next_start, mention.end + _REACH)]
        yield Place(
            mention=mention,
            before=text[line if own_row else max(sentence, last_end, near) : mention.start],
            after=_rest_of_line(after, alone=begins_line),
            begins_line=begins_line,
            in_a_row=row == line and not begins_line,
            next_to_date=bool(following and following.date_words)
            and not _is_text(text[mention.end : min(next_start, mention.end + _REACH)]),
        )
        last_end = mention.end
        if begins_line:
            row, row_has_text = line, _is_text(after.partition("\n")[0])


def _sentence(breaks: Sequence[tuple[int, int]], mention: Mention) -> tuple[int, int]:
    """Return where the sentence of a mention begins and ends."""
    index = bisect_right(breaks, mention.start, hi=len(breaks) - 1, key=lambda each: each[1]) - 1
    return breaks[index][1], breaks[index + 1][0]


def _rest_of_line(text: str, *, alone: bool) -> str:
    line, _, below = text.partition("\n")
    return line if _is_text(line) or not alone else " " + below.partition("\n")[0]


def _is_text(line: str) -> bool:
    return line.strip(" \n:|,.-)") != ""
