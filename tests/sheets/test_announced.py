from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.inbound.announced import Given, announced_by_options, announced_by_sheet, closing_for
from states.errors import BadDeadline, BadInput
from workflow import NewCall
from workflow.testing import engine_in, officer

REAL = (Path(__file__).resolve().parents[2] / "examples" / "mi-sheet-46-23.txt").read_bytes()
NOW = datetime(2023, 3, 14, 12, tzinfo=UTC)


def codes(given: Given, *, now: datetime = NOW) -> list[str]:
    """Return what there is to say about a call that options announce."""
    return [finding.code for finding in announced_by_options(given).findings(now=now)]


def test_the_real_sheet_announces_its_call_whole() -> None:
    """What the sheet says is what would be opened, its own words for the deadline beside it."""
    assert announced_by_sheet(REAL).call == NewCall(
        reference="46/23",
        title="Specialist Resource Base Expressions of Interest - apply by 17 March 2023",
        closes_at=datetime(2023, 3, 18, tzinfo=UTC),
        opens_at=datetime(2023, 3, 14, 10, tzinfo=UTC),
        phase="Primary",
        contact="Programme Management Team",
        audience="All staff/headteacher/SENCOs",
        closing_words="apply by 17 March 2023",
    )


def test_what_is_given_counts_and_the_rest_stays_the_sheets() -> None:
    """One thing given leaves all else as the sheet has it; a deadline given has no words of the sheet."""
    call = announced_by_sheet(REAL, Given(closes_at=datetime(2023, 3, 17, 17), phase="All-through")).call  # noqa: DTZ001 -- a local time
    assert (call.closing, call.closing_words) == (datetime(2023, 3, 17, 17, tzinfo=UTC), None)
    assert (call.reference, call.phase, call.contact) == ("46/23", "All-through", "Programme Management Team")


def test_a_contact_that_is_given_is_the_one_that_is_questioned() -> None:
    """An address given beside the sheet answers the lint's question for one."""
    asked = [announced_by_sheet(REAL, Given(contact=each)) for each in (None, "Ann", "Ann, 01603 222222")]
    found = [[finding.code for finding in each.findings(now=NOW)] for each in asked]
    assert ["contact-without-address" in each for each in found] == [True, True, False]
    assert asked[1].call.contact == "Ann"


def test_a_call_as_if_open_is_what_opening_it_makes(tmp_path: Path) -> None:
    """The dry run's view differs from the really opened call in its id alone."""
    announced = announced_by_options(Given(reference="1/23", title="Bases", closes_on=date(2023, 3, 17)))
    with engine_in(tmp_path) as engine:
        real = engine.open_call(announced.call, actor=officer())
        shown = announced.as_if_open(engine.clock.now())
    assert shown.id == ""
    assert {name: getattr(real, name) for name in real.__slots__ if name != "id"} == {
        name: getattr(shown, name) for name in shown.__slots__ if name != "id"
    }


def test_options_alone_are_questioned_like_a_sheet() -> None:
    """A bare day says no time and no contact; a time and an address leave only the window to tell."""
    day = Given(reference="1/23", title="Bases", closes_on=date(2023, 6, 16))
    assert codes(day) == ["open-for", "no-time-given", "no-contact"]
    whole = Given(
        reference="1/23",
        title="Bases",
        closes_at=datetime(2023, 6, 16, 17),  # noqa: DTZ001 -- a local time
        contact="a@b.example",
    )
    assert codes(whole) == ["open-for"]
    assert "closing-has-passed" in codes(whole, now=datetime(2023, 6, 16, 16, tzinfo=UTC))


def test_a_reference_and_a_title_are_needed() -> None:
    """Without a sheet somebody must say what the call is called."""
    for given, field in (
        (Given(), "reference"),
        (Given(reference="1/23"), "title"),
        (Given(title="x"), "reference"),
    ):
        with pytest.raises(BadInput) as caught:
            announced_by_options(given)
        assert caught.value.field == field
    with pytest.raises(BadDeadline) as caught:
        announced_by_options(Given(reference="1/23", title="x"))
    assert caught.value.code == "one-closing"


@pytest.mark.parametrize(
    ("closes_on", "closes_at", "zone", "instant"),
    [
        (None, None, "Europe/London", None),
        (date(2023, 7, 17), None, "Europe/London", datetime(2023, 7, 17, 23, tzinfo=UTC)),
        (None, datetime(2023, 7, 17, 17), "Europe/London", datetime(2023, 7, 17, 16, tzinfo=UTC)),  # noqa: DTZ001 -- a local time
        (None, datetime(2023, 7, 17, 17), "Asia/Tokyo", datetime(2023, 7, 17, 8, tzinfo=UTC)),  # noqa: DTZ001 -- a local time
        (None, datetime(2023, 7, 17, 17, tzinfo=UTC), "Asia/Tokyo", datetime(2023, 7, 17, 17, tzinfo=UTC)),
    ],
)
def test_a_closing_is_one_instant_however_it_is_given(
    closes_on: date | None, closes_at: datetime | None, zone: str, instant: datetime | None
) -> None:
    """A day, a local time and an instant all come to the first instant that is too late."""
    assert closing_for(closes_on, closes_at, zone) == instant


def test_a_local_time_in_a_clock_change_opens_and_closes_nothing() -> None:
    """A wall time that exists twice or never is refused for the opening and for the closing."""
    for local, code in (
        (datetime(2023, 10, 29, 1, 30), "local-time-twice"),  # noqa: DTZ001 -- a local time
        (datetime(2023, 3, 26, 1, 30), "local-time-missing"),  # noqa: DTZ001 -- a local time
    ):
        for given in (
            Given(reference="1/23", title="x", closes_at=local),
            Given(reference="1/23", title="x", closes_on=date(2024, 1, 1), opens_at=local),
        ):
            with pytest.raises(BadDeadline) as caught:
                announced_by_options(given)
            assert caught.value.code == code
        with pytest.raises(BadDeadline):
            announced_by_sheet(REAL, Given(opens_at=local))
