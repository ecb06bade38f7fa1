"""Refused rows come into a file that can be mended and given again, and that nothing runs."""

import csv
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.bulk.columns import Columns
from adapters.bulk.refused import RefusedRows
from adapters.bulk.results import RowResult, Status
from adapters.inbound.table_file import TableFile
from states.errors import BadInput

CELLS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00") | st.sampled_from("=+-@\t\r\n'\";,"),
    max_size=8,
)


def refused(*cells: str, row: int = 7) -> RowResult:
    """Return a row that was refused."""
    return RowResult(row=row, status=Status.REFUSED, code="bad-row", message="It is bad.", cells=cells)


def test_a_row_stands_there_as_it_was_with_why(tmp_path: Path) -> None:
    """Its number, code and words before its own cells; for its owner alone; a formula is none any more."""
    path = tmp_path / "x.errors.csv"
    with RefusedRows(path, ["applicant", "why"], delimiter=";") as rows:
        rows.add(refused("URN:1", "=1+1"))
        rows.add(refused("URN:2", "a", "b", row=9))
        assert not path.exists()
        assert rows.finish() == path
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbferror.row;error.code;error.message;applicant;why\r\n")
    assert list(csv.reader(text.decode("utf-8-sig").splitlines(), delimiter=";"))[1:] == [
        ["7", "bad-row", "It is bad.", "URN:1", "'=1+1"],
        ["9", "bad-row", "It is bad.", "URN:2", "a", "b"],
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_without_any_there_is_no_file(tmp_path: Path) -> None:
    """Nothing is left behind, whether it ends well or not."""
    with RefusedRows(tmp_path / "x", ["a"], delimiter=",") as rows:
        assert rows.finish() is None
    with RefusedRows(tmp_path / "x", ["a"], delimiter=",") as rows:
        rows.add(refused("1"))
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_that_is_said_first(tmp_path: Path) -> None:
    """A folder, or one that is not there: before a single row is carried out."""
    for path in (tmp_path, tmp_path / "none" / "x.csv"):
        with pytest.raises(BadInput) as failed:
            RefusedRows(path, ["a"], delimiter=",")
        assert failed.value.code == "file-unwritable"


def test_names_of_columns_are_what_they_were(tmp_path: Path) -> None:
    """A question may begin with a sign: mended and given again, its answer still has the same name."""
    path, names = tmp_path / "x.csv", ["applicant", "+ or - places?", "=why", "Who; -if any"]
    with RefusedRows(path, names, delimiter=",") as rows:
        rows.add(refused("URN:1", "1", "2", "3"))
        rows.finish()
    with path.open("rb") as file:
        columns = Columns(TableFile(file).columns, {"applicant": "applicant"})
    assert list(columns.rest) == names[1:]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.tuples(CELLS, CELLS), delimiter=st.sampled_from(",;\t|"))
@example(cells=("=1+1", "'+2"), delimiter=",")
def test_what_is_given_again_is_what_it_was(tmp_path: Path, cells: tuple[str, str], delimiter: str) -> None:
    """Whatever stood in the cells, signs of formulas and apostrophes among it, is read back to the letter."""
    path = tmp_path / "x.csv"
    with RefusedRows(path, ["a", "b"], delimiter=delimiter) as rows:
        rows.add(refused(*cells))
        rows.finish()
    with path.open("rb") as file:
        again = TableFile(file, delimiter=delimiter)
        columns = Columns(again.columns, {"a": "a", "b": "b"})
        (row,) = again.rows()
        assert (columns.text(row, "a"), columns.text(row, "b")) == tuple(cell.strip() for cell in cells)
