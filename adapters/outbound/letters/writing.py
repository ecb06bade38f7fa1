"""Letters, written from the templates; all of them once before the first is sent, to see that they can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from adapters.outbound.calendar import deadline_calendar
from adapters.outbound.letters.samples import MARK, samples
from adapters.outbound.letters.shape import Part, parts
from adapters.outbound.letters.templates import LAYOUT, Templates
from adapters.outbound.letters.words import one_line, words
from states.errors import BadInput
from states.events import Event, EventType, Ping
from workflow.ports import About, Delivery

#: What the first line of a template begins with.
SUBJECT: Final = "Subject:"

_OF_HTML: Final = frozenset({"subject", "parts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one person is told of one event."""

    #: One line.
    subject: str
    #: Plain text; lines end in `\\n`.
    text: str
    #: The same, as a page of its own.
    html: str
    #: The deadline as an .ics, where the event sets one.
    calendar: bytes | None = None


class Letters:
    """Writes letters; threads share one."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read every template and write every letter once, with made-up facts.

        Args:
            folder: a council's own files; each takes the place of ours with the same name. None: ours alone.

        Raises:
            BadInput: one of them cannot be used; the message names the file and the line.
        """
        variables = frozenset(words(*samples()[0]))
        self._templates = Templates(folder, variables=variables, of_html=_OF_HTML)
        for event, about in samples():
            self._prove(event, about)
        # What a call tells its audience is written once, not for each school.
        self._kept = lru_cache(maxsize=32)(partial(self._write, explain=False))

    def write(self, delivery: Delivery) -> Letter:
        """Return the letter about a delivery's event.

        Raises:
            BadInput: it cannot be written; the message repeats none of its words.
        """
        if delivery.about is None:
            msg = "What the letter has to say about its call is not known."
            raise BadInput(msg, field="letters")
        return self._kept(delivery.event, delivery.about)

    def written(self, event: Event, about: About) -> Letter:
        """Return the letter with facts that are nobody's: what is wrong is said in words that may quote them.

        Raises:
            BadInput: it cannot be written; the message names file and line.
        """
        return self._write(event, about, explain=True)

    def filled_in(
        self, kind: EventType | Ping, known: Mapping[str, object], *, explain: bool = True
    ) -> tuple[str, tuple[Part, ...]]:
        """Return the subject and the parts of the letter about a kind of event.

        Args:
            kind: of event.
            known: every variable (`words`), with what is to stand in its place.
            explain: say what is wrong in words that may quote those.

        Raises:
            BadInput: it cannot be written; the message names file and line.
        """
        source = f"{kind}.txt"
        return _split(self._templates.render(source, known, explain=explain), source)

    def _write(self, event: Event, about: About, *, explain: bool) -> Letter:
        known = words(event, about)
        subject, body = self.filled_in(event.type, known, explain=explain)
        html = self._html(event, {**known, "subject": subject, "parts": body}, explain=explain)
        calendar = deadline_calendar(event, about) if known["calendar"] else None
        text = "\n\n".join(part.text for part in body) + "\n"
        return Letter(subject=subject, text=text, html=html, calendar=calendar)

    def _html(self, event: Event, known: dict[str, object], *, explain: bool) -> str:
        return self._templates.render(self._page(event), known, explain=explain)

    def _page(self, event: Event) -> str:
        own = f"{event.type}.html"
        return own if own in self._templates else LAYOUT

    def _prove(self, event: Event, about: About) -> None:
        html = self._write(event, about, explain=True).html
        if MARK in html.casefold():
            file = self._page(event)
            msg = f"The letters cannot be used. {file} shows the words of others without escaping them."
            raise BadInput(msg, field="letters", file=file)


def _split(text: str, file: str) -> tuple[str, tuple[Part, ...]]:
    """Return the subject, and the parts of what comes after it."""
    first, _, rest = text.partition("\n")
    subject, body = one_line(first.removeprefix(SUBJECT)), parts(rest)
    if not first.startswith(SUBJECT) or not subject:
        msg = f"The letters cannot be used. {file}, line 1: Write {SUBJECT!r} and what the letter is about."
        raise BadInput(msg, field="letters", file=file, line=1)
    if not body:
        msg = f"The letters cannot be used. {file}: There is nothing after the subject."
        raise BadInput(msg, field="letters", file=file)
    return subject, body
