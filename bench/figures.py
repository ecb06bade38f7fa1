"""The arithmetic: medians, quartiles and quotients of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Spread:
    """What lies in the middle, and how far the middle half reaches."""

    low: float
    middle: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return median and quartiles; a single value is all three."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, middle, high)


def quotient(of: Sequence[float], to: Sequence[float]) -> float:
    """Return the median of the quotients round by round: what slows a whole round down slows both.

    Raises:
        ValueError: not the same rounds.
    """
    return median(one / other for one, other in zip(of, to, strict=True))
