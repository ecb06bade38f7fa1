"""The kinds of file that EOIs are exported as. Imports only errors."""

from enum import StrEnum
from pathlib import PurePath
from typing import Final

from states.errors import BadInput


class Format(StrEnum):
    """A kind of file."""

    #: A table as text: RFC 4180, UTF-8 with a byte order mark.
    CSV = "csv"
    #: One JSON object a line, as `--json` has it (https://jsonlines.org).
    JSONL = "jsonl"
    #: A workbook for Excel and LibreOffice.
    XLSX = "xlsx"
    #: Awards as one JSON document (https://standard.threesixtygiving.org).
    GIVING = "360giving"


#: Format -> what such a file is, for HTTP.
MEDIA_TYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSONL: "application/jsonl; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.GIVING: "application/json",
}
#: How a file's name ends -> what it is then.
SUFFIXES: Final = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".xlsx": Format.XLSX,
    ".json": Format.GIVING,
}


def format_of(word: str | None, path: PurePath | None) -> Format:
    """Return the format that was asked for; else the one that the file's name ends in; else CSV.

    Raises:
        BadInput: no such format; a name that ends in nothing known; a name that says another one.
    """
    named = None if path is None else SUFFIXES.get(path.suffix.lower())
    if word is not None:
        return _agreed(_known(word), named)
    if path is not None and named is None:
        ends = path.suffix or "nothing"
        msg = f"A name that ends in {ends} does not say the format; say it: {', '.join(Format)}."
        raise BadInput(msg, field="format")
    return named or Format.CSV


def _known(word: str) -> Format:
    try:
        return Format(word.lower())
    except ValueError:
        msg = f"There is no format {word!r}: {', '.join(Format)}."
        raise BadInput(msg, field="format") from None


def _agreed(asked: Format, named: Format | None) -> Format:
    if named not in (None, asked):
        msg = f"The file's name says {named}, and {asked} was asked for."
        raise BadInput(msg, field="format")
    return asked
