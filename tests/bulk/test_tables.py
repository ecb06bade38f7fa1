"""What spreadsheets and other programs make of a table is read; what is none is refused in words."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.table_file import HEAD, LONGEST_ROW, BadTable
from states.errors import BadInput
from tests.bulk.tables import read, table

PLAIN = "applicant,name\nURN:1,Ash\nURN:2,Beech\n"
ROWS = [(2, ("URN:1", "Ash")), (3, ("URN:2", "Beech"))]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.rstrip("\n").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        PLAIN.replace("Ash", '"Ash"').encode(),
    ],
)
def test_what_programs_make_of_a_table_is_read(text: bytes) -> None:
    """A byte order mark or none, every line end, every usual delimiter: the same rows."""
    assert read(text) == ROWS
    assert table(text).columns == ("applicant", "name")


def test_the_first_row_shows_the_delimiter() -> None:
    """A comma within a quoted name of a column is none; what was said counts before what is seen."""
    assert table('applicant;"Name, in full";Town\n').delimiter == ";"
    assert table("applicant\nURN:1\n").delimiter == ","
    assert table("a;b,c;d\n").columns == ("a", "b,c", "d")
    assert table("a;b,c;d\n", delimiter=",").columns == ("a;b", "c;d")


@pytest.mark.parametrize(
    ("first", "sign"),
    [
        ("sep=;\r\n", ";"),
        ("SEP=,\n", ","),
        ("\ufeffsep=\t\r\n", "\t"),
        ("sep=|\r", "|"),
        ('"sep=;"\r\n', ";"),
    ],
)
def test_what_excel_is_told_to_stand_between_cells_is_heeded(first: str, sign: str) -> None:
    """The line is no row, and not counted: Excel shows none; what stands after it is as ever."""
    text = f"{first}applicant{sign}a,b;c\n\nURN:1{sign}x\n"
    found = table(text)
    assert (found.delimiter, found.columns[0]) == (sign, "applicant")
    assert [(row.number, row.cells) for row in found.rows()] == [(3, ("URN:1", "x"))]
    assert len(list(found.rows())) == 1


def test_the_callers_word_counts_before_that_of_the_table() -> None:
    """Said both ways, the line is passed over, and the caller is believed; else nobody could mend it."""
    for line in ("sep=;", "sep=", "sep=%"):
        assert table(f"{line}\na,b;c\n", delimiter=",").columns == ("a", "b;c")


@pytest.mark.parametrize("line", ["sep=", "sep=%", "sep=;;", "sep= ", 'sep="', "sep=tab"])
def test_a_separator_that_is_not_read_is_refused_in_words(line: str) -> None:
    """It is told what can be meant; and a table of that line alone is none."""
    with pytest.raises(BadTable, match=r"begins with sep=.*: a comma, a semicolon, a tab or a vertical bar"):
        table(f"{line}\r\na,b\r\n1,2\r\n")
    with pytest.raises(BadTable, match="must name its columns"):
        table("sep=;\r\n")


def test_a_column_may_be_called_almost_like_that() -> None:
    """Only a first line that is nothing else is Excel's; elsewhere the word is one like any other."""
    assert table("separator,sep=;\n").columns == ("separator", "sep=;")
    assert read("a\nsep=;\n") == [(2, ("sep=;",))]


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    """A cell of several lines is in one row; blank rows count, and are passed over."""
    assert read('a,b\n"1\n2",x\n\n,\n  ,\n3,\n') == [(2, ("1\n2", "x")), (6, ("3", ""))]


def test_rows_may_be_shorter_or_longer_than_the_first() -> None:
    """Cells are handed on as they stand; whoever reads them knows what that means."""
    assert read("a,b\n1\n1,2,3\n") == [(2, ("1",)), (3, ("1", "2", "3"))]


