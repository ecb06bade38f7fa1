"""What is exported: all that whoever asks may read, each once, while others write; and in flat memory."""

import csv
import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest

from adapters.outbound.export import Format, Selection, export, selection
from adapters.outbound.export import table as export_table
from states.errors import EoiError
from states.facts import Actor
from tests.export.conftest import Write
from workflow import CallView, Engine, EoiView, NotFound, Page, Refused
from workflow.testing import (
    admin,
    auditor,
    decider,
    engine_in,
    new_call,
    officer,
    reviewer,
    school,
    submitted,
)


@pytest.fixture
def engine(new_engine: Callable[..., Engine]) -> Engine:
    """Return an engine on each kind of database: here it is asked for pages."""
    return new_engine()


def exported(engine: Any, actor: Actor | None, **asked: Any) -> list[dict[str, Any]]:
    """Return what is exported, as JSON."""
    to = BytesIO()
    export(engine, to, actor=actor, format=Format.JSONL, **asked)
    return [json.loads(line) for line in to.getvalue().splitlines()]


@pytest.mark.parametrize("who", [officer(), reviewer(), decider(), auditor(), admin(), None])
def test_staff_get_every_eoi(engine: Engine, call: CallView, who: Actor | None) -> None:
    """Whoever may read every EOI may export every one; and so may the host's own code."""
    eois = [submitted(engine, call.id, school(number)) for number in (1, 2)]
    assert [each["id"] for each in exported(engine, who)] == eois


@pytest.mark.parametrize("form", [Format.CSV, Format.JSONL, Format.XLSX])
def test_an_applicant_gets_their_own_alone(
    engine: Engine, call: CallView, write: Write, form: Format
) -> None:
    """Nothing of another school is in an applicant's file: not even the name of an answer."""
    own = submitted(engine, call.id, school(1), answers={"own": 1})
    submitted(engine, call.id, school(2), answers={"confidential-name": 2})
    done, data = write(school(1), format=form)
    assert done.eois == 1
    assert [each["id"] for each in exported(engine, school(1))] == [own]
    assert exported(engine, school(1), selection=Selection(applicant="URN:2")) == []
    if form is Format.CSV:
        [row] = csv.DictReader(StringIO(data.decode("utf-8-sig"), newline=""))
        assert (row["id"], row["answers.own"]) == (own, "1")
        assert "confidential" not in data.decode()


def test_who_has_no_role_gets_nothing(engine: Engine, call: CallView) -> None:
    """Deny by default: not a byte is written, and the reason is the engine's own."""
    submitted(engine, call.id, school())
    for form in (Format.CSV, Format.JSONL, Format.XLSX):
        to = BytesIO()
        with pytest.raises(Refused):
            export(engine, to, actor=Actor("somebody"), format=form)
        assert to.getvalue() == b""


@pytest.mark.parametrize("asked", [Selection(call="46/99"), Selection(state="finished")])
def test_what_is_not_there_is_an_error(engine: Engine, call: CallView, asked: Selection) -> None:
    """A slip in a call's reference or a state's word is no empty file that looks like an answer."""
    to = BytesIO()
    with pytest.raises(EoiError):
        export(engine, to, actor=officer(), selection=asked)
    assert to.getvalue() == b""


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """An engine in whose house others work: after each page that is read, something else is done."""

    engine: Engine
    between: Iterator[Callable[[], object]]

    def call(self, id_or_reference: str, *, actor: Actor | None = None) -> CallView:
        """Ask the engine."""
        return self.engine.call(id_or_reference, actor=actor)

    def find(self, **asked: Any) -> Page[EoiView]:
        """Ask the engine for a page, and then let something happen."""
        page = self.engine.find(**asked)
        next(self.between, int)()
        return page


