"""Which dates and times of a sheet stand with closing words: "apply by", "closing date", "deadline".

Only what is tied counts; any other date (a publication, a meeting, an interview) does not. Where the
words leave room, the choice falls so that a person is asked: a tie too many makes two closing dates,
a tie too few makes none, and both are refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapters.inbound import closing_words
from adapters.inbound.dates import one_line
from adapters.inbound.mentions import Mention
from adapters.inbound.places import Place, places

_CLAUSE: Final = re.compile(r"[,;:(]|\s-\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """A date or time that closing words stand with."""

    mention: Mention
    #: The closing words with the date: "apply by 17 March 2023".
    words: str
    #: False for a time without a date after a mere "by": "forms received by 5pm are acknowledged".
    sure: bool


def ties(text: str) -> Iterator[Tie]:
    """Yield each date and time of a prepared text that stands with closing words, in order.

    Raises:
        BadDeadline: `too-many-dates`.
    """
    tied = False
    for place in places(text):
        start, end = _ahead(place, after_tie=tied), _behind(place)
        tied = start is not None or end is not None
        if tied:
            ahead = place.before[start:] if start is not None else ""
            behind = place.after[:end] if end is not None and start is None else ""
            mentioned = text[place.mention.start : place.mention.end]
            yield Tie(mention=place.mention, words=one_line(ahead + mentioned + behind), sure=_is_sure(place))


def _ahead(place: Place, *, after_tie: bool) -> int | None:
    """Return where in `before` its closing words begin."""
    if closing_words.EVENT.match(place.after):
        return None
    starts = (_noun(place), _verb(place), _by(place), _changed(place, after_tie=after_tie))
    return next((start for start in starts if start is not None), None)


def _is_sure(place: Place) -> bool:
    return place.mention.date_words is not None or _noun(place) is not None or _verb(place) is not None


def _noun(place: Place) -> int | None:
    """Find "closing date for applications is" and the like."""
    found = closing_words.NOUN.search(place.before)
    if found is None:
        return None
    if place.in_a_row and not place.before[found.end("filler") :].strip(" ,-"):
        return None  # "14 March opens, 17 March closing date, 20 March panel": not the 20th
    of_applications = closing_words.CORE.search(
        found["filler"]
    )  # "for questions and EOIs": let a person see it
    around = _clauses(place.before[: found.start()])[0] + found["filler"]
    return found.start() if of_applications or not closing_words.OTHER.search(around) else None


def _verb(place: Place) -> int | None:
    """Find "applications close at", "open until" and the like."""
    found = closing_words.VERB.search(place.before)
    if found is None:
        return None
    clauses = _clauses(place.before[: found.start()])
    if closing_words.OTHER.search(clauses[0]):
        return None
    of_applications = any(closing_words.WINDOW.search(each) for each in (found["cue"], clauses[-1]))
    return found.start() if of_applications or closing_words.GLUE.match(clauses[0]) else None


def _by(place: Place) -> int | None:
    """Find "return the form by", "apply no later than" and the like."""
    found = closing_words.BY.search(place.before)
    if found is None:
        return None
    head = place.before[: found.start()]
    for clause in _clauses(head):
        thing = closing_words.THING.search(clause)
        if thing:
            scope = clause if closing_words.CORE.search(clause) else head
            elsewhere = closing_words.OTHER.search(scope) or closing_words.PAST.search(clause)
            return None if elsewhere else found.start() - len(clause) + thing.start()
    return None


def _changed(place: Place, *, after_tie: bool) -> int | None:
    """Find "extended from … to …" and "has been extended to", so that the earlier date never stands alone."""
    if after_tie and closing_words.ONWARD.match(place.before):
        return 0
    found = closing_words.CHANGED.search(place.before)
    if found is None or closing_words.OTHER.search(place.before):
        return None
    of_closing = after_tie or closing_words.CHANGEABLE.search(place.before[: found.start()])
    return found.start() if of_closing else None


def _behind(place: Place) -> int | None:
    """Find "is the closing date", or a row of a timetable: "17 March 2023 - EOIs close"; return its end."""
    found = closing_words.IS_CUE.match(place.after)
    if found is None and place.begins_line:
        found = closing_words.ROW.match(place.after)
    return None if found is None or closing_words.OTHER.search(place.after) else found.end()


def _clauses(text: str) -> list[str]:
    """Return what follows each comma, bracket or dash of a sentence: the shortest first, all of it last."""
    starts = [0, *(found.end() for found in _CLAUSE.finditer(text))]
    return [text[start:] for start in reversed(starts)]
