r"""What stands in one cell of a table: text that no spreadsheet takes for a formula.

A spreadsheet runs a cell that begins with a sign such as `=`, whoever wrote it (CWE-1236; OWASP, "CSV
Injection"). In CSV such a sign gets an apostrophe before it. That is done wherever a reader might see the
beginning of a cell: at the text's own, after blanks, quotes and what nobody can see, and after what another
reader takes for the end of a cell (`;`, a tab, the end of a line). `restored` takes exactly those away.
"""

import json
import re
from typing import Final

from states.text import UNSEEN

#: What begins a formula; of full width, too, which some spreadsheets take for the plain ones.
SIGNS: Final = "=+\\-@＝＋－﹣−＠﹦﹢﹫"  # noqa: RUF001 -- those that look like the plain ones are meant
# What may stand before such a sign without anybody seeing the difference, or ends a cell for another reader.
_RUN: Final = "[;\\s\"'“”‘’«»`" + UNSEEN.pattern[1:]  # noqa: RUF001 -- quotes of every kind
_ENDS: Final = frozenset(";\t\r\n")
_SIGN: Final = re.compile(f"[{SIGNS}]")
_BEFORE_A_SIGN: Final = re.compile(f"(?<!{_RUN}){_RUN}*+(?=[{SIGNS}])")
_AFTER_A_MARK: Final = re.compile(f"(?<!{_RUN})({_RUN}*+)(?<=')(?=[{SIGNS}])")
# A tab or a line's end in front is dropped by some readers, and then what follows begins the cell.
_BLANK_IN_FRONT: Final = re.compile("^'*+(?=[\t\r\n])")
#: What XML 1.0 and a terminal cannot take: control characters, halves of surrogate pairs, no characters.
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: What stands for one of those: U+FFFD.
REPLACEMENT: Final = "\ufffd"


def fitted(text: str) -> str:
    """Return a text in which each character that a table cannot carry is U+FFFD."""
    return _UNFIT.sub(REPLACEMENT, text)


def neutralised(text: str) -> str:
    """Return a text of which no spreadsheet takes any part for a formula."""
    marked = _BEFORE_A_SIGN.sub(_marked_at_a_beginning, text) if _SIGN.search(text) else text
    return _BLANK_IN_FRONT.sub(_marked, marked)


def restored(text: str) -> str:
    """Return what `neutralised` was given."""
    plain = text[1:] if re.match("^'++(?=[\t\r\n])", text) else text
    return _AFTER_A_MARK.sub(_unmarked_at_a_beginning, plain)


def in_words(value: object) -> str:
    """Return one value of a form as text: a text as it is, nothing for null, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _marked(found: re.Match[str]) -> str:
    return f"{found[0]}'"


def _marked_at_a_beginning(found: re.Match[str]) -> str:
    return f"{found[0]}'" if _begins_a_cell(found) else found[0]


def _unmarked_at_a_beginning(found: re.Match[str]) -> str:
    return found[0][:-1] if _begins_a_cell(found) else found[0]


def _begins_a_cell(found: re.Match[str]) -> bool:
    """Whether what stands before the sign reaches to the text's beginning, or to a cell's end."""
    return found.start() == 0 or not _ENDS.isdisjoint(found[0])
