"""24:00 is on no clock: Python reads it as the next midnight from 3.14 on, and must not be asked."""

import re

import pytest
import typer

from adapters.api import instants
from adapters.cli import options
from states.errors import BadDeadline
from workflow import cloud_events


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [(instants._HOUR, ""), (options._TIME, "2023-03-17T"), (options._TIME, "2023-03-17 ")],
)
def test_an_hour_is_one_of_twenty_four(pattern: re.Pattern[str], prefix: str) -> None:
    """What looks at an hour before Python is asked lets pass 00 to 23, and nothing else in two characters."""
    passed = [hour for hour in range(100) if pattern.match(f"{prefix}{hour:02}:00:00Z")]
    assert passed == list(range(24))
    assert not pattern.match(f"{prefix}\u0661\u0662:00:00Z")


def test_an_hour_of_an_event_is_one_of_twenty_four() -> None:
    """So it is in an event's time, and in its offset."""
    for form in ("2023-03-17T{:02}:00:00Z", "2023-03-17T10:00:00+{:02}:00"):
        assert [hour for hour in range(100) if cloud_events._is_instant(form.format(hour))] == list(range(24))


def test_what_is_told_of_it_stays() -> None:
    """Each door refuses it as a time that is none, in its own words."""
    with pytest.raises(BadDeadline) as refused:
        instants.instant_in("2023-03-17T24:00:00Z", field="closes_at")
    assert (refused.value.code, refused.value.field) == ("no-such-time", "closes_at")
    assert cloud_events.instant_of("2023-03-17T24:00:00Z") is None
    for read in (options.time_of, options.instant_of):
        with pytest.raises(typer.BadParameter, match="'2023-03-17T24:00Z' is no time"):
            read("2023-03-17T24:00Z")
