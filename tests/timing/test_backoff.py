"""How long a delivery waits before it is tried again."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workflow.backoff import (
    GAPS,
    GROWTH,
    LONGEST_ASKED_S,
    LONGEST_S,
    LONGEST_WAIT_S,
    QUICK_GAPS,
    QUICK_S,
    delay_s,
)

ALMOST_1 = math.nextafter(1.0, 0.0)
DICE = st.floats(0, 1, exclude_max=True)


def _gap(attempt: int, dice: float, asked_s: float | None = None) -> float:
    gap = delay_s(attempt, dice, asked_s=asked_s)
    assert gap is not None
    return gap


@given(st.lists(DICE, min_size=GAPS, max_size=GAPS))
@example([0.0] * QUICK_GAPS + [ALMOST_1] * (GAPS - QUICK_GAPS))
def test_a_receiver_that_was_restarted_is_found_again_within_5_s(dice: list[float]) -> None:
    """Whatever the dice say, no gap that begins in the first minute is longer than 5 s."""
    elapsed_s = 0.0
    for attempt, number in enumerate(dice, start=1):
        gap = _gap(attempt, number)
        assert elapsed_s >= 60 or gap <= 5
        elapsed_s += gap


def test_after_the_first_minute_the_gaps_grow_to_three_hours() -> None:
    """The longest possible gap grows by half each time, until it is three hours."""
    longest = [_gap(attempt, ALMOST_1) for attempt in range(QUICK_GAPS, GAPS + 1)]
    grown = [min(LONGEST_S, QUICK_S[1] * GROWTH**power) for power in range(len(longest))]
    assert longest == pytest.approx(grown)
    assert longest[-1] == pytest.approx(3 * 3600)


@given(st.integers(QUICK_GAPS + 1, GAPS), DICE)
def test_the_jitter_is_full(attempt: int, dice: float) -> None:
    """A gap lies anywhere from nothing to its ceiling, in proportion to the dice."""
    assert _gap(attempt, 0.0) == 0.0
    assert math.isclose(_gap(attempt, dice), dice * _gap(attempt, ALMOST_1), abs_tol=1e-6)


def test_all_gaps_together_last_about_three_days() -> None:
    """On average a receiver has from 72 to 78 hours to come back before its deliveries are parked."""
    on_average_s = sum((_gap(attempt, 0.0) + _gap(attempt, ALMOST_1)) / 2 for attempt in range(1, GAPS + 1))
    assert 72 * 3600 < on_average_s < 78 * 3600


@given(st.integers(GAPS + 1, 2**63), DICE, st.none() | st.floats())
def test_the_attempt_after_the_last_gap_is_the_last(attempt: int, dice: float, asked_s: float | None) -> None:
    """After the last attempt there is no next one, whatever the receiver asks."""
    assert delay_s(attempt, dice, asked_s=asked_s) is None


@given(st.integers(1, GAPS), DICE, st.floats(0, LONGEST_ASKED_S))
def test_a_receiver_that_asks_us_to_wait_is_left_alone_for_so_long(
    attempt: int, dice: float, asked_s: float
) -> None:
    """A Retry-After of up to an hour is honoured, and never shortens our own gap."""
    assert _gap(attempt, dice, asked_s) == max(asked_s, _gap(attempt, dice))


@given(st.integers(1, GAPS), DICE, st.floats(LONGEST_ASKED_S) | st.just(math.inf))
def test_no_receiver_can_put_us_off_for_more_than_an_hour(attempt: int, dice: float, asked_s: float) -> None:
    """A Retry-After of more than an hour counts as an hour."""
    assert _gap(attempt, dice, asked_s) == max(LONGEST_ASKED_S, _gap(attempt, dice))


@given(st.integers(1, GAPS), DICE, st.floats(max_value=0) | st.just(math.nan))
def test_a_wait_that_makes_no_sense_is_not_honoured(attempt: int, dice: float, asked_s: float) -> None:
    """A Retry-After below zero, or none at all, leaves our own gap as it is."""
    assert _gap(attempt, dice, asked_s) == _gap(attempt, dice)


@given(st.integers(1, GAPS), DICE, st.floats(LONGEST_S, LONGEST_WAIT_S), st.none() | st.floats())
def test_what_a_courier_knows_is_waited_for_up_to_a_day(
    attempt: int, dice: float, wait_s: float, asked_s: float | None
) -> None:
    """It is not what a receiver asks for, and is not cut at an hour; nonsense is no time, more is a day."""
    assert delay_s(attempt, dice, asked_s=asked_s, wait_s=wait_s) == wait_s
    assert delay_s(attempt, dice, wait_s=wait_s + LONGEST_WAIT_S) == LONGEST_WAIT_S == 86_400
    for nothing in (math.nan, -wait_s):
        assert delay_s(attempt, dice, wait_s=nothing) == delay_s(attempt, dice)
