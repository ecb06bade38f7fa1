"""What GOV.UK Notify is asked to send: which template, and the words for its ((placeholders)).

docs/notify.md lists the placeholders for whoever writes templates; a test holds the two together.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NoReturn, Self

from states.deadlines import (
    date_in_words,
    day_it_counts_for,
    deadline_in_words,
    happening_in_words,
    last_day,
    zone,
)
from states.errors import BadInput
from states.events import Event, EventType, Ping
from workflow.hooks import event_types
from workflow.ports import About

#: What the operator sets to say which template is for which event.
VARIABLE: Final = "EOI_NOTIFY_TEMPLATES"
#: What Notify is to sanitise: words that somebody outside the council has written, and that may hold links.
#: Source: GOV.UK Notify, REST API, "Reducing the risk of malicious content injection in placeholders".
UNTRUSTED: Final = ("applicant_name",)
#: The placeholders for what is said only where something happened before the deadline, or not before it.
BEFORE: Final = "before_deadline"
AFTER: Final = "after_deadline"
#: Whom to ask where a call names nobody.
NOBODY_NAMED: Final = "the council"

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class Templates:
    """Which template is for which event."""

    def __init__(self, given: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        """Take patterns of events (`call.opened`, `call.*`, `*`) and ids; the first that fits counts.

        Raises:
            BadInput: none at all, a pattern that fits no event, an id that is none, or a pattern that can
                never count, since those before it fit all that it fits.
        """
        self._of: dict[EventType | Ping, str] = {}
        for pattern, template in given.items() if isinstance(given, Mapping) else given:
            self._add(pattern, template)
        if not self._of:
            _refuse("names no template: give one such as call.*=<template id>.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `EOI_NOTIFY_TEMPLATES`: `call.*=<template id>, eoi.approved=<template id>`.

        Raises:
            BadInput: see the class; the message names the variable.
        """
        entries = [entry.partition("=") for entry in text.split(",") if entry.strip()]
        return cls([(pattern.strip(), template.strip()) for pattern, _, template in entries])

    def template(self, type_: EventType | Ping) -> str | None:
        """Return the id of the template for events of a type; None: there is none."""
        return self._of.get(type_)

    def _add(self, pattern: str, template: str) -> None:
        if not is_uuid(template):
            _refuse(f"must be <event>=<template id>, with commas between them; {pattern!r} has no id.")
        try:
            fresh = [each for each in event_types(pattern) if each not in self._of]
        except BadInput as exc:
            _refuse(f"cannot be read: {exc.message}")
        if not fresh:
            _refuse(f"has {pattern!r} where it can never count: what stands before it fits all of it.")
        self._of.update(dict.fromkeys(fresh, template))


def is_uuid(value: object) -> bool:
    """Return whether this is written as Notify writes its ids."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def personalisation(event: Event, about: About) -> dict[str, str]:
    """Return the words for every placeholder that a template may use; none is missing, some are empty.

    Raises:
        BadInput: the call's time zone is none.
    """
    place, is_before = zone(about.timezone), event.at < event.closes_at
    return {
        "event": event.type.value,
        "call_reference": event.call_reference,
        "call_title": about.title,
        "opens_on": date_in_words(about.opens_at.astimezone(place).date()),
        "deadline": deadline_in_words(event.closes_at, about.timezone),
        "last_day": date_in_words(last_day(event.closes_at, about.timezone)),
        "contact": about.contact or NOBODY_NAMED,
        "has_contact": _yes_or_no(bool(about.contact)),
        "eoi_reference": event.eoi_id or "",
        "applicant": event.applicant or "",
        "applicant_name": about.applicant_name or event.applicant or "",
        "state": event.state,
        "state_before": event.source or "",
        "happened_on": date_in_words(day_it_counts_for(event.at, event.closes_at, about.timezone)),
        "happened_at": happening_in_words(event.at, event.closes_at, about.timezone),
        BEFORE: _yes_or_no(is_before),
        AFTER: _yes_or_no(not is_before),
    }


def _yes_or_no(value: bool) -> str:  # noqa: FBT001 -- there is nothing else to say
    """Return what Notify's optional content asks for: `((has_contact??…))`."""
    return "yes" if value else "no"


def _refuse(message: str) -> NoReturn:
    msg = f"{VARIABLE} {message}"
    raise BadInput(msg, field="notify_templates") from None
