"""Council management-information sheets, read as plain text.

`read_sheet` turns a file's bytes into a `Sheet`, or refuses and says what it found and how to give
the missing part explicitly. The real sheet is examples/mi-sheet-46-23.txt. Asks no clock, opens no file.

    documents       bytes -> text
    labels          labelled lines: reference, contact, audience, phase
    addresses       e-mail addresses, telephone numbers, links
    dates, times    single dates and times, read strictly
    mentions        where they stand in a text
    folding         plain spaces, hyphens, digits; what may look otherwise than it reads
    places          the words around each
    closing_words   the words that make one a closing date
    doubts          the words that leave one in doubt
    ties            which of them stand with such words
    closing         what they amount to
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from unicodedata import normalize

from adapters.inbound.addresses import has_address, has_link, has_mail_or_phone
from adapters.inbound.closing import Closing, closing_given, closing_in
from adapters.inbound.dates import read_date
from adapters.inbound.documents import BadDocument, text_of
from adapters.inbound.folding import prepared, unmarked
from adapters.inbound.labels import LONGEST, labelled, mentions_pack, phase_in, reference_in, title_in
from adapters.inbound.mentions import mentions
from adapters.inbound.times import END_OF_DAY, read_time
from states.deadlines import deadline_in_words, instant, moment_in_words, zone
from states.errors import BadDeadline
from states.text import plain_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a management-information sheet says about one call."""

    #: The council's own reference: 46/23.
    reference: str
    #: The sheet's title, as it stands there.
    title: str
    #: The instant of publication, UTC; None where there is none, or it cannot be read.
    opens_at: datetime | None
    #: The words of the publication date; None where there are none.
    opening_words: str | None
    #: Who may be asked.
    contact: str | None
    #: For whom it is meant.
    audience: str | None
    #: "Primary", "Secondary", "Early Years", "Nursery", "Post-16", "All-through"; None where unclear.
    phase: str | None
    #: The last local day on which an EOI can be in time.
    closes_on: date
    #: The first instant that is too late, UTC.
    closes_at: datetime
    #: IANA name of the zone in which the sheet's times are meant.
    timezone: str
    #: The sheet's own words: "apply by 17 March 2023"; None where the closing was given beside the sheet.
    closing_words: str | None
    #: Whether a time of day was given for the closing.
    time_given: bool
    #: Whether a reader can reach somebody: an e-mail address or telephone number anywhere in
    #: the sheet, or a link in the contact's own line.
    contact_has_address: bool
    #: Whether it speaks of a pack, or of a link to follow.
    pack_mentioned: bool
    #: Whether it holds a link at all.
    link_given: bool


def read_sheet(
    data: bytes,
    *,
    timezone: str = "Europe/London",
    closes_on: date | None = None,
    closes_at: datetime | None = None,
    opens_at: datetime | None = None,
    reference: str | None = None,
    title: str | None = None,
) -> Sheet:
    """Read a management-information sheet.

    Args:
        data: the file, whole; plain text of at most 256 KiB in UTF-8, UTF-16 with a byte order mark,
            or Windows-1252.
        timezone: IANA name of the zone in which its times are meant.
        closes_on: the last local day to apply, instead of what the sheet says about closing.
        closes_at: the same to the minute: aware, or a local wall time.
        opens_at: aware, instead of the sheet's publication.
        reference: instead of what the sheet says.
        title: instead of what the sheet says.

    Raises:
        BadDocument: `empty-document`, `document-too-large`, `not-text`, `no-reference`, `no-title`.
        BadDeadline: `closing-before-publication`, or what `closing` and `states.deadlines` refuse.
        BadInput: a reference or title given that is no plain text.
    """
    zone(timezone)
    text = unmarked(text_of(data, what="sheet"))
    labels = labelled(text)
    closing = closing_given(closes_on, closes_at, timezone) or closing_in(prepared(text), timezone)
    opens_at = opens_at or _publication(labels.get("published", ""), timezone)
    if opens_at and closing.closes_at <= opens_at:
        raise _backwards(opens_at, closing, timezone)
    titled = _stated(title, title_in(text, labels), field="title", example="'Specialist Resource Bases'")
    contact = labels.get("contact", "")
    return Sheet(
        reference=_stated(reference, reference_in(text, labels), field="reference", example="46/23"),
        title=titled,
        opens_at=opens_at,
        opening_words=_short(labels.get("published")),
        contact=_short(contact),
        audience=_short(labels.get("audience")),
        phase=phase_in(labels.get("phase", ""), titled, text),
        closes_on=closing.closes_on,
        closes_at=closing.closes_at,
        timezone=timezone,
        closing_words=closing.words,
        time_given=closing.time_given,
        contact_has_address=has_address(contact) or has_mail_or_phone(text),
        pack_mentioned=mentions_pack(text),
        link_given=has_link(text),
    )


def _publication(words: str, timezone: str) -> datetime | None:
    """Return the instant of "14/03/2023 10:00:00"; without a time, the beginning of that day."""
    found = next((each for each in mentions(prepared(words)) if each.date_words), None)
    try:
        day = read_date(found.date_words) if found and found.date_words else None
        if found is None or day is None:
            return None
        at = read_time(found.time_words).at if found.time_words else time()
        return instant(datetime.combine(day, time() if at == END_OF_DAY else at), timezone)
    except BadDeadline:
        return None  # the lint says that it could not be read


def _backwards(opens_at: datetime, closing: Closing, timezone: str) -> BadDeadline:
    said = f' ("{closing.words}")' if closing.words else ""
    msg = (
        f"It would close at {deadline_in_words(closing.closes_at, timezone)}{said}, and was published at "
        f"{moment_in_words(opens_at, timezone)}. Say when it closes with --closes-on or --closes-at."
    )
    return BadDeadline(msg, code="closing-before-publication", closes_at=closing.closes_at, opens_at=opens_at)


def _stated(given: str | None, found: str | None, *, field: str, example: str) -> str:
    value = found if given is None else given
    if value is None:
        msg = f"The sheet has no {field} that can be made out. Say it with --{field} {example}."
        raise BadDocument(msg, code=f"no-{field}", field=field)
    return plain_text(value, field=field, longest=LONGEST)


def _short(value: str | None) -> str | None:
    """Return a value for people to read: in normal form, cut where it is too long to be one."""
    if not value:
        return None
    cut = value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
    return normalize("NFC", cut)
