"""What commands are given, checked before anything is looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from states.access import require_role, require_some_role
from states.deadlines import closing_instant, zone
from states.errors import BadDeadline, BadInput
from states.facts import Actor
from states.names import Role
from states.text import plain_id, plain_text, refuse_unstorable
from workflow.ids import is_id

#: Longest title, contact or audience, in characters.
LINE: Final = 500
#: Longest reason, in characters.
REASON: Final = 10_000
#: Longest reference or idempotency key, in characters.
WORDS: Final = 200
#: The years that a deadline may lie in; beyond them it is a slip of the pen.
YEARS: Final = range(2000, 2200)
#: The longest page of a list.
LONGEST_PAGE: Final = 1000
#: The longest that anything waits unseen.
YEAR: Final = timedelta(days=366)
#: The greatest whole number that SQLite and PostgreSQL store.
GREATEST: Final = 2**63 - 1


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
    #: The first instant that is too late, UTC, however it was given.
    closing: datetime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check and normalise every field."""
        put = object.__setattr__
        put(self, "reference", _reference(self.reference))
        put(self, "title", plain_text(self.title, field="title", longest=LINE))
        for name in ("phase", "contact", "audience", "closing_words"):
            put(self, name, name_or_none(getattr(self, name), field=name, longest=LINE))
        put(self, "timezone", plain_text(self.timezone, field="timezone"))
        zone(self.timezone)
        if (self.closes_on is None) == (self.closes_at is None):
            msg = "Give closes_on (a date: the whole day counts) or closes_at (an instant with its offset)."
            raise BadDeadline(msg, code="one-closing", field="closes_at")
        for name in ("opens_at", "closes_at"):
            value = getattr(self, name)
            put(self, name, None if value is None else aware(value, field=name))
        put(self, "closing", self.closes_at or self._end_of_the_day())
        if self.opens_at is not None and self.opens_at >= self.closing:
            msg = "The call would close before it opens."
            raise BadDeadline(msg, code="closing-before-opening", field="opens_at")

    def _end_of_the_day(self) -> datetime:
        day = self.closes_on
        if not isinstance(day, date) or isinstance(day, datetime):
            msg = f"closes_on must be a date, not {type(day).__name__}."
            raise BadDeadline(msg, field="closes_on")
        _within_reason(day, field="closes_on")
        return closing_instant(day, self.timezone)


def _reference(value: object) -> str:
    reference = plain_id(value, field="reference")
    if is_id(reference):
        msg = "A reference may not look like one of our ids: a call is found by either."
        raise BadInput(msg, field="reference")
    return reference


def aware(value: object, *, field: str) -> datetime:
    """Return an instant in UTC.

    Raises:
        BadDeadline: no datetime, one without its zone, or one in a year that nobody means.
    """
    if not isinstance(value, datetime):
        msg = f"{field} must be an aware datetime, not {type(value).__name__}."
        raise BadDeadline(msg, field=field)
    _within_reason(value, field=field)
    if value.utcoffset() is None:
        example = "datetime(2023, 3, 17, 17, tzinfo=ZoneInfo('Europe/London'))"
        msg = f"{field} says no zone: give an aware datetime, such as {example}."
        raise BadDeadline(msg, code="naive-datetime", field=field)
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
    """Return an expected version; None where any will do.

    Raises:
        BadInput: no whole number, or beyond what a version can be.
    """
    return None if version is None else whole_number(version, field="expected_version")


def whole_number(value: object, *, field: str, least: int = 0, greatest: int = GREATEST) -> int:
    """Return a whole number within its bounds.

    Raises:
        BadInput: it is none, or beyond them.
    """
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= greatest:
        return value
    msg = f"{field} must be a whole number from {least} to {greatest}."
    raise BadInput(msg, field=field)


def page_of(after: object, limit: object) -> tuple[str | None, int]:
    """Return after which id a page begins, None: the first one, and how long it is.

    Raises:
        BadInput: no id; a limit that is no number from 1 to 1000.
    """
    if after is not None and not (isinstance(after, str) and is_id(after)):
        msg = "after must be the `next` of an earlier page."
        raise BadInput(msg, field="after")
    return after, whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE)


def span(value: object, *, field: str, unit: str, greatest: float) -> float:
    """Return a span of time, in `unit`.

    Raises:
        BadInput: no number, below 0, or over `greatest`, which is beyond all sense.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= greatest:
        return value
    msg = f"{field} must be a number of {unit} from 0 to {greatest}."
    raise BadInput(msg, field=field)


def wait(value: object) -> timedelta:
    """Return how long something waited.

    Raises:
        BadInput: no timedelta, below 0, or over a year, which is beyond all sense.
    """
    if isinstance(value, timedelta) and timedelta() <= value <= YEAR:
        return value
    msg = f"waited must be a timedelta from 0 to {YEAR.days} days."
    raise BadInput(msg, field="waited")


def some_actor(actor: object) -> Actor:
    """Return who asks; whoever comes without a role is turned away before anything is looked up.

    Raises:
        BadInput: no Actor.
        Refused: `role-missing`.
    """
    if not isinstance(actor, Actor):
        msg = f"Who asks must be an Actor, not {type(actor).__name__}."
        raise BadInput(msg, field="actor")
    require_some_role(actor)
    return actor


def applicant_of(actor: Actor, applicant: object) -> str:
    """Return for which organisation an actor begins an EOI: the one named, or its only one.

    Raises:
        BadInput: none is named, and the actor has none or several; or no text.
        Refused: none is named, and the actor is no applicant at all.
    """
    if applicant is not None:
        return plain_id(applicant, field="applicant")
    if len(actor.organisations) == 1:
        return next(iter(actor.organisations))
    require_role(actor, {Role.APPLICANT}, to="draft")
    msg = f"{actor.id} acts for {len(actor.organisations)} organisations: say for which one (applicant=…)."
    raise BadInput(msg, field="applicant")


def name_or_none(name: object, *, field: str, longest: int) -> str | None:
    """Return a single line of text; None where none was given.

    Raises:
        BadInput: not a text, empty, too long, or unstorable.
    """
    return None if name is None else plain_text(name, field=field, longest=longest)


def trigger_word(trigger: object) -> str:
    """Return the word of a move; whether there is such a move, the lifecycle says.

    Raises:
        BadInput: not a text.
    """
    if not isinstance(trigger, str):
        msg = f"trigger must be a word, such as 'submit', not {type(trigger).__name__}."
        raise BadInput(msg, field="trigger")
    return str.__str__(trigger)


def data_of(data: object) -> Mapping[str, Any]:
    """Return what was given along with a trigger; empty where nothing was.

    Raises:
        BadInput: no mapping, or with other names than `reason` and `answers`.
    """
    if data is None:
        return {}
    if not isinstance(data, Mapping) or not data.keys() <= {"reason", "answers"}:
        msg = "data may hold answers and reason, nothing else."
        raise BadInput(msg, field="data")
    return data


def reason_in(reason: object, data: Mapping[str, Any]) -> object:
    """Return the reason, given beside the data or in them.

    Raises:
        BadInput: it is given in both places.
    """
    if reason is not None and data.get("reason") is not None:
        msg = "Give the reason once: as reason=…, or in data."
        raise BadInput(msg, field="reason")
    return data.get("reason") if reason is None else reason


def _within_reason(value: date, *, field: str) -> None:
    if value.year not in YEARS:
        msg = f"{field} lies in the year {value.year}: is that meant?"
        raise BadDeadline(msg, code="year-out-of-range", field=field)
