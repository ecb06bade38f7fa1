"""Where a careful reader must doubt a closing date, though its words can be read: a table of phrases.

What makes a date a closing date stands in `closing_words`, what a time by itself leaves open in `times`.
"""

import re
from dataclasses import dataclass
from typing import Final

from adapters.inbound.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """One phrase, and what it leaves open."""

    #: Searched in what stands before the date, and must reach up to it.
    before: str = ""
    #: Matched against what stands after it.
    after: str = ""
    #: Whether it concerns dates with a time; None: both kinds.
    with_time: bool | None = None
    doubt: str


_NUMBER: Final = r"(?:[0-9]|half|quarter|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_PART_OF_DAY: Final = (
    r"(?:morning|afternoon|evening|night|lunch\w{0,4}|a\.?m|p\.?m|first thing|school"
    r"|(?:start|beginning|opening|close|end) of (?:the )?(?:working |school )?"
    r"(?:day|business|play|school|work))\b"
)
_ZONE: Final = r"(?:GMT|UTC|BST|CES?T|WES?T|EES?T|IST|[ECMP][SD]?T)"

_DOUBTS: Final = (
    _Doubt(
        before=r"(?<!\bor )\b(?:before|prior to)\b[\s:,-]{0,3}(?:the )?",
        with_time=False,
        doubt="it does not say whether that day itself counts",
    ),
    _Doubt(
        before=r"[0-9](?:st|nd|rd|th)?\s?(?:or|and|to|[&/,-])\s?",
        doubt="it may be more than one day",
    ),
    _Doubt(
        before=(
            r"\b(?:was|were|had been)\s"
            r"(?:(?:received|submitted|returned)\b[^.;]*|(?:on|at|by|set (?:for|at))\s)?(?:the )?"
        ),
        doubt="it tells of the past",
    ),
    _Doubt(
        before=r"\b(?:last year(?:'s)?|previous|former|old|earlier|original) (?:deadline|closing)\b[^.;]*",
        doubt="it tells of the past",
    ),
    _Doubt(
        after=rf"[\s,;@/[(-]{{1,4}}(?:(?:at|by|before|until)\s{_NUMBER}|[0-9]|{_NUMBER} o'?clock"
        rf"|(?:(?:in|by|at|before|the|on)\s){{0,3}}{_PART_OF_DAY})",
        with_time=False,
        doubt="the time after it cannot be read",
    ),
    _Doubt(
        after=rf"\s?\(?(?-i:{_ZONE})\b",
        doubt="the time may be meant in another time zone",
    ),
)
_FOUND: Final = tuple(
    (each, re.compile(rf"{each.before}\Z" if each.before else each.after, re.IGNORECASE | re.ASCII))
    for each in _DOUBTS
)


def doubt_about(place: Place) -> str | None:
    """Return what is left open, as the end of a sentence; None where nothing is."""
    has_time = place.mention.time_words is not None
    for each, pattern in _FOUND:
        if each.with_time in {None, has_time} and (
            pattern.search(place.before) if each.before else pattern.match(place.after)
        ):
            return each.doubt
    return None
