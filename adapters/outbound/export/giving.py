"""Approved EOIs as awards, as the 360Giving Data Standard 1.4 has them (https://standard.threesixtygiving.org).

It is a standard for publishing: what stands in such a file is what the standard asks for, and no answer but
the one that is named for it. What no EOI knows (who gives, and how much) is given beside it, as `Awards`.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final, Never

from adapters.documents import instant, to_json
from adapters.outbound.export.columns import ANSWERS
from adapters.outbound.export.selection import Reading
from adapters.outbound.export.spool import Spool
from states.deadlines import zone
from states.errors import BadInput
from states.names import EoiState
from workflow.views import CallView, EoiView

#: The version of the standard, as its package schema wants it: major.minor.
VERSION: Final = "1.4"
#: "This should be under 140 characters long" (schema, `title`).
TITLE: Final = 139
#: How an organisation is named here -> the code of its list (https://org-id.guide).
LISTS: Final = {"URN": "GB-EDU", "UKPRN": "GB-UKPRN"}
#: Of which EOIs an award is made.
AWARDED: Final = EoiState.APPROVED
#: How many EOIs an error names.
SHOWN: Final = 5

_PREFIX: Final = re.compile("360G-[A-Za-z0-9]+")
_ORGANISATION: Final = re.compile("(?:[A-Z]{2}|360G)-[A-Za-z0-9]+-[^\\s]+")
_NUMBERED: Final = re.compile("([A-Z]+):([0-9]+)")
_CURRENCY: Final = re.compile("[A-Z]{3}")
_AMOUNT: Final = re.compile("[0-9]{1,15}([.][0-9]{1,4})?")
_NOT_IN_AN_ID: Final = re.compile("[^A-Za-z0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Awards:
    """What makes awards of approved EOIs."""

    #: The publisher's own, as 360Giving has registered it: `360G-norfolk`.
    prefix: str
    #: Who gives, by an identifier of https://org-id.guide: `GB-LAE-NFK`.
    funder_id: str
    funder_name: str
    #: ISO 4217.
    currency: str = "GBP"
    #: What each EOI is awarded; None: what its answer says that `amount_field` names.
    amount: str | None = None
    #: Which answer says what is awarded: `answers.amount`.
    amount_field: str | None = None
    #: Which answer describes what it is for; None: a sentence that names the call.
    description_field: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be published.

        Raises:
            BadInput: a prefix, an identifier, a name, a currency or an amount that is none; neither an amount
                nor the answer that says it, or both.
        """
        _must(_PREFIX, self.prefix, field="prefix", like="360G-norfolk: the publisher's own, registered")
        _must(_ORGANISATION, self.funder_id, field="funder_id", like="GB-LAE-NFK: see org-id.guide")
        _must(_CURRENCY, self.currency, field="currency", like="GBP: a code of ISO 4217")
        if not self.funder_name.strip():
            _refuse("The name of who gives is empty.", field="funder_name")
        if (self.amount is None) == (self.amount_field is None):
            _refuse("Say what is awarded: one amount for all, or the answer that holds it.", field="amount")
        if self.amount is not None:
            _must(_AMOUNT, self.amount, field="amount", like="12000 or 12000.50, without signs or commas")
        for name in ("amount_field", "description_field"):
            answer = getattr(self, name)
            if answer is not None and not _name(answer):
                _refuse(f"{answer!r} names no answer, as answers.amount would.", field=name)


def put_awards(reading: Reading, awards: Awards, grants: Spool) -> None:
    """Put aside all awards there are to read.

    Raises:
        BadInput: `nothing-awarded`: there is none; `award-incomplete`: some do not say what is awarded.
    """
    incomplete = []
    for eoi in reading.eois():
        amount = _amount(eoi, awards)
        if amount is None:
            incomplete.append(eoi.id)
        else:
            grants.put(_grant(eoi, reading.call_of(eoi), awards, amount))
    if incomplete:
        _refuse_incomplete(incomplete, awards)
    if not grants.count:
        msg = "No EOI of those is approved, and a file of the 360Giving standard holds one award at least."
        raise BadInput(msg, code="nothing-awarded", field="state")


