"""From a file's bytes to plain text, or a refusal that names what the file seems to be.

Knows nothing of what the text says.
"""

import re
from typing import Final

from adapters.inbound.folding import TURNING
from states.errors import BadInput
from states.text import UNSEEN

#: The largest document read, in bytes. The real sheets are of 3 to 10 KiB.
LARGEST: Final = 256 * 1024

_KINDS: Final = (
    (b"%PDF-", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Word or Excel document"),
    (b"{\\rtf", "a rich-text (RTF) document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xff\xfe\x00\x00", "UTF-32 text"),
)
_IN_ZIP: Final = (
    (b"word/", "a Word document (DOCX)"),
    (b"xl/", "an Excel workbook (XLSX)"),
    (b"opendocument", "an OpenDocument file"),
)
_HTML: Final = re.compile(rb"\s{0,100}<(?:!doctype html|html|\?xml)", re.IGNORECASE)
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_LINE_ENDS: Final = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


class BadDocument(BadInput):
    """The document cannot be read."""

    code = "bad-document"


def text_of(data: bytes, *, what: str) -> str:
    r"""Return the text, lines ended by \n, without byte order mark and invisible characters.

    Read as UTF-8, as UTF-16 where a byte order mark says so, otherwise as Windows-1252 (Word's). Not
    yet in a Unicode normal form, which takes quadratic time on hostile text: normalise short fields.

    Args:
        data: the file, whole.
        what: the word for it in errors: "sheet".

    Raises:
        BadDocument: `empty-document`, `document-too-large`, or `not-text`.
    """
    if len(data) > LARGEST:
        msg = f"The {what} has {len(data):,} bytes; at most {LARGEST:,} (256 KiB) are read."
        raise BadDocument(msg, code="document-too-large", size=len(data), largest=LARGEST)
    text = UNSEEN.sub(_turning_only, _LINE_ENDS.sub("\n", _decoded(data, what)))
    if not text.strip():
        msg = f"The {what} is empty."
        raise BadDocument(msg, code="empty-document")
    if _CONTROL.search(text):
        raise _not_text(what, "a binary file")
    return text


def _turning_only(unseen: re.Match[str]) -> str:
    """Leave out what nobody sees (web pages leave it inside dates, and it can hide words).

    Signs that turn the direction of reading are kept: `folding` looks for them.
    """
    return unseen[0] if unseen[0] in TURNING else ""


def _decoded(data: bytes, what: str) -> str:
    kind = seems(data)
    if kind:
        raise _not_text(what, kind)
    encodings = ("utf-16",) if data.startswith(_UTF16_BOMS) else ("utf-8", "cp1252")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _not_text(what, "damaged UTF-16 text" if encodings == ("utf-16",) else "a binary file")


def seems(data: bytes) -> str | None:
    """Return what the bytes seem to be where that is not text."""
    if data.startswith(b"PK\x03\x04"):
        return next((kind for mark, kind in _IN_ZIP if mark in data), "a zip archive")
    kind = next((kind for mark, kind in _KINDS if data.startswith(mark)), None)
    if kind is None and _HTML.match(data):
        return "a web page (HTML or XML)"
    if kind is None and b"\x00" in data and not data.startswith(_UTF16_BOMS):
        return "a binary file, or UTF-16 text without its byte order mark"
    return kind


def _not_text(what: str, kind: str) -> BadDocument:
    msg = f"The {what} is not plain text; it seems to be {kind}. Save it as plain text (UTF-8) and give that."
    return BadDocument(msg, code="not-text", kind=kind)
