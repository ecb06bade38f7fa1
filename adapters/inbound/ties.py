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
from adapters.inbound.doubts import doubt_about
from adapters.inbound.mentions import Mention
from adapters.inbound.places import Place, places

#: How many lines further a closing time may stand.
_NEAR_LINES: Final = 2
_CLAUSE: Final = re.compile(r"[,;:(]|\s-\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """A date or time that closing words stand with."""

    mention: Mention
    #: The closing words with the date: "apply by 17 March 2023".
    words: str
    #: False for a time without a date after a mere "by": "forms received by 5pm are acknowledged".
    sure: bool
    #: What a careful reader must doubt; None where that is nothing.
    doubt: str | None


def ties(text: str) -> Iterator[Tie]:
    """Yield each date and time of a prepared text that stands with closing words, in order.

    Raises:
        BadDeadline: `too-many-dates`.
    """
    last: Place | None = None
    after_tie = False
    for place in places(text):
        between = text[last.mention.end : place.mention.start] if last else ""
        start, end = _ahead(place, after_tie=after_tie), _behind(place)
        sure = _is_sure(place)
        if start is None and end is None and last and after_tie:
            another, beside = _is_another(place, between), _may_belong(place, last, between)
            start = 0 if another or beside else None
            sure = sure or another or closing_words.BESIDE.match(between) is not None
        tied = start is not None or end is not None
        if tied and last and not after_tie and _leads_on(last, place, between):
            yield _tie(last, text, start=len(last.before), sure=False)
        if tied:
            yield _tie(place, text, start=start, end=end, sure=sure)
        last, after_tie = place, tied


def _tie(place: Place, text: str, *, start: int | None, end: int | None = None, sure: bool) -> Tie:
    ahead = place.before[start:] if start is not None else ""
    behind = place.after[:end] if end is not None and start is None else ""
    mentioned = text[place.mention.start : place.mention.end]
    words = one_line(ahead + mentioned + behind).lstrip(" .,;:([|/-")
    return Tie(mention=place.mention, words=words, sure=sure, doubt=doubt_about(place))


def _ahead(place: Place, *, after_tie: bool) -> int | None:
    """Return where in `before` its closing words begin."""
    if closing_words.EVENT.match(place.after):
        return None
    changed = _changed(place, after_tie=after_tie)
    starts = (_noun(place), _verb(place), _by(place), _refusing(place), changed)
    return next((start for start in starts if start is not None), None)


def _is_sure(place: Place) -> bool:
    return place.mention.date_words is not None or _noun(place) is not None or _verb(place) is not None


def _is_another(place: Place, between: str) -> bool:
    """Tell whether it is a second closing: "17 March 2023 for primary schools and 24 March 2023 for all"."""
    elsewhere = closing_words.EVENT.match(place.after) or closing_words.OTHER.search(place.after)
    return not (place.begins_line or elsewhere) and closing_words.ANOTHER.match(between) is not None


def _may_belong(place: Place, last: Place, between: str) -> bool:
    """Tell whether a time may be that of the closing date before it: nothing says what else it is of."""
    near = 0 if last.mention.time_words else _NEAR_LINES
    if place.mention.date_words or between.count("\n") > near:
        return False
    if last.mention.time_words:
        return closing_words.BESIDE.match(between) is not None
    around = between + place.after
    return not (closing_words.OTHER.search(around) or closing_words.HOURS.search(between))


def _leads_on(last: Place, place: Place, between: str) -> bool:
    """Tell whether a time may be that of the closing date after it: "the 5pm deadline is"."""
    if last.mention.date_words or place.mention.time_words:
        return False
    if between.count("\n") == 1 and closing_words.TIME_LABEL.search(last.before):
        return True
    noun = closing_words.NOUN.search(between)
    return noun is not None and not between[: noun.start()].strip(" ,-(")


def _noun(place: Place) -> int | None:
    """Find "closing date for applications is" and the like."""
    found = closing_words.NOUN.search(place.before)
    if found is None:
        return None
    if place.in_a_row and not place.before[found.end("filler") :].strip(" ,-"):
        return None  # "14 March opens, 17 March closing date, 20 March panel": not the 20th
    if _is_head_of_columns(place, found):
        return None
    # "for questions and EOIs": let a person see it
    of_applications = closing_words.CORE.search(found["filler"])
    around = _clauses(place.before[: found.start()])[0] + found["filler"]
    return found.start() if of_applications or not closing_words.OTHER.search(around) else None


def _is_head_of_columns(place: Place, found: re.Match[str]) -> bool:
    """Tell whether a closing date is one of several columns, so that the date below may be another's."""
    if "\n" not in place.before[found.end("filler") :]:
        return False
    line = place.before[: found.start()].rpartition("\n")[2]
    return place.next_to_date or closing_words.COLUMNS.search(line) is not None


def _verb(place: Place) -> int | None:
    """Find "applications close at", "open until" and the like."""
    found = closing_words.VERB.search(place.before)
    if found is None:
        return None
    clauses = _clauses(place.before[: found.start()])
    if closing_words.OTHER.search(clauses[0]) or closing_words.PREMISES.search(clauses[-1]):
        return None
    of_applications = any(closing_words.WINDOW.search(each) for each in (found["cue"], clauses[-1]))
    return found.start() if of_applications or closing_words.GLUE.match(clauses[0]) else None


def _by(place: Place) -> int | None:
    """Find "return the form by", "apply no later than" and the like."""
    found = closing_words.BY.search(place.before)
    if found is None:
        return None
    head = place.before[: found.start()]
    if closing_words.UNDONE.search(head):
        return None
    return _of_a_thing(head)


def _refusing(place: Place) -> int | None:
    """Find "EOIs received after 5pm will not be considered"."""
    found = closing_words.AFTER.search(place.before)
    if found is None or not any(closing_words.REFUSING.search(each) for each in (place.before, place.after)):
        return None
    return _of_a_thing(place.before[: found.start()])


def _of_a_thing(head: str) -> int | None:
    """Return where in `head` something is handed in, unless something else is due, or it is past."""
    for clause in _clauses(head):
        thing = closing_words.THING.search(clause)
        if thing:
            scope = clause if closing_words.CORE.search(clause) else head
            elsewhere = closing_words.OTHER.search(scope) or closing_words.PAST.search(clause)
            return None if elsewhere else len(head) - len(clause) + thing.start()
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
