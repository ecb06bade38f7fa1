"""How a table is sent by HTTP: in words of an address, as a type, as files of a form."""

from collections.abc import Mapping
from typing import Final

#: What a table is sent as.
CSV: Final = "text/csv"
#: The files of a form: a table, and the register of schools.
TABLE: Final = "table"
REGISTER: Final = "register"
#: The largest table, in bytes.
LARGEST_TABLE: Final = 16 * 1024 * 1024
#: What stands between two cells -> its word.
SIGNS: Final[Mapping[str, str]] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
#: What a table may be encoded in -> how its type says it.
CHARSETS: Final[Mapping[str, str]] = {"utf-8": "utf-8", "cp1252": "windows-1252"}
