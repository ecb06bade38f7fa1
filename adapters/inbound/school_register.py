"""The national register of schools: Get Information about Schools (GIAS), “All establishment data”, as CSV.

Source: https://get-information-schools.service.gov.uk/Downloads: edubasealldata….csv, in Windows-1252, one
row for each URN, those that have closed among them. It holds no e-mail addresses.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final

from adapters.inbound.table_file import BadTable, TableFile

#: The columns that are read.
URN: Final = "URN"
NAME: Final = "EstablishmentName"
STATUS: Final = "EstablishmentStatus (name)"

#: The most schools of a register: twice as many as England's has, those that have closed among them.
MOST: Final = 100_000

#: Before the digits of a URN, in the id of an organisation.
URN_PREFIX: Final = "URN:"

_URN: Final = re.compile(r"[1-9][0-9]{5}")


@dataclass(frozen=True, slots=True)
class School:
    """A school as the register has it."""

    name: str
    #: `Open`; `Open, but proposed to close`; `Proposed to open`; `Closed`.
    status: str

    @property
    def closed(self) -> bool:
        """Whether it is there no more."""
        return self.status.casefold() == "closed"


class SchoolRegister:
    """Every school of the register, by its URN."""

    def __init__(self, schools: Mapping[str, School]) -> None:
        """Take the schools, each under the digits of its URN."""
        self._schools = schools

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._schools)

    def speaks_of(self, organisation: str) -> bool:
        """Return whether an organisation is a school, or meant to be: `urn 121234`, or digits alone."""
        return organisation.casefold().startswith("urn") or organisation.isdigit()

    def school(self, organisation: str) -> School | None:
        """Return the school with that id, `URN:121234`; None where the register has none."""
        exact = organisation.startswith(URN_PREFIX)
        return self._schools.get(organisation.removeprefix(URN_PREFIX)) if exact else None


def register_in(file: IO[bytes]) -> SchoolRegister:
    """Return the register that a file holds: UTF-8 where all of it is, else Windows-1252.

    Args:
        file: seekable; 60 MB and 52,000 rows as the whole of England goes.

    Raises:
        BadTable: it is no CSV, without the columns of the register, or of too many schools.
    """
    return SchoolRegister(dict(_schools_in(file)))


def excerpt_of(file: IO[bytes]) -> bytes:
    """Return what is read of a register as a register of its own; a row at a time is held besides.

    Raises:
        BadTable: as `register_in`.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow((URN, NAME, STATUS))
    rows.writerows((urn, school.name, school.status) for urn, school in _schools_in(file))
    return text.getvalue().encode()


def _schools_in(file: IO[bytes]) -> Iterator[tuple[str, School]]:
    try:
        yield from _rows_in(file)
    except BadTable as exc:
        msg = f"The register of schools cannot be read. {exc.message}"
        raise BadTable(msg, field="register") from None


def _rows_in(file: IO[bytes]) -> Iterator[tuple[str, School]]:
    table = TableFile(file, encoding="utf-8" if _is_utf8(file) else "cp1252")
    columns = {name: place for place, name in reversed(list(enumerate(table.columns)))}
    missing = [name for name in (URN, NAME, STATUS) if name not in columns]
    if missing:
        msg = f"It lacks the column {missing[0]}: is it GIAS's “All establishment data”?"
        raise BadTable(msg)
    urn, name, status = (columns[each] for each in (URN, NAME, STATUS))
    widest = max(urn, name, status)
    rows = (row.cells for row in table.rows() if len(row.cells) > widest)
    for count, cells in enumerate((each for each in rows if is_urn(each[urn].strip())), start=1):
        if count > MOST:
            msg = f"It has over {MOST:,} schools: is it GIAS's “All establishment data”?"
            raise BadTable(msg)
        yield cells[urn].strip(), School(cells[name].strip(), cells[status].strip())


def is_urn(digits: str) -> bool:
    """Return whether these can be the digits of a URN."""
    return _URN.fullmatch(digits) is not None


def _is_utf8(file: IO[bytes]) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
