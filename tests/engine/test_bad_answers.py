"""Answers are kept as they are, or refused in words: what JSON or a database cannot hold does not get in."""

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import pytest

from workflow import BadInput, Engine
from workflow.testing import new_call, officer, school

Tables = Callable[[], dict[str, list[dict[str, Any]]]]
#: More digits than Python prints.
HUGE = 10**5000


class Word(StrEnum):
    """A host's own words."""

    NAME = "name"
    VALUE = "value"


class Folder(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, **items: Any) -> None:
        self.items_ = items

    def __getitem__(self, name: str) -> Any:
        return self.items_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.items_)

    def __len__(self) -> int:
        return len(self.items_)


@pytest.fixture
def eoi_id(engine: Engine) -> str:
    """Return the id of the draft of one school for the call 46/23."""
    engine.open_call(new_call(), actor=officer())
    return engine.draft("46/23", answers={}, actor=school(1)).eoi_id


class Endless(list[None]):
    """A list that goes on and on."""

    def __iter__(self) -> Iterator[None]:
        for _ in range(262_144):
            yield None
        pytest.fail("It was read further than anything that could be kept.")


CYCLE: dict[str, Any] = {}
CYCLE["a"] = [CYCLE]
WIDE: list[Any] = [1]
for _ in range(60):
    WIDE = [WIDE, WIDE]
DEEP: Any = "bottom"
for _ in range(64):
    DEEP = [DEEP]


def deep(levels: int) -> dict[str, Any]:
    """Return answers that are nested so many levels deep, themselves the first."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


BAD_ANSWERS: dict[str, tuple[Any, str]] = {
    "none": (None, "an object"),
    "a list": ([1], "an object"),
    "a text": ("{}", "an object"),
    "not a number": ({"a": float("nan")}, "not finite"),
    "infinite": ({"a": [float("-inf")]}, "not finite"),
    "a NUL": ({"a": {"b": "x\x00"}}, "NUL"),
    "a NUL in a name": ({"\x00": 1}, "NUL"),
    "half a pair": ({"a": "\ud83d"}, "surrogate"),
    "half a pair in a name": ({"a": [{"\udc00": 1}]}, "surrogate"),
    "a number as a name": ({1: 2}, "type int"),
    "a truth as a name": ({"a": {True: 2}}, "type bool"),
    "nothing as a name": ({None: 2}, "type NoneType"),
    "a pair as a name": ({("a", "b"): 2}, "type tuple"),
    "bytes": ({"a": b"x"}, "bytes"),
    "a set": ({"a": {1}}, "set"),
    "an instant": ({"a": datetime(2023, 3, 16)}, "datetime"),  # noqa: DTZ001 -- refused
    "an object": ({"a": object()}, "object"),
    "what cannot be printed": ({"a": HUGE}, "1023 bits"),
    "what cannot be printed, negative": ({"a": -HUGE}, "1023 bits"),
    "what few can read": ({"a": 2**1023}, "1023 bits"),
    "itself": (CYCLE, "64 deep"),
    "too deep": ({"a": DEEP}, "64 deep"),
    "itself, twice, and so on": ({"a": WIDE}, "KiB"),
    "without an end": ({"a": Endless()}, "KiB"),
    "too many": ({"a": [None] * 300_000}, "KiB"),
    "too long": ({"a": "x" * 262_144}, "KiB"),
    "too long in bytes": ({"a": "é" * 140_000}, "KiB"),
    "too long all together": ({"a": ["x" * 200_000] * 100_000}, "KiB"),
    "too long a name": ({"x" * 262_144: 1}, "KiB"),
}


@pytest.mark.parametrize("which", BAD_ANSWERS)
def test_answers_that_cannot_be_kept_are_refused(
    engine: Engine, eoi_id: str, tables: Tables, which: str
) -> None:
    """What JSON, UTF-8 or 256 KiB cannot hold is refused in words, whether it is drafted or saved."""
    answers, words = BAD_ANSWERS[which]
    before = tables()
    commands: tuple[Callable[[], object], ...] = (
        lambda: engine.save(eoi_id, answers=answers, actor=school(1)),
        lambda: engine.draft("46/23", answers=answers, actor=school(2)),
        lambda: engine.fire(eoi_id, "save", data={"answers": answers}, actor=school(1)),
    )
    for command in commands:
        with pytest.raises(BadInput, match=words) as refused:
            command()
        assert (refused.value.code, refused.value.field) == ("bad-input", "answers")
    assert tables() == before


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ({}, {}),
        ({"": ""}, {"": ""}),
        ({"a": (1, (2,))}, {"a": [1, [2]]}),
        (Folder(a=Folder(b=1)), {"a": {"b": 1}}),
        ({Word.NAME: Word.VALUE}, {"name": "value"}),
        ({"a": 2**1023 - 1, "b": -(2**1023 - 1)}, {"a": 2**1023 - 1, "b": -(2**1023 - 1)}),
        ({"a": 1.7976931348623157e308, "b": 5e-324}, {"a": 1.7976931348623157e308, "b": 5e-324}),
        ({"a": "\x07\u2028\ufeff\U0010ffff"}, {"a": "\x07\u2028\ufeff\U0010ffff"}),
        ({"a": "x" * (262_144 - len('{"answers":{"a":""}}'))},) * 2,
        (deep(64), deep(64)),
        ({"e\u0301": 1, "\u00e9": 2}, {"e\u0301": 1, "\u00e9": 2}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_everything_else_is_kept_as_it_is(engine: Engine, eoi_id: str, answers: Any, kept: Any) -> None:
    """Tuples, other mappings, a host's own words, the largest numbers and texts, to the last byte."""
    engine.save(eoi_id, answers=answers, actor=school(1))
    assert engine.get(eoi_id).answers == kept


def test_large_numbers_do_not_depend_on_the_hosts_settings(engine: Engine, eoi_id: str) -> None:
    """A host that prints longer numbers than others cannot store one that others cannot read."""
    usual = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(BadInput):
            engine.save(eoi_id, answers={"a": HUGE}, actor=school(1))
        engine.save(eoi_id, answers={"a": 2**1023 - 1}, actor=school(1))
        sys.set_int_max_str_digits(640)
        assert engine.get(eoi_id).answers == {"a": 2**1023 - 1}
    finally:
        sys.set_int_max_str_digits(usual)
