"""A list of contacts as a spreadsheet saves it: CSV in UTF-8, its first row the names of its columns.

What stands in it is personal, so that no message shows any of it: each says in which row something is wrong.
"""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Final, NoReturn

from adapters.inbound.files import MOST
from states.errors import BadInput
from workflow import Contact
from workflow.contacts import checked

#: The columns that there must be, and those that there may be.
NEEDED: Final = ("organisation", "address")
COLUMNS: Final = (*NEEDED, "name")

#: Column -> what is wrong with what stands there.
_WRONG: Final = {
    "organisation": "is no id: too long, or with a character that cannot be seen",
    "address": "is no e-mail address",
    "name": "is no name: too long, or with a character that cannot be shown",
}


def contacts_from(data: bytes) -> list[Contact]:
    """Return the contacts of a CSV file, in their order; blank rows are passed over.

    Args:
        data: at most `MOST` bytes, with a byte order mark or without. The first row names the columns, in
            any order and in small or capital letters; a row may leave out empty cells at its end.

    Raises:
        BadInput: it is no such file; or rows that cannot be taken, each with its number as a spreadsheet
            counts them.
    """
    rows = _rows(_text(data))
    columns = _columns(next(rows, []))
    found, faults = list[Contact](), list[str]()
    for number, cells in enumerate(rows, start=2):
        try:
            found += [_contact(columns, cells)] if cells else []
        except BadInput as exc:
            faults.append(f"Row {number}: {exc.message}")
    if faults:
        what = "this row" if len(faults) == 1 else f"these {len(faults):,} rows"
        _refuse("\n".join([*faults, f"Nothing was changed: mend {what}, and import the whole list again."]))
    return found


def _text(data: bytes) -> str:
    if len(data) > MOST:
        _refuse(f"The list has more than {MOST // 1024**2} MB: is it the right file?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("The list is not in UTF-8: save it in the spreadsheet as “CSV UTF-8”.")


def _rows(text: str) -> Iterator[list[str]]:
    """Yield each row's cells, without white space around them and without empty ones at the end."""
    reader, number = csv.reader(StringIO(text, newline=""), strict=True), 0
    try:
        for number, cells in enumerate(reader, start=1):  # noqa: B007 -- told where the next row is no CSV
            yield _without_empty_end([cell.strip() for cell in cells])
    except csv.Error as exc:
        _refuse(f"Row {number + 1} is no CSV ({exc}): save the list anew from the spreadsheet.")


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _columns(header: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(cell.lower() for cell in header)
    fits = set(NEEDED) <= set(columns) <= set(COLUMNS)
    if not fits or len(set(columns)) < len(columns):
        _refuse(
            "The first row must name the columns, with commas between them: organisation,address,name; "
            "name may be left out, and nothing else may stand there."
        )
    return columns


def _contact(columns: Sequence[str], cells: Sequence[str]) -> Contact:
    if len(cells) > len(columns):
        _refuse(f"it has {len(cells)} cells, and the first row names {len(columns)} columns.")
    row = dict.fromkeys(COLUMNS, "") | dict(zip(columns, cells, strict=False))
    missing = [name for name in NEEDED if not row[name]]
    if missing:
        _refuse(f"its {' and its '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    return _kept(Contact(organisation=row["organisation"], address=row["address"], name=row["name"] or None))


def _kept(contact: Contact) -> Contact:
    """Return a contact as it can be kept; what cannot be is told without showing it."""
    try:
        return checked(contact)
    except BadInput as exc:
        msg = f"its {exc.field} {_WRONG[exc.field or '']}."
        raise BadInput(msg, field="contacts") from None


def _refuse(message: str) -> NoReturn:
    raise BadInput(message, field="contacts")