def test_others_may_write_meanwhile(engine: Engine, call: CallView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each EOI is there once and as one version of it; none that was there is left out; new ones may come."""
    monkeypatch.setattr(selection, "PAGE", 2)
    drafts = [engine.draft(call.id, answers={"n": n}, actor=school(n)).eoi_id for n in range(5)]
    between: list[Callable[[], object]] = [
        lambda: engine.save(drafts[0], answers={"n": "late"}, actor=school(0)),
        lambda: engine.submit(drafts[4], actor=school(4)),
        lambda: engine.draft(call.id, answers={}, actor=school(9)),
    ]
    found = exported(Meanwhile(engine, iter(between)), None)
    assert [each["id"] for each in found[:5]] == drafts
    assert len({each["id"] for each in found}) == len(found)
    assert [(each["state"], each["version"]) for each in found] == [*[("draft", 1)] * 4, ("submitted", 2)]
    assert found[0]["answers"] == {"n": 0}


def test_a_table_is_whole_whatever_comes_meanwhile(
    engine: Engine, call: CallView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is saved while it is read changes no row that was read, and no row lacks a column of its own."""
    monkeypatch.setattr(selection, "PAGE", 1)
    drafts = [engine.draft(call.id, answers={"n": n}, actor=school(n)).eoi_id for n in range(3)]
    between: list[Callable[[], object]] = [
        lambda: engine.save(drafts[0], answers={"unseen": 1}, actor=school(0)),
        lambda: engine.save(drafts[2], answers={"seen": 1}, actor=school(2)),
    ]
    to = BytesIO()
    export(Meanwhile(engine, iter(between)), to, actor=None)
    rows = list(csv.DictReader(StringIO(to.getvalue().decode("utf-8-sig"), newline="")))
    assert [(row["answers.n"], row["answers.seen"]) for row in rows] == [("0", ""), ("1", ""), ("", "1")]
    assert "answers.unseen" not in rows[0]


def test_it_says_how_far_it_is_and_can_be_stopped(
    engine: Engine, call: CallView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listens hears how many have been read; what they raise ends it, with nothing written."""
    monkeypatch.setattr(selection, "PAGE", 2)
    for number in range(5):
        submitted(engine, call.id, school(number))
    heard: list[int] = []
    export(engine, BytesIO(), actor=None, format=Format.JSONL, read=heard.append)
    assert heard == [2, 4, 5]

    def stop(count: int) -> None:
        raise NotFound(str(count))

    to = BytesIO()
    with pytest.raises(NotFound, match="2"):
        export(engine, to, actor=None, read=stop)
    assert to.getvalue() == b""


@pytest.mark.parametrize("form", [Format.CSV, Format.XLSX])
def test_it_can_be_stopped_while_a_table_is_laid_out(
    engine: Engine, call: CallView, monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    """That takes as long as reading does, and whoever listens must be able to say that they live."""
    monkeypatch.setattr(selection, "PAGE", 2)
    monkeypatch.setattr(export_table, "PAGE", 2)
    for number in range(5):
        submitted(engine, call.id, school(number))
    heard: list[int] = []
    export(engine, BytesIO(), actor=None, format=form, read=heard.append)
    assert heard == [2, 4, 5, 5, 5, 5]

    def stop(_: int) -> None:
        heard.pop()
        if not heard:
            raise NotFound

    del heard[5:]
    to = BytesIO()
    with pytest.raises(NotFound):
        export(engine, to, actor=None, format=form, read=stop)
    assert b"URN:4" not in to.getvalue()


@dataclass(frozen=True, slots=True)
class Crowd:
    """As many EOIs as one likes, made as they are asked for: a source is all that an export needs."""

    call_view: CallView
    eoi: EoiView
    count: int

    def call(self, id_or_reference: str, *, actor: Actor | None = None) -> CallView:
        """Return the one call."""
        return self.call_view

    def find(self, *, after: str | None = None, limit: int = 50, **_: Any) -> Page[EoiView]:
        """Return a page."""
        begin = int(after or 0)
        end = min(begin + limit, self.count)
        items = tuple(replace(self.eoi, id=str(number)) for number in range(begin, end))
        return Page(items=items, next=str(end) if end < self.count else None)


@pytest.mark.parametrize("form", [Format.CSV, Format.JSONL, Format.XLSX])
def test_memory_stays_flat(tmp_path: Path, form: Format) -> None:
    """Ten times as many EOIs take no more memory."""
    with engine_in(tmp_path) as engine:
        call = engine.open_call(new_call(), actor=officer())
        eoi = engine.get(submitted(engine, call.id, school(), answers={"need": "n" * 10_000}))
    peaks = []
    for count in (150, 1000):
        tracemalloc.start()
        with open("/dev/null", "wb") as to:  # noqa: PTH123 -- a sink
            assert export(Crowd(call, eoi, count), to, actor=None, format=form).eois == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 10 MB of answers against 1.5 MB, of which a page holds 1 MB.
    assert peaks[1] < peaks[0] + 2_000_000
