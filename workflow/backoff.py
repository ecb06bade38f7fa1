"""How long to wait before a delivery is tried again. Pure: the chance is handed in.

In the first minute a receiver that was merely restarted is found again within 5 s; after it the gaps grow,
with full jitter, so that a thousand deliveries that failed together do not come back together.
"""

import math
from typing import Final

#: How many gaps are short: with the shortest possible each, they last the first minute.
QUICK_GAPS: Final = 24
#: The shortest and the longest of them, in seconds.
QUICK_S: Final = (2.5, 5.0)
#: By how much the ceiling of the gaps grows each time after that.
GROWTH: Final = 1.5
#: Where that growth ends, in seconds: three hours, so that whoever was away for a day is found again soon.
LONGEST_S: Final = 3 * 3600.0
#: How many rests of an endpoint are short, and how long the longest is, in seconds.
QUICK_RESTS: Final = 15
LONGEST_REST_S: Final = 300.0
#: How long all gaps together are to last on average, in seconds.
IN_ALL_S: Final = 75 * 3600.0
#: The most that a receiver may ask us to wait (Retry-After), in seconds.
LONGEST_ASKED_S: Final = 3600.0
#: The most that a courier knows of itself that it must wait, in seconds.
LONGEST_WAIT_S: Final = 24 * 3600.0


def delay_s(
    attempt: int, dice: float, *, asked_s: float | None = None, wait_s: float | None = None
) -> float | None:
    """Return how long to wait after a failed attempt, in seconds; None where it was the last one.

    Args:
        attempt: which one failed, 1 = the first.
        dice: a random number, 0 <= dice < 1.
        asked_s: how long the receiver asked us to wait, in seconds; honoured up to an hour. Source: RFC 9110,
            10.2.3, Retry-After.
        wait_s: how long the courier itself knows that nothing can be sent, in seconds; up to a day.
    """
    if attempt > GAPS:
        return None
    if attempt <= QUICK_GAPS:
        shortest, longest = QUICK_S
        own = shortest + dice * (longest - shortest)
    else:
        own = dice * _ceiling_s(attempt)
    return max(own, _bounded(asked_s, LONGEST_ASKED_S), _bounded(wait_s, LONGEST_WAIT_S))


def rest_s(failures: int, dice: float) -> float:
    """Return how long an endpoint rests whose circuit is open, in seconds, before one delivery tries it.

    Args:
        failures: how often it has failed since its circuit opened, 1 = it just did.
        dice: a random number, 0 <= dice < 1.
    """
    longest = min(LONGEST_REST_S, QUICK_S[1] * GROWTH ** min(max(0, failures - QUICK_RESTS), 100))
    return longest / 2 + dice * longest / 2


def _ceiling_s(attempt: int) -> float:
    """Return the longest gap after an attempt past the quick ones, in seconds."""
    # Beyond some hundred the power overflows; the ceiling is reached long before.
    return min(LONGEST_S, QUICK_S[1] * GROWTH ** min(attempt - QUICK_GAPS, 100))


def _gaps() -> int:
    """Return after how many gaps the average of their sum reaches what it is to last."""
    gaps, average_s = QUICK_GAPS, QUICK_GAPS * sum(QUICK_S) / 2
    while average_s < IN_ALL_S:
        gaps += 1
        average_s += _ceiling_s(gaps) / 2
    return gaps


def _bounded(said_s: float | None, longest_s: float) -> float:
    if said_s is None or math.isnan(said_s):
        return 0.0
    return min(max(said_s, 0.0), longest_s)


#: How many gaps there are; the attempt after the last one is the last.
GAPS: Final = _gaps()
