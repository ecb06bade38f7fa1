"""Which event from elsewhere fires what, on what: rules, and how each finds its words in an event."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Final, Never

from states.errors import BadInput
from workflow.cloud_events import LONGEST, CloudEvent, in_words, instant_of
from workflow.ids import shown

_OF_EOI: Final = frozenset({"eoi", "call", "applicant", "reason"})
_OF_CALL: Final = frozenset({"call", "reason"})
#: Trigger -> what a rule for it may say.
TRIGGERS: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"call", "applicant", "applicant_name", "answers"}),
    "save": _OF_EOI | {"answers"},
    **dict.fromkeys(("submit", "review", "approve", "decline", "withdraw", "reinstate"), _OF_EOI),
    "extend": _OF_CALL | {"closes_at"},
    "close": _OF_CALL,
    "cancel": _OF_CALL,
}
#: Trigger -> what a rule for it must say.
_NEEDED: Final[Mapping[str, str]] = {"save": "answers", "extend": "closes_at"}
#: What of these is a call by itself, unless the rule says where else it stands.
_OF_A_CALL: Final = frozenset({"draft", "extend", "close", "cancel"})

# What happened, in words with dots between them; or all that begins so.
_TYPE: Final = re.compile(r"[!-~]+")
_EVERY: Final = ".*"
# A name in data is anything that is no part of this little language.
_PATH: Final = re.compile(r"(subject|data(?:\.[^.{}?]+)*)(\?)?")
_HOLE: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A rule: what an event of a type fires, and where in the event its words stand.

    A place is `subject`, or a path in the data: `data.eoi`; with a question mark after it what stands there
    may be missing, where the move can do without. In a text with braces, `URN:{data.urn}`, they are filled
    in. Nothing in an event says who acts: that is whoever gave it.

    Raises:
        BadInput: `field` names what is wrong.
    """

    #: `forms.eoi.submitted`, or `forms.eoi.*`: all that begin so. The nearest rule counts.
    type: str
    #: What it fires: draft, save, submit, review, approve, decline, withdraw, reinstate; of a call: extend,
    #: close, cancel.
    trigger: str
    #: Where the EOI's id stands; `subject`, if neither it nor `call` is said.
    eoi: str | None = None
    #: Or where the call stands, by id or reference, of which the applicant's one live EOI is meant. Of what
    #: fires something on a call, or begins an EOI, the call; `subject`, if it is not said.
    call: str | None = None
    #: Where the organisation's id stands; the actor's only one, if it is not said.
    applicant: str | None = None
    #: For `draft`: where its name stands.
    applicant_name: str | None = None
    #: For `draft` and `save`: where the form stands, an object; nothing, if it is not said.
    answers: str | None = None
    #: Where the reason stands.
    reason: str | None = None
    #: For `extend`: where the new deadline stands, an instant as RFC 3339 has it.
    closes_at: str | None = None

    def __post_init__(self) -> None:
        """Check what is said, and say the rest."""
        _check_type(self.type)
        takes = TRIGGERS.get(self.trigger) if isinstance(self.trigger, str) else None
        if takes is None:
            known = ", ".join(TRIGGERS)
            _refuse("trigger", f"There is no trigger {shown(self.trigger)}. Triggers are: {known}.")
        said = places_of(self)
        for name, place in said.items():
            if name not in takes:
                _refuse(name, f"{self.trigger} takes no {name}; it takes: {', '.join(sorted(takes))}.")
            if _place(name, place).may_be_missing and name in ("eoi", "call", _NEEDED.get(self.trigger)):
                _refuse(
                    name, f"Without {name} there is nothing to {self.trigger}: leave out the question mark."
                )
        if (needed := _NEEDED.get(self.trigger)) and needed not in said:
            _refuse(needed, f"To {self.trigger} it takes {needed}: say where that stands.")
        self._settle_subject(said)

    def _settle_subject(self, said: Mapping[str, str]) -> None:
        if {"eoi", "call"} <= said.keys():
            _refuse("eoi", "Say where the EOI stands, or the call whose live EOI it is; not both.")
        if "applicant" in said and "call" not in said and self.trigger != "draft":
            _refuse(
                "applicant", "An applicant goes with the call whose live EOI is meant: say where that stands."
            )
        if "eoi" not in said and "call" not in said:
            object.__setattr__(self, "call" if self.trigger in _OF_A_CALL else "eoi", "subject")


def is_of_eoi(rule: Handle) -> bool:
    """Whether it fires something on an EOI that is there."""
    return rule.trigger not in _OF_A_CALL


def places_of(rule: Handle) -> dict[str, str]:
    """Return what the rule says of where each thing stands."""
    said = ((field.name, getattr(rule, field.name)) for field in fields(rule)[2:])  # after type and trigger
    return {name: place for name, place in said if place is not None}


