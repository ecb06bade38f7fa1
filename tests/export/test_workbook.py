"""EOIs as a workbook, read back by openpyxl and as the XML that it is."""

import re
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from adapters.outbound.export import Format
from adapters.outbound.export import xlsx as limits
from adapters.outbound.export.columns import Layout
from adapters.outbound.export.table import Table
from adapters.outbound.export.xlsx import write_xlsx
from states.errors import BadInput
from tests.export.conftest import Write
from workflow import CallView, Engine
from workflow.testing import school, submitted

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sheet(engine: Engine, call: CallView, write: Write) -> Any:
    """Return what submits an EOI with such answers, and returns its cells in a workbook, by their head."""

    def cells(**answers: Any) -> dict[str, Any]:
        submitted(engine, call.id, school(), answers=answers)
        done, data = write(format=Format.XLSX)
        head, *rows = load_workbook(BytesIO(data)).active.iter_rows()
        assert (done.eois, done.columns) == (len(rows), len(head))
        return {"done": done, "data": data} | {
            name.value: cell for name, cell in zip(head, rows[0], strict=True)
        }

    return cells


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "{=1+1}",
        "=cmd|'/c calc'!A0",
        "@SUM(A1)",
        "+44 1603",
        "\t=1",
        "https://receiver.example/",
        "internal:Sheet1!A1",
        "mailto:head@school.example",
        "00123",
        "TRUE",
        "#REF!",
        "2023-03-17",
    ],
)
def test_a_text_stays_a_text(sheet: Any, text: str) -> None:
    """No formula, link, number, date or error is made of what somebody wrote; it is there as it was."""
    found = sheet(text=text)
    cell = found["answers.text"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
    assert b"<f>" not in _xml(found["data"])
    assert cell.quotePrefix is (text[0] in "=@+\t")


def test_markup_in_a_text_is_no_markup(sheet: Any) -> None:
    """What the library would take for XML of its own is written as a text: it could have held a formula."""
    hostile = '<r></r></is></c><c r="A9"><f>1+1</f><v>2</v></c><c r="B9" t="inlineStr"><is><r></r>'
    found = sheet(text=hostile)
    assert found["answers.text"].value.rstrip() == hostile
    assert b"<f>" not in _xml(found["data"])


def test_numbers_flags_and_instants_are_what_they_are(sheet: Any, engine: Engine) -> None:
    """A spreadsheet can count with numbers and sort by instants, which are in UTC, as their heads say."""
    found = sheet(number=-5, fraction=0.5, flag=True, great=10**20, nothing=None, many=[1, 2])
    cells = {name: found[f"answers.{name}"] for name in ("number", "fraction", "flag", "great", "many")}
    assert {name: (cell.value, cell.data_type) for name, cell in cells.items()} == {
        "number": (-5, "n"),
        "fraction": (0.5, "n"),
        "flag": (True, "b"),
        "great": ("1" + "0" * 20, "s"),
        "many": ("[1, 2]", "s"),
    }
    [eoi] = engine.find()
    at = found["submitted_at (UTC)"]
    assert eoi.submitted_at is not None
    assert at.is_date
    assert abs(at.value.replace(tzinfo=UTC) - eoi.submitted_at) < timedelta(milliseconds=1)
    assert found["answers.nothing"].value is found["decided_at (UTC)"].value is None
    assert at.value.date() == datetime(2023, 3, 16, tzinfo=UTC).date()


def test_what_xml_cannot_hold_is_replaced(sheet: Any) -> None:
    """Control characters do not make a workbook that nothing opens; what looks like their code is kept."""
    told = sheet(text="a\x01b\x1b\uffff_x0041_ 👍\n")["answers.text"].value
    # How such a text is written in XML (ECMA-376, ST_Xstring); openpyxl leaves that to who asks.
    assert "_x005F_x0041_" in told
    assert unescape(told) == "a\ufffdb\ufffd\ufffd_x0041_ 👍\n"


@pytest.mark.parametrize(
    ("text", "whole"), [("x" * 32_767, True), ("x" * 32_768, False), ("👍" * 16_384, False)]
)
def test_a_text_too_long_for_a_cell_is_cut_and_counted(sheet: Any, text: str, *, whole: bool) -> None:
    """Whoever exports is told how many texts are not whole, and whoever reads sees it at their end."""
    found = sheet(text=text)
    value = found["answers.text"].value
    assert found["done"].cut == (0 if whole else 1)
    assert len(value.encode("utf-16-le")) // 2 <= 32_767
    assert value == text if whole else (value.endswith("…") and text.startswith(value[:-1]))


def test_the_head_stays_in_view(sheet: Any) -> None:
    """Whoever scrolls still sees the heads, and can filter by them."""
    data = _xml(sheet(a=1)["data"])
    assert b'state="frozen"' in data
    assert b"<autoFilter" in data


@dataclass(frozen=True, slots=True)
class Many:
    """As many rows as one likes."""

    count: int


def test_more_rows_than_a_sheet_holds_are_refused() -> None:
    """Nothing is written of what would not be whole; the message says what to do instead."""
    to = BytesIO()
    rows: Any = Many(limits.ROWS + 1)
    with pytest.raises(BadInput, match="take csv") as caught:
        write_xlsx(Table(Layout((), more=False), rows), to)
    assert (caught.value.code, to.getvalue()) == ("too-many-rows", b"")


def test_without_the_extra_it_says_what_to_install() -> None:
    """Where XlsxWriter is not installed, workbooks are refused before anything is read; the rest works."""
    program = """
        import sys
        from io import BytesIO
        sys.modules["xlsxwriter"] = None
        from adapters.outbound.export import Format, export
        from states.errors import BadInput
        try:
            export(None, BytesIO(), actor=None, format=Format.XLSX)
        except BadInput as error:
            print(error.code, error.message)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (
        ran.stdout
        == "extra-missing To write workbooks, install what does: pip install 'eoi-workflow[xlsx]'.\n"
    )


def _xml(data: bytes) -> bytes:
    """Return the sheet as it is written."""
    with zipfile.ZipFile(BytesIO(data)) as book:
        assert not [name for name in book.namelist() if re.search("external|vba|macro", name, re.IGNORECASE)]
        return book.read("xl/worksheets/sheet1.xml")
