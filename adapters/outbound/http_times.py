"""How HTTP tells times: dates, and how long to wait. Source: RFC 9110, 5.6.7 and 10.2.3."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

#: The most seconds that are told, some thirty years: what is longer is no instant any more.
MOST_S: Final = 999_999_999.0


def date_in(text: str) -> datetime | None:
    """Return the instant that a header tells, aware; None where it tells none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):  # its parser trips over some rubbish
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def seconds_in(text: str) -> float | None:
    """Return a number of seconds, `MOST_S` at the most; None where it is none."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text), MOST_S)  # of however many digits; `int` refuses some thousand
