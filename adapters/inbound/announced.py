"""A call as it was announced, by a sheet or by options: what to open, and what to ask about its deadline."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime

from adapters.inbound.addresses import has_address
from adapters.inbound.closing import closing_given
from adapters.inbound.deadline_lint import Finding, lint
from adapters.inbound.mi_sheet import read_sheet
from adapters.inbound.notice import Announcement, Notice
from states.deadlines import instant
from states.names import CallState
from workflow import BadInput, CallView, NewCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was said beside a sheet, or without one; each counts instead of what the sheet says."""

    reference: str | None = None
    title: str | None = None
    #: The last local day to apply.
    closes_on: date | None = None
    #: The first instant that is too late: aware, or a local wall time.
    closes_at: datetime | None = None
    #: When it opens: aware, or a local wall time.
    opens_at: datetime | None = None
    phase: str | None = None
    contact: str | None = None
    audience: str | None = None
    #: IANA name of the zone in which local times are meant.
    timezone: str = "Europe/London"

    @property
    def opening(self) -> datetime | None:
        """When it opens, aware.

        Raises:
            BadDeadline: a local time that does not exist, or exists twice.
        """
        return None if self.opens_at is None else _aware(self.opens_at, self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What to open, and what the lint looks at."""

    call: NewCall
    announcement: Announcement

    def findings(self, *, now: datetime, closed_days: Collection[date] = ()) -> tuple[Finding, ...]:
        """Return what there is to say about its deadline."""
        return lint(self.announcement, now=now, closed_days=closed_days)

    def as_if_open(self, now: datetime) -> CallView:
        """Return the call as it would be; its `id` is empty, for it has none yet."""
        call = self.call
        return CallView(
            id="",
            reference=call.reference,
            title=call.title,
            state=CallState.OPEN,
            opens_at=call.opens_at or now,
            closes_at=call.closing,
            closed_at=None,
            timezone=call.timezone,
            phase=call.phase,
            contact=call.contact,
            audience=call.audience,
            version=1,
            counts={},
            counts_at_close=None,
        )


def announced_by_sheet(data: bytes, given: Given = Given()) -> Announced:
    """Return the call that a sheet announces.

    Raises:
        BadDocument: the sheet cannot be read.
        BadDeadline: no closing that can be made out, or one that cannot be.
    """
    sheet = read_sheet(
        data,
        timezone=given.timezone,
        closes_on=given.closes_on,
        closes_at=given.closes_at,
        opens_at=given.opening,
        reference=given.reference,
        title=given.title,
    )
    if given.contact is not None:
        reachable = has_address(given.contact) or sheet.contact_has_address
        sheet = replace(sheet, contact=given.contact, contact_has_address=reachable)
    call = NewCall(
        reference=sheet.reference,
        title=sheet.title,
        closes_at=sheet.closes_at,
        opens_at=sheet.opens_at,
        timezone=sheet.timezone,
        phase=given.phase or sheet.phase,
        contact=sheet.contact,
        audience=given.audience or sheet.audience,
        closing_words=sheet.closing_words,
    )
    return Announced(call=call, announcement=sheet)


def announced_by_options(given: Given) -> Announced:
    """Return the call that options alone announce.

    Raises:
        BadInput: no reference or no title.
        BadDeadline: no closing or two, or one that cannot be.
    """
    if given.reference is None or given.title is None:
        msg = "Without a sheet, say --reference, --title and --closes-on or --closes-at."
        raise BadInput(msg, field="title" if given.reference else "reference")
    closes_at = None if given.closes_at is None else _aware(given.closes_at, given.timezone)
    call = NewCall(
        reference=given.reference,
        title=given.title,
        closes_on=given.closes_on,
        closes_at=closes_at,
        opens_at=given.opening,
        timezone=given.timezone,
        phase=given.phase,
        contact=given.contact,
        audience=given.audience,
    )
    notice = Notice(
        closes_at=call.closing,
        timezone=call.timezone,
        opens_at=call.opens_at,
        time_given=closes_at is not None,
        contact=call.contact,
    )
    return Announced(call=call, announcement=notice)


def closing_for(closes_on: date | None, closes_at: datetime | None, timezone: str) -> datetime | None:
    """Return the first instant that is too late, aware; None where neither a day nor a time is given.

    Raises:
        BadDeadline: both are given, or a local time that does not exist, or exists twice.
    """
    given = closing_given(closes_on, closes_at, timezone)
    return None if given is None else given.closes_at


def _aware(at: datetime, timezone: str) -> datetime:
    return at if at.utcoffset() is not None else instant(at, timezone)
