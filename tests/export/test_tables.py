"""EOIs as CSV and JSON lines: which columns, in which order, and what stands in them."""

import csv
import json
from io import StringIO
from typing import Any

from adapters.documents import document
from adapters.outbound.export import Format, Selection
from adapters.outbound.export import columns as limits
from adapters.outbound.export.cells import restored
from adapters.outbound.export.columns import FIXED
from tests.export.conftest import Write
from workflow import CallView, Engine
from workflow.testing import school, submitted


def rows(data: bytes) -> list[dict[str, str]]:
    """Read CSV as anybody would with Python."""
    return list(csv.DictReader(StringIO(data.decode("utf-8-sig"), newline=""), strict=True))


def test_the_columns_are_the_fields_and_then_the_answers(
    engine: Engine, call: CallView, write: Write
) -> None:
    """Who knows the JSON knows the columns; a name that only the last EOI has is there, in its place."""
    submitted(engine, call.id, school(1), answers={"places": 18, "need": "ASD"})
    submitted(engine, call.id, school(2), answers={"mobile": "none", "zone": "north"})
    done, data = write()
    assert data.startswith(b"\xef\xbb\xbf" + b'"id","call_id","call","applicant"')
    assert data.count(b"\r\n") == 3
    assert list(rows(data)[0]) == [
        *("id", "call_id", "call", "applicant", "applicant_name", "state", "version"),
        *("created_at", "updated_at", "submitted_at", "decided_at", "digest"),
        *("answers.mobile", "answers.need", "answers.places", "answers.zone"),
    ]
    assert [row["answers.zone"] for row in rows(data)] == ["", "north"]
    assert (done.format, done.eois, done.columns, done.cut) == (Format.CSV, 2, 16, 0)


def test_each_cell_is_what_json_has(engine: Engine, call: CallView, write: Write) -> None:
    """Every field of a row agrees with the view, and every answer can be had back from its cell."""
    answers = {
        "text": 'He said "no",\r\nthen; =left',
        "formula": "=cmd|'/c calc'!A0",
        "number": -5,
        "fraction": 0.1,
        "flag": False,
        "nothing": None,
        "list": ["=1", {"a": None}],
        "long": "x" * 100_000,
        "blank": "  ",
        "naïve": "漢字 👍",
    }
    eoi = engine.get(submitted(engine, call.id, school(), answers=answers))
    [row] = rows(write()[1])
    fields = {name: value for name, value in document(eoi).items() if name != "answers"}
    assert {name: row[name] for name in fields} == {
        name: "" if value is None else str(value) for name, value in fields.items()
    }
    assert row["call"] == "46/23"
    assert row["answers.formula"] == "'=cmd|'/c calc'!A0"
    assert row["answers.number"] == "-5"
    told = {name: restored(row[f"answers.{name}"]) for name in answers}
    assert told == {
        **{name: value for name, value in answers.items() if isinstance(value, str)},
        "number": "-5",
        "fraction": "0.1",
        "flag": "false",
        "nothing": "",
        "list": '["=1", {"a": null}]',
    }


def test_names_of_applicants_are_neutralised_too(engine: Engine, call: CallView, write: Write) -> None:
    """Whatever an applicant may choose is harmless: its id, its name, and the names of its answers."""
    who = school()
    engine.draft(call.id, answers={"x;=1": "y"}, actor=who, applicant_name="@Alder")
    [row] = rows(write()[1])
    assert row["applicant_name"] == "'@Alder"
    assert row["answers.x;'=1"] == "y"


def test_json_lines_are_the_views(engine: Engine, call: CallView, write: Write) -> None:
    """Each line is the JSON of one EOI, with nothing left out or altered, on one line whatever it holds."""
    for number in (1, 2):
        submitted(engine, call.id, school(number), answers={"text": "=1\n\x1b[31m\u2028", "n": number})
    done, data = write(format=Format.JSONL)
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [document(each) for each in engine.find()]
    assert b"\x1b" not in data
    assert (done.eois, done.columns) == (2, None)


def test_no_eoi_is_a_head_alone(call: CallView, write: Write) -> None:
    """A call without EOIs makes a table with its columns and no row, and no JSON lines at all."""
    done, data = write()
    assert (rows(data), data.count(b"\r\n"), done.eois) == ([], 1, 0)
    assert write(format=Format.JSONL)[1] == b""


def test_a_selection_is_that_of_find(engine: Engine, call: CallView, write: Write) -> None:
    """By call, state and applicant come those EOIs that `find` finds, and no others."""
    submitted(engine, call.id, school(1))
    draft = engine.draft(call.id, answers={}, actor=school(2)).eoi_id
    assert [row["id"] for row in rows(write(selection=Selection(call="46/23", state="draft"))[1])] == [draft]
    assert [row["id"] for row in rows(write(selection=Selection(applicant="URN:2"))[1])] == [draft]


def test_a_hostile_form_takes_no_ones_column(engine: Engine, call: CallView, write: Write) -> None:
    """Past the most columns there may be, names that few forms have stand together in one, as JSON."""
    hostile: dict[str, Any] = {f"a{number}": number for number in range(2 * limits.MOST)}
    submitted(engine, call.id, school(1), answers=hostile)
    for number in (2, 3):
        submitted(engine, call.id, school(number), answers={"zone": "north", "y" * (limits.LONGEST + 1): 1})
    done, data = write()
    first, second, _ = rows(data)
    assert done.columns == len(FIXED) + limits.MOST + 1
    assert second["answers.zone"] == "north"
    assert json.loads(second["answers"]) == {"y" * (limits.LONGEST + 1): 1}
    kept = {name: int(first[f"answers.{name}"]) for name in hostile if f"answers.{name}" in first}
    assert kept | json.loads(first["answers"]) == hostile


def test_no_two_columns_have_one_name(engine: Engine, call: CallView, write: Write) -> None:
    """Names that only differ in what a table cannot carry do not share a column, and neither is lost."""
    submitted(engine, call.id, school(1), answers={"a\x01": "one", "a\x02": "two"})
    [row] = rows(write()[1])
    assert (row["answers.a\ufffd"], json.loads(row["answers"])) == ("one", {"a\x02": "two"})
