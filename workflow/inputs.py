"""What commands are given, checked before anything is looked up."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from states.deadlines import closing_instant, zone
from states.errors import BadDeadline, BadInput
from states.text import plain_text, refuse_unstorable

#: Longest title, contact or audience, in characters.
LINE: Final = 500
#: Longest reason, in characters.
REASON: Final = 10_000
#: Longest reference or idempotency key, in characters.
WORDS: Final = 200
#: The years that a deadline may lie in; beyond them it is a slip of the pen.
YEARS: Final = range(2000, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call to be opened.

    Raises:
        BadInput: a text that is missing, too long or unstorable.
        BadDeadline: no closing or two; a time without its zone; one that does not follow the opening.
    """

    #: The council's own, unique: 46/23.
    reference: str
    title: str
    #: The last day to apply, in `timezone`; the whole day counts.
    closes_on: date | None = None
    #: Or the first instant that is too late, aware.
    closes_at: datetime | None = None
    #: Aware; None: now.
    opens_at: datetime | None = None
    #: IANA name of the zone in which the deadline is told.
    timezone: str = "Europe/London"
    phase: str | None = None
    contact: str | None = None
    audience: str | None = None
    #: The notice's own words for the deadline, kept beside the instant.
    closing_words: str | None = None

    def __post_init__(self) -> None:
        """Check and normalise every field."""
        put = object.__setattr__
        put(self, "reference", plain_text(self.reference, field="reference", longest=WORDS))
        put(self, "title", plain_text(self.title, field="title", longest=LINE))
        for name in ("phase", "contact", "audience", "closing_words"):
            value = getattr(self, name)
            put(self, name, None if value is None else plain_text(value, field=name, longest=LINE))
        zone(self.timezone)
        if (self.closes_on is None) == (self.closes_at is None):
            msg = "Give either closes_on (a date: the whole day counts) or closes_at (an aware datetime)."
            raise BadDeadline(msg, code="one-closing", field="closes_at")
        if self.opens_at is not None:
            put(self, "opens_at", aware(self.opens_at, field="opens_at"))
        put(self, "closes_at", self._closing())

    def _closing(self) -> datetime:
        if self.closes_at is not None:
            return aware(self.closes_at, field="closes_at")
        if not isinstance(self.closes_on, date) or isinstance(self.closes_on, datetime):
            msg = f"closes_on must be a date, not {type(self.closes_on).__name__}."
            raise BadDeadline(msg, field="closes_on")
        _within_reason(self.closes_on, field="closes_on")
        return closing_instant(self.closes_on, self.timezone)

    @property
    def closing(self) -> datetime:
        """The first instant that is too late, UTC, however it was given."""
        assert self.closes_at is not None  # noqa: S101 -- __post_init__ has seen to it
        return self.closes_at


def aware(value: object, *, field: str) -> datetime:
    """Return an instant in UTC.

    Raises:
        BadDeadline: no datetime, one without its zone, or one in a year that nobody means.
    """
    if not isinstance(value, datetime):
        msg = f"{field} must be an aware datetime, not {type(value).__name__}."
        raise BadDeadline(msg, field=field)
    if value.utcoffset() is None:
        example = "datetime(2023, 3, 17, 17, tzinfo=ZoneInfo('Europe/London'))"
        msg = f"{field} says no zone: give an aware datetime, such as {example}."
        raise BadDeadline(msg, code="naive-datetime", field=field)
    _within_reason(value, field=field)
    return value.astimezone(UTC)


def reason_or_none(reason: object) -> str | None:
    """Return a reason without surrounding white space; None where there is none in it.

    Raises:
        BadInput: not a text, too long, or unstorable.
    """
    if reason is None:
        return None
    if not isinstance(reason, str):
        msg = f"reason must be a text, not {type(reason).__name__}."
        raise BadInput(msg, field="reason")
    refuse_unstorable(reason, field="reason")
    return plain_text(reason, field="reason", longest=REASON, lines=True) if reason.strip() else None


def version_or_none(version: object) -> int | None:
    """Return an expected version.

    Raises:
        BadInput: not a whole number.
    """
    if version is None or (isinstance(version, int) and not isinstance(version, bool)):
        return version
    msg = f"expected_version must be a whole number, not {version!r}."
    raise BadInput(msg, field="expected_version")


def _within_reason(value: date, *, field: str) -> None:
    if value.year not in YEARS:
        msg = f"{field} lies in the year {value.year}: is that meant?"
        raise BadDeadline(msg, code="year-out-of-range", field=field)
