"""All that a decision may know: who asks, when, and how things stand. Frozen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from states.errors import BadInput
from states.names import CallState, EoiState, Role
from states.text import plain_id, plain_text

#: The door by which an actor is a key: what is said besides, as for whom it is done, nobody vouches for.
BY_HTTP: Final = "http"


@dataclass(frozen=True, slots=True, init=False)
class Actor:
    """Who asks: a person, or a program on somebody's behalf."""

    #: An opaque, stable id; no name, no e-mail address (it goes into history for good).
    id: str
    #: What it may act as.
    roles: frozenset[Role]
    #: Stable ids of the organisations it acts for: a school's URN, a trust's UKPRN.
    organisations: frozenset[str]
    #: The person for whom it acts, where that is somebody else.
    on_behalf_of: str | None
    #: The door it came through: `python`, `cli`, `http`.
    via: str

    def __init__(
        self,
        id: str,  # noqa: A002 -- the public name of the field
        roles: Iterable[str] = (),
        organisations: Iterable[str] = (),
        on_behalf_of: str | None = None,
        via: str = "python",
    ) -> None:
        """Normalise what is given.

        Raises:
            BadInput: an id that is empty, unstorable or holds what nobody can see; an unknown role; a bare
                text where several are meant.
        """
        put = object.__setattr__
        put(self, "id", plain_id(id, field="actor"))
        put(self, "roles", frozenset(_role(role) for role in _several(roles, field="roles")))
        ids = _several(organisations, field="organisations")
        put(self, "organisations", frozenset(plain_id(each, field="organisation") for each in ids))
        behalf = None if on_behalf_of is None else plain_id(on_behalf_of, field="on_behalf_of")
        put(self, "on_behalf_of", None if behalf == self.id else behalf)
        put(self, "via", plain_text(via, field="via", longest=32))


def _several(values: Iterable[str], *, field: str) -> Iterable[str]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        msg = f"{field} must be a set or list of texts, such as {{'officer'}}."
        raise BadInput(msg, field=field)
    return values


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError:
        msg = f"There is no role {str(value)[:60]!r}. Roles are: {', '.join(Role)}."
        raise BadInput(msg, field="roles") from None


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call as it stands."""

    #: `CallState`, or `NOT_YET` for one that is about to be opened.
    state: CallState | str
    opens_at: datetime
    #: The first instant that is too late.
    closes_at: datetime
    #: The instant from which the sweep may close it: `closes_at` + settle.
    settles_at: datetime
    #: When it was in fact closed; None while it is not.
    closed_at: datetime | None
    #: IANA name of the zone in which its deadline is told.
    timezone: str
    #: Whom to ask, as the call names it; None where it names nobody.
    contact: str | None = None
    #: Whether any EOI was ever begun for it; None where nobody looked.
    has_eois: bool | None = None


@dataclass(frozen=True, slots=True)
class EoiFacts:
    """An EOI as it stands."""

    #: `EoiState`, or `NOT_YET` for one that is about to be begun.
    state: EoiState | str
    #: The organisation that applies.
    applicant: str
    #: Who recorded the review, and for whom; None before it.
    reviewed_by: str | None = None
    reviewed_on_behalf_of: str | None = None
    #: When a submission arrived, at the earliest, that was refused as `closed-in-flight`; None if none was.
    refused_in_flight_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """One question, whole: who asks what of which thing, and when."""

    actor: Actor
    #: The instant of arrival, UTC: by then it was there.
    now: datetime
    call: CallFacts
    #: None where the question concerns the call itself.
    eoi: EoiFacts | None = None
    #: The reason given, stripped; None or empty where none was.
    reason: str | None = None
    #: The new deadline asked for by `extend`.
    new_closes_at: datetime | None = None
    #: How long it may have been there before `now`, seen by nobody.
    waited: timedelta = timedelta()

    @property
    def earliest(self) -> datetime:
        """The instant before which it was not there for certain."""
        return self.now - self.waited