def write_awards(grants: Spool, to: BinaryIO) -> None:
    """Write awards as one JSON document, a grant on each line."""
    to.write(f'{{"version": "{VERSION}", "grants": ['.encode())
    between = b"\n"
    for grant in grants:
        to.write(between + to_json(grant, one_line=True).encode())
        between = b",\n"
    to.write(b"\n]}\n")


def _grant(eoi: EoiView, call: CallView, awards: Awards, amount: float) -> dict[str, Any]:
    name = eoi.applicant_name or eoi.applicant
    decided_at = eoi.decided_at or eoi.updated_at
    return {
        "id": f"{awards.prefix}-{eoi.id}",
        "title": _cut(f"{call.title}: {name}"),
        "description": _description(eoi, call, awards),
        "currency": awards.currency,
        "amountAwarded": amount,
        "awardDate": _on_the_clock(decided_at, call),
        "recipientOrganization": [{"id": _organisation(eoi.applicant, awards), "name": name}],
        "fundingOrganization": [{"id": awards.funder_id, "name": awards.funder_name.strip()}],
        "grantProgramme": [{"code": call.reference, "title": call.title}],
        "fromOpenCall": "Yes",
        "dateModified": instant(eoi.updated_at),
    }


def _amount(eoi: EoiView, awards: Awards) -> float | None:
    """Return what is awarded; None where no plain amount is said."""
    said = awards.amount
    if awards.amount_field is not None:
        said = eoi.answers.get(_name(awards.amount_field))
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    text = format(Decimal(str(said)), "f") if not isinstance(said, str) else said.strip()
    if not _AMOUNT.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


def _description(eoi: EoiView, call: CallView, awards: Awards) -> str:
    said = eoi.answers.get(_name(awards.description_field)) if awards.description_field else None
    if isinstance(said, str) and said.strip():
        return said.strip()
    return f"Expression of interest approved under the call {call.reference}, {call.title}."


def _organisation(applicant: str, awards: Awards) -> str:
    """Return who receives, by the list that its number comes from; else by an id of the publisher's own."""
    numbered = _NUMBERED.fullmatch(applicant)
    if numbered and numbered[1] in LISTS:
        return f"{LISTS[numbered[1]]}-{numbered[2]}"
    if _ORGANISATION.fullmatch(applicant):
        return applicant
    return f"{awards.prefix}-{_NOT_IN_AN_ID.sub('_', applicant)}"


def _on_the_clock(at: datetime, call: CallView) -> str:
    """Return an instant as the council's clock shows it: its first ten characters are the day there."""
    return at.astimezone(zone(call.timezone)).isoformat(timespec="seconds")


def _cut(title: str) -> str:
    return title if len(title) <= TITLE else f"{title[: TITLE - 1]}…"


def _name(answer: str) -> str:
    """Return the name of an answer that is given as its column; nothing where it is none."""
    before, _, name = answer.partition(".")
    return name if before == ANSWERS else ""


def _must(pattern: re.Pattern[str], value: str, *, field: str, like: str) -> None:
    if not pattern.fullmatch(value):
        _refuse(f"{value!r} cannot be the {field.replace('_', ' ')}; it is such as {like}.", field=field)


def _refuse_incomplete(incomplete: list[str], awards: Awards) -> Never:
    shown = ", ".join(incomplete[:SHOWN]) + (" …" if len(incomplete) > SHOWN else "")
    msg = f"{len(incomplete)} of the EOIs hold no plain amount in {awards.amount_field}: {shown}."
    raise BadInput(msg, code="award-incomplete", field="amount_field")


def _refuse(message: str, *, field: str) -> Never:
    raise BadInput(message, field=field)
