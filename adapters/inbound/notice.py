"""What the deadline lint asks of a call, and the answer for a call that has no sheet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.inbound.addresses import has_address


class Announcement(Protocol):
    """What the lint asks of a call; a `Sheet` answers, and so does a `Notice`."""

    @property
    def opens_at(self) -> datetime | None:
        """The instant from which applicants can know of it; None where that is not known."""

    @property
    def opening_words(self) -> str | None:
        """The words of the publication date; None where there are none."""

    @property
    def closes_at(self) -> datetime:
        """The first instant that is too late."""

    @property
    def timezone(self) -> str:
        """IANA name of the zone in which the deadline is told."""

    @property
    def time_given(self) -> bool:
        """Whether a time of day was given, not only a date."""

    @property
    def contact(self) -> str | None:
        """Who may be asked."""

    @property
    def contact_has_address(self) -> bool:
        """Whether it is said how to reach them."""

    @property
    def pack_mentioned(self) -> bool:
        """Whether a pack or link is spoken of."""

    @property
    def link_given(self) -> bool:
        """Whether a link is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A call given by options, without a sheet."""

    #: The first instant that is too late, aware.
    closes_at: datetime
    #: IANA name of the zone in which the deadline is told.
    timezone: str = "Europe/London"
    #: When it opens; None: at the `now` of the lint.
    opens_at: datetime | None = None
    #: Whether a time of day was given, not only a date.
    time_given: bool = True
    #: Who may be asked, with an address where there is one.
    contact: str | None = None
    #: Whether a pack or link is spoken of.
    pack_mentioned: bool = False
    #: Whether a link is given.
    link_given: bool = False
    #: Sheets only.
    opening_words: str | None = None

    @property
    def contact_has_address(self) -> bool:
        """Whether the contact holds an e-mail address, telephone number or link."""
        return has_address(self.contact or "")
