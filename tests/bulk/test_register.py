"""The national register of schools is read as it is given out."""

import io
from pathlib import Path

import pytest

from adapters.inbound.school_register import MOST, School, excerpt_of, register_in
from adapters.inbound.table_file import BadTable

#: The columns that an extract of today begins with, of some 150.
HEAD = (
    '"URN","LA (code)","LA (name)","EstablishmentNumber","EstablishmentName","TypeOfEstablishment (code)",'
    '"TypeOfEstablishment (name)","EstablishmentTypeGroup (code)","EstablishmentTypeGroup (name)",'
    '"EstablishmentStatus (code)","EstablishmentStatus (name)","CloseDate"'
)
ROWS = (
    '"121234","926","Norfolk","2345","Sprowston – “Café” School","1","Academy","4","x","1","Open",""',
    '"121235","926","Norfolk","2346","Alder","1","Community school","4","x","2","Closed","31-08-2012"',
    '"121236","926","Norfolk","2347","Ash","1","Academy","4","x","3","Open, but proposed to close",""',
    '"","926","Norfolk","","No URN","","","","","1","Open",""',
    '"121237","926"',
)
TEXT = "\r\n".join([HEAD, *ROWS]) + "\r\n"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_the_register_is_read(encoding: str) -> None:
    """In Windows-1252, as GIAS gives it out, or in UTF-8; rows without a URN or cut short are none."""
    register = register_in(io.BytesIO(TEXT.encode(encoding)))
    assert len(register) == 3
    assert register.school("URN:121234") == School("Sprowston – “Café” School", "Open")
    closed = [register.school(f"URN:{urn}") for urn in (121234, 121235, 121236)]
    assert [school is not None and school.closed for school in closed] == [False, True, False]
    for none in ("121234", "urn:121234", "URN:121237", "URN: 121234", "UKPRN:121234"):
        assert register.school(none) is None


def test_what_is_meant_for_a_school_is_told_from_the_rest() -> None:
    """Digits alone and other spellings of URN are slips; a trust's UKPRN is not the register's business."""
    register = register_in(io.BytesIO(TEXT.encode()))
    assert [register.speaks_of(each) for each in ("121234", "urn 1", "URN:1", "UKPRN:1", "Trust")] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "said"), [("applicant,name\nx,y\n", "lacks the column URN"), ("", "is empty")]
)
def test_another_file_is_no_register(text: str, said: str, tmp_path: Path) -> None:
    """A slip in the file's name is told, instead of refusing every school."""
    with pytest.raises(BadTable, match=said):
        register_in(io.BytesIO(text.encode()))


def test_what_is_kept_of_it_is_a_register_again() -> None:
    """Every school, its name to the letter; what is not read of it is left out."""
    odd = '"100001",x,"“Café”, ""The Hill""; annexe","Closed"\r\n100000,y,,Open\r\n'
    for text in (TEXT, f"URN,LA (name),EstablishmentName,EstablishmentStatus (name)\r\n{odd}"):
        kept = excerpt_of(io.BytesIO(text.encode("cp1252")))
        known = register_in(io.BytesIO(text.encode("cp1252")))
        again = register_in(io.BytesIO(kept))
        assert len(again) == len(known) > 1
        for urn in (100000, 100001, 121234, 121235, 121236):
            assert again.school(f"URN:{urn}") == known.school(f"URN:{urn}")
        assert excerpt_of(io.BytesIO(kept)) == kept
        assert b"Norfolk" not in kept


def test_a_register_has_a_bound() -> None:
    """One that would fill the memory is no register of schools."""
    rows = "".join(f"{100_000 + number},A,Open\n" for number in range(MOST + 1))
    with pytest.raises(BadTable, match=f"over {MOST:,} schools") as refused:
        register_in(io.BytesIO(f"URN,EstablishmentName,EstablishmentStatus (name)\n{rows}".encode()))
    assert refused.value.field == "register"