def said_to(rule: Handle, event: CloudEvent) -> dict[str, object]:
    """Return what an event says to its rule, by name.

    Raises:
        BadInput: it does not; `field` is the path where something is missing, or is something else.
    """
    return {name: _READ.get(name, _text_at)(_place(name, at), event) for name, at in places_of(rule).items()}


class Handles:
    """The whole table."""

    def __init__(self, handles: Iterable[Handle]) -> None:
        """Take the rules.

        Raises:
            BadInput: one that is none, or two for one type.
        """
        self._by_type: dict[str, Handle] = {}
        for each in handles:
            if not isinstance(each, Handle):
                _refuse("handles", f"A table holds Handles, and no {type(each).__name__}.")
            if self._by_type.setdefault(each.type, each) is not each:
                _refuse("type", f"There are two rules for {each.type}: an event fires one thing.")

    def rule_for(self, type_: str) -> Handle | None:
        """Return the rule for a type: its own, else the one whose beginning is the longest; None: none is."""
        found = self._by_type.get(type_)
        while found is None and "." in type_:
            type_ = type_.rpartition(".")[0]
            found = self._by_type.get(type_ + _EVERY)
        return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something stands in an event."""

    path: str
    #: The texts around each path, where it is a text with holes: one more than there are paths.
    around: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    may_be_missing: bool = False


@lru_cache(maxsize=1024)
def _place(name: str, said: object) -> _Place:
    """Return the place that a rule says.

    Raises:
        BadInput: it is none.
    """
    if isinstance(said, str) and "{" in said and name != "answers":
        *pieces, last = _HOLE.split(said)
        around, paths = (*pieces[::2], last), tuple(pieces[1::2])
        whole = all(_PATH.fullmatch(path) and path[-1] != "?" for path in paths)
        if whole and not any(sign in text for text in around for sign in "{}"):
            return _Place(said, around, paths)
    elif isinstance(said, str) and (found := _PATH.fullmatch(said)):
        return _Place(found[1], may_be_missing=found[2] is not None)
    msg = f"{shown(said)} is no place in an event: say subject, data.name, data.name?, or URN:{{data.name}}."
    raise BadInput(msg, field=name)


def _found_at(path: str, event: CloudEvent) -> object:
    """Return what stands at a path; None where nothing does."""
    head, *names = path.split(".")
    found: object = event.subject if head == "subject" else event.data
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _value_at(place: _Place, event: CloudEvent) -> object:
    found = _found_at(place.path, event)
    if found is None and not place.may_be_missing:
        raise _missing(place.path)
    return found


def _text_at(place: _Place, event: CloudEvent) -> object:
    if place.paths:
        first, *others = place.around
        filled = zip(place.paths, others, strict=True)
        return first + "".join(_filled(path, event) + text for path, text in filled)
    found = _value_at(place, event)
    if found is None or isinstance(found, str):
        return found
    raise _unlike(place.path, "a text", found)


def _filled(path: str, event: CloudEvent) -> str:
    found = _found_at(path, event)
    if found is None:
        raise _missing(path)
    if isinstance(found, str | int) and not isinstance(found, bool):
        return str(found)
    raise _unlike(path, "a text or a whole number", found)


def _object_at(place: _Place, event: CloudEvent) -> object:
    found = {} if (value := _value_at(place, event)) is None else value
    if isinstance(found, Mapping):
        return found
    raise _unlike(place.path, "an object", found)


def _instant_at(place: _Place, event: CloudEvent) -> datetime | None:
    words = _text_at(place, event)
    found = instant_of(words) if isinstance(words, str) else None
    if words is not None and found is None:
        _refuse(place.path, f"{place.path} must be an instant (RFC 3339), such as 2023-03-24T17:00:00Z.")
    return found


#: What is no text.
_READ: Final = {"answers": _object_at, "closes_at": _instant_at}


def _check_type(type_: object) -> None:
    fits = isinstance(type_, str) and _TYPE.fullmatch(type_) and len(type_) <= LONGEST["type"]
    if not fits or "*" in str(type_).removesuffix(_EVERY) or type_ == _EVERY:
        _refuse("type", f"{shown(type_)} is no type: say forms.eoi.submitted, or forms.eoi.* for all such.")


def _missing(path: str) -> BadInput:
    return BadInput(f"The event has no {path}.", field=path)


def _unlike(path: str, wanted: str, found: object) -> BadInput:
    return BadInput(f"{path} must be {wanted}, not {in_words(found)}.", field=path)


def _refuse(field: str, message: str) -> Never:
    raise BadInput(message, field=field)