def test_a_table_is_read_again_from_its_beginning() -> None:
    """Rows are first looked at and then carried out: it is the same rows both times."""
    found = table(PLAIN)
    rows = found.rows()
    next(rows)
    assert len(list(found.rows())) == len(list(found.rows())) == 2


def test_names_of_columns_stand_in_one_line() -> None:
    """A name that goes over several lines of its cell has single spaces; empty ones at the end are gone."""
    assert table('"  Places\n wanted ",,b,,\n').columns == ("Places wanted", "", "b")


def test_cp1252_is_read_where_it_is_said() -> None:
    """Without the word it is refused, with the row and with what to do; nothing is guessed."""
    text = "applicant,name\nURN:1,Ash\nURN:2,Ysgol Dŷ – “Café”\n".replace("ŷ", "y").encode("cp1252")
    with pytest.raises(BadTable, match=r"Row 3 of the table is not in UTF-8.*cp1252") as refused:
        read(text)
    assert "Ysgol" not in str(refused.value)
    assert read(text, encoding="cp1252")[1][1][1] == "Ysgol Dy – “Café”"
    assert read(text, encoding="CP1252") == read(text, encoding="cp1252")
    with pytest.raises(BadTable, match="not in CP1252"):
        read(b"a\n\x81\n", encoding="cp1252")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\r\n \n", "is empty"),
        (b",,\nURN:1,x,\n", "must name its columns"),
        (PLAIN.encode("utf-16"), "UTF-16"),
        (PLAIN.encode("utf-16-le"), "UTF-16"),
        (b"PK\x03\x04.....xl/workbook", "an Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"a,b\n1,\x00\n", "binary file"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b'a,b\n1,"2\n', "Row 2 of the table is no CSV"),
        (b'a,b\n1,2\n1,"2"x\n', "Row 3 of the table is no CSV"),
        (b"a,b\n1," + b"x" * 140_000, "Row 2 of the table is no CSV"),
        (b'a,b\n1,"' + b"x\n" * 140_000, "Row 2 of the table is no CSV"),
        (b"a" * HEAD * 2 + b",b\n", ""),
        (b"a,b\n1,\xff\n", "Row 2 of the table is not in UTF-8"),
        (b"a\n\xed\xa0\x80\n", "not in UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(text: bytes, said: str) -> None:
    """Whatever it is instead, in one sentence; never a traceback, never what stands in it."""
    if not said:
        assert len(table(text).columns) == 2
        return
    with pytest.raises(BadTable, match=said) as refused:
        read(text)
    assert (refused.value.code, refused.value.field) == ("bad-table", "table")


def test_a_row_without_an_end_is_refused() -> None:
    """It is never held whole: not where it is one line, and not where it goes over many."""
    for endless in (b"x," * LONGEST_ROW, b'"x\n",' * LONGEST_ROW):
        with pytest.raises(BadTable, match="Row 2 of the table has over"):
            read(b"a,b\n" + endless)


def test_a_row_of_the_greatest_length_is_read() -> None:
    """The bound is where it is said to be, and each row has the whole of it."""
    row = ",".join(["x" * 99_999] * 10)
    assert len(read(f"a\n{row}\n{row}\n")) == 2


def test_encodings_and_delimiters_that_are_none_are_refused() -> None:
    """Only those that are known, and none of Python's stranger codecs."""
    for options in ({"encoding": "utf-7"}, {"delimiter": "x"}, {"delimiter": ""}, {"delimiter": ",,"}):
        with pytest.raises(BadInput) as refused:
            table(PLAIN, **options)
        assert refused.value.field == next(iter(options))


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_what_was_written_is_read_to_the_letter(rows: list[list[str]], delimiter: str) -> None:
    """Whatever stands in the cells: quotes, line ends, delimiters, formulas, letters of any script."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([["a", "b"], *rows])
    kept = [tuple(row) for row in rows if any(cell.strip() for cell in row)]
    assert [cells for _, cells in read(text.getvalue(), delimiter=delimiter)] == kept
