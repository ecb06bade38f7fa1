"""Where a text mentions dates and times. What they mean: `dates` and `times`.

The text is expected folded: plain spaces, quotes and hyphens. Every repetition is bounded, so that
hostile text costs linear time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapters.inbound.dates import DATE_FORMS, FREE, LEAD
from adapters.inbound.times import LONE_TIME, TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A date, a time, or both together, as they stand in a text."""

    #: Where it begins in the text.
    start: int
    #: Where it ends.
    end: int
    #: The words of the date; None for a time alone.
    date_words: str | None
    #: The words of the time; None for a date alone.
    time_words: str | None


def mentions(text: str) -> Iterator[Mention]:
    """Yield each date and time of a folded text, in order."""
    for found in _MENTION.finditer(text):
        yield Mention(
            start=found.start(),
            end=found.end(),
            date_words=found["date"],
            time_words=found["before"] or found["after"] or found["alone"],
        )


def _nameless(pattern: str, number: int = 0) -> str:
    """Return the pattern with no named group but its separator's, so that many can stand in one."""
    numbered = pattern.replace("P<point>", f"P<point{number}>").replace("P=point", f"P=point{number}")
    return re.sub(r"\(\?P<(?!point)\w+>", "(?:", numbered)


_ANY_DATE: Final = "|".join(_nameless(form, number) for number, form in enumerate(DATE_FORMS))
_DATE: Final = rf"(?P<date>{_nameless(LEAD)}(?:{_ANY_DATE}))"
_BEFORE: Final = rf"(?P<before>{_nameless(TIME)})[\s,]{{0,2}}(?:-\s)?(?:on\s)?"
_AFTER: Final = (
    r"(?:[ ]?[,@(-][ ]?|[ ]|T|,?\s(?:at|by|before|until|no later than)\s)"
    rf"(?P<after>{_nameless(TIME)})\)?"
)
# The guard spares most positions the long list of forms.
_GUARD: Final = rf"(?<![a-z])(?=[a-z]|{FREE}[0-9]{{1,4}}[\s,.-]{{0,3}}[a-z/.:-])"
_MENTION: Final = re.compile(
    rf"{_GUARD}(?:(?:{_BEFORE})?{_DATE}(?(before)|(?:{_AFTER})?)|(?P<alone>{_nameless(LONE_TIME)}))",
    re.IGNORECASE | re.ASCII,
)
