"""Frozen dataclasses that are made quickly are what they would have been."""

import inspect
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from states.events import Event
from states.quick import quick
from tests.told import submission
from workflow.ports import About, Delivery
from workflow.views import EoiView, HistoryView


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """Some values."""

    first: int
    second: str = "as it is by default"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class _Quick:
    """Some values."""

    first: int
    second: str = "as it is by default"


def test_it_is_what_the_plain_one_is() -> None:
    """Values, defaults, text, order of the fields, equality, hash, copies and signature are the same."""
    for given in ({"first": 1}, {"first": 1, "second": "another"}):
        plain, made = _Plain(**given), _Quick(**given)
        assert [getattr(made, each.name) for each in fields(made)] == [plain.first, plain.second]
        assert repr(made) == repr(plain).replace("_Plain", "_Quick")
        assert made == _Quick(**given) != _Quick(first=2)
        assert hash(made) == hash(plain)
    assert replace(_Quick(first=1), first=3) == _Quick(first=3)
    assert inspect.signature(_Quick) == inspect.signature(_Plain)


@pytest.mark.parametrize("given", [{}, {"second": "no first"}, {"first": 1, "third": 3}])
def test_what_is_missing_or_unknown_is_refused(given: dict[str, Any]) -> None:
    """As by any function."""
    with pytest.raises(TypeError, match=r"__init__\(\) (missing|got an unexpected)"):
        _Quick(**given)


def test_it_is_frozen_all_the_same() -> None:
    """Nothing of it can be set again."""
    with pytest.raises(FrozenInstanceError):
        _Quick(first=1).first = 2  # type: ignore[misc]


def test_what_does_more_is_refused() -> None:
    """A field that is made, taken by its place or not at all, and what is done after all are set."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Makes:
        made: list[int] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class ByPlace:
        first: int

    @dataclass(frozen=True, slots=True, kw_only=True)
    class NotAtAll:
        first: int = field(init=False, default=1)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Afterwards:
        first: int

        def __post_init__(self) -> None:
            raise AssertionError

    for each in (Makes, ByPlace, NotAtAll, Afterwards):
        with pytest.raises(TypeError, match=f"{each.__name__} takes a field by its place, or does more"):
            quick(each)


def test_what_is_made_by_the_hundred_is_quick() -> None:
    """Views of a page, and what a claim of the pump is made of, set their fields by their slots."""
    for each in (EoiView, HistoryView, Event, About, Delivery):
        assert hasattr(each.__init__, "__wrapped__"), each
    now = datetime(2023, 3, 17, 12, tzinfo=UTC)
    about = About(title="Bases", opens_at=now, timezone="Europe/London")
    event = submission(now)
    delivery = Delivery(id=1, event=event, courier="log", address="", attempt=1, about=about)
    assert (about.contact, event.subject, delivery.secrets, delivery.event) == (None, "e-1", (), event)
