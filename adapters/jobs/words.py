"""How what is asked of a table is said where there is only text: in an address, and in a type of HTTP."""

from collections.abc import Mapping
from typing import Final

#: What a table is sent as.
CSV: Final = "text/csv"
#: What stands between two cells -> its word.
SIGNS: Final[Mapping[str, str]] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
#: What a table may be encoded in -> how its type says it.
CHARSETS: Final[Mapping[str, str]] = {"utf-8": "utf-8", "cp1252": "windows-1252"}
