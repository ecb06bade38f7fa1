"""The letters' texts as templates for GOV.UK Notify, to be pasted there.

Made from the files that letters are written from, a council's own among them, so that people read the same
whichever way it comes. What is said at times only becomes Notify's optional content: `((name??text))`.
Source: alphagov/notifications-utils, `field.py` and `markdown.py`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from adapters.outbound.letters import Letters
from adapters.outbound.letters.shape import HEADING, Part
from adapters.outbound.letters.words import STATES
from adapters.outbound.notify_words import AFTER, BEFORE
from states.errors import BadInput
from states.events import EventType, Ping

#: A letter's variable -> the placeholder for it, which holds the same.
PLACEHOLDERS: Final = {
    "call_reference": "call_reference",
    "call_title": "call_title",
    "contact": "contact",
    "deadline": "deadline",
    "last_day": "last_day",
    "applicant": "applicant",
    "applicant_name": "applicant_name",
    "eoi_id": "eoi_reference",
    "happened_at": "happened_at",
    "happened_on": "happened_on",
}
#: Those of them that an event of a call has nothing for.
OF_EOIS: Final = ("applicant", "applicant_name", "eoi_id")

_WHOLE: Final = re.compile(rf"\(\((?:{'|'.join(PLACEHOLDERS.values())})\)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What to paste for one event."""

    event: EventType | Ping
    subject: str
    #: In Notify's own Markdown.
    message: str


def text(letters: Letters, kind: EventType | Ping) -> Text:
    """Return the template for one kind of event.

    Raises:
        BadInput: its letter does what no template of Notify's can.
    """
    before, after = (letters.filled_in(kind, _words(kind, before_deadline=early)) for early in (True, False))
    subject = "".join(_both(kind, [before[0]], [after[0]]))
    message = "\n\n".join(_both(kind, _marked_up(before[1]), _marked_up(after[1])))
    for said in (subject, message):
        _require_whole(kind, said)
    return Text(event=kind, subject=subject, message=message)


def page(texts: Iterable[Text]) -> str:
    """Return texts as a page of Markdown: docs/notify-templates.md."""
    blocks = (f"## {each.event}\n\n```\n{each.subject}\n```\n\n```\n{each.message}\n```\n" for each in texts)
    return "\n".join((_HEAD, *blocks))


def _words(kind: EventType | Ping, *, before_deadline: bool) -> dict[str, object]:
    of_call = kind.startswith("call.")
    places = {
        name: "" if of_call and name in OF_EOIS else f"(({place}))" for name, place in PLACEHOLDERS.items()
    }
    # A template is for one kind of event, and nothing can be attached.
    return {**places, "state": STATES[kind], "before_deadline": before_deadline, "calendar": False}


def _marked_up(parts: Sequence[Part]) -> list[str]:
    return [f"{HEADING if part.kind == 'heading' else ''}{part.text}" for part in parts]


def _both(kind: EventType | Ping, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Yield what stands in both, and as optional content what stands in one of them."""
    for tag, begin, end, begin_after, end_after in SequenceMatcher(None, before, after).get_opcodes():
        if tag == "equal":
            yield from before[begin:end]
            continue
        for flag, pieces in ((BEFORE, before[begin:end]), (AFTER, after[begin_after:end_after])):
            if pieces:
                yield f"(({flag}??{_optional(kind, pieces)}))"


def _optional(kind: EventType | Ping, pieces: Sequence[str]) -> str:
    said = "\n\n".join(pieces)
    if "(" in said or ")" in said:
        _refuse(kind, "says something at times only in which something is filled in, or brackets stand")
    # A heading is one only at the beginning of a line.
    return f"\n{said}" if said.startswith(HEADING) else said


def _require_whole(kind: EventType | Ping, said: str) -> None:
    """Refuse a placeholder that was changed on its way, by a filter or so: Notify would not know it."""
    if "((" in _WHOLE.sub("", said.replace(f"(({BEFORE}??", "").replace(f"(({AFTER}??", "")):
        _refuse(kind, "changes what is filled in, such as by a filter")


def _refuse(kind: EventType | Ping, does: str) -> None:
    msg = f"No template for GOV.UK Notify can be made of {kind}.txt: it {does}, which Notify cannot."
    raise BadInput(msg, field="letters", file=f"{kind}.txt")


_HEAD: Final = """\
# Templates for GOV.UK Notify

For each event the subject and the message of a template of the kind *email*, to be pasted into GOV.UK Notify
as they stand. They say what our letters say. `eoi notify-templates --markdown` writes this page; with letters
of your own (`EOI_LETTERS`) it says yours. What to do with them, and what each placeholder holds, is told in
[notify.md](notify.md).
"""
