"""The labelled lines of a sheet ("LA Contact:…") and what else it says about itself."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from adapters.inbound.dates import one_line

#: The longest title or value of a label that is taken as one, in characters.
LONGEST: Final = 200

#: Which labels mean which field; the first that has a value wins.
_LABELS: Final = {
    "reference": r"mi (?:sheet )?(?:no|number|ref)|mi sheet|(?:document |mi )?ref(?:erence)?(?: no| number)?",
    "title": r"title|subject|re",
    "published": r"(?:publication|issue) date|(?:date )?(?:of )?(?:published|publication|issued?)(?: on)?",
    "contact": r"(?:la |lead |main |named )?contact(?: name| officer| person| details)?|lead officer",
    "audience": r"(?:intended |target )?audience|for the attention of",
    "phase": r"(?:school )?phase(?: of education)?",
    "other": r"from|to|sent|date|cc|closing date|deadline|time",
}
_LABEL: Final = re.compile(
    "|".join(rf"(?P<{field}>{names})" for field, names in _LABELS.items()) + r"\.?", re.IGNORECASE
)
_LINE: Final = re.compile(r"\s{0,20}([^:\t\n]{1,40}?)\s{0,20}[:\t](.*)")
_HEADING: Final = re.compile(r"(?:management information|mi) sheet\b.{0,20}", re.IGNORECASE)
# Alone or after "MI"; in RP14/24 and 14/24-B it is a part of something else.
_MI_NUMBER: Final = re.compile(
    r"(?:(?<![0-9A-Z/-])|(?<=\bMI))([0-9]{1,4} ?/ ?[0-9]{2,4})(?![0-9/]|-[0-9A-Z])", re.IGNORECASE
)
_MI_SHEET: Final = re.compile(
    rf"\bMI (?:sheet )?(?:(?:number|no\.?|ref) )?{_MI_NUMBER.pattern}", re.IGNORECASE
)
# How far into a sheet its reference may stand unlabelled, in characters.
_HEAD: Final = 2000
_PHASES: Final = {
    "earlyyears": "Early Years",
    "nursery": "Nursery",
    "primary": "Primary",
    "secondary": "Secondary",
    "post16": "Post-16",
    "allthrough": "All-through",
}
_PHASE: Final = r"(?:early years|nursery|primary|secondary|post[- ]?16|all[- ]through)"
_PHASE_NAMED: Final = re.compile(
    rf"\b{_PHASE}(?:\s?(?:,|/|&|\band\b|\bor\b)\s?{_PHASE}){{0,5}}[ -]phases?\b", re.IGNORECASE
)
_PHASE_WORD: Final = re.compile(rf"\b{_PHASE}\b", re.IGNORECASE)
_PACK: Final = re.compile(r"\b(?:pack|(?:this|the|following) (?:web ?)?link|click here)\b", re.IGNORECASE)


def labelled(text: str) -> dict[str, str]:
    """Return the values of the labels, by field; a value may stand on the line below its label.

    Fields: `reference`, `title`, `published`, `contact`, `audience`, `phase`.
    """
    lines = text.split("\n")
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        field, value = _split(line)
        if field and field not in found:
            value = value or _below(lines[number + 1 : number + 3])
            if value:
                found[field] = value
    return found


def reference_in(text: str, labels: Mapping[str, str]) -> str | None:
    """Return the council's reference: 46/23, with or without a label."""
    value = labels.get("reference", "")
    number = _MI_NUMBER.search(value) or _MI_SHEET.search(text, 0, _HEAD)
    if number:
        return number[1].replace(" ", "")
    return value if value and len(value) <= LONGEST else None


def title_in(text: str, labels: Mapping[str, str]) -> str | None:
    """Return the labelled title, otherwise the first line that is neither heading nor label."""
    lines = (one_line(line) for line in text.split("\n"))
    plain = (line for line in lines if re.search("[A-Za-z]", line) and not _is_furniture(line))
    title = labels.get("title") or next(plain, "")
    return title if 0 < len(title) <= LONGEST else None


def phase_in(label: str, *places: str) -> str | None:
    """Return the one phase of education that the label names, or else the first of `places` that names any.

    In prose "Primary Phase" does, "secondary school leaders" does not; None where several are named.
    """
    for place in (label, *(" ".join(_PHASE_NAMED.findall(place)) for place in places)):
        phases = {_PHASES[re.sub("[ -]", "", word.lower())] for word in _PHASE_WORD.findall(place)}
        if phases:
            return phases.pop() if len(phases) == 1 else None
    return None


def mentions_pack(text: str) -> bool:
    """Tell whether it speaks of a pack, or of a link to follow."""
    return _PACK.search(text) is not None


def _split(line: str) -> tuple[str | None, str]:
    found = _LINE.match(line)
    label = found and _LABEL.fullmatch(found[1].rpartition(" / ")[2])  # "Cyfeirnod / Reference"
    return (label.lastgroup, one_line(found[2])) if found and label else (None, "")


def _below(lines: Iterable[str]) -> str:
    """Return the value under a bare label, unless that is a label itself."""
    below = next((line for line in lines if line.strip()), "")
    return "" if _LINE.match(below) else one_line(below)


def _is_furniture(line: str) -> bool:
    return _HEADING.fullmatch(line) is not None or _split(line)[0] is not None
