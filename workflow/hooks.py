"""A host's functions, called in this process after the commit. Best effort: couriers are the durable way."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from states.errors import BadInput
from states.events import Event, EventType, Ping
from workflow.ids import shown
from workflow.log import get_log
from workflow.ports import Hook

#: No blanks: endpoints keep their patterns joined by them. No longer than any event with room for stars.
_PATTERN: Final = re.compile(r"[a-z.?*-]{1,64}")

_log = get_log("hooks")


@dataclass(frozen=True, eq=False)
class _Entry:
    """One wish to hear; the same hook may stand in several."""

    hook: Hook


class Hooks:
    """Who wants to hear of what."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._changing = threading.Lock()
        self._by_type: dict[EventType | Ping, tuple[_Entry, ...]] = {}

    def on(self, pattern: str, hook: Hook) -> Callable[[], None]:
        """Call `hook` with each event whose type fits: `eoi.submitted`, `eoi.*`, `*`.

        Returns:
            What to call to end that; twice is harmless.

        Raises:
            BadInput: no event's type fits; nothing that can be called.
        """
        if not callable(hook):
            msg = f"A hook is called with each event; {type(hook).__name__} cannot be called."
            raise BadInput(msg, field="hook")
        types = event_types(pattern)
        entry = _Entry(hook)
        with self._changing:
            for each in types:
                self._by_type[each] = (*self._by_type.get(each, ()), entry)
        return lambda: self._forget(entry)

    def want(self, type_: EventType) -> bool:
        """Return whether anybody wants to hear of events of this type."""
        return bool(self._by_type.get(type_))

    def tell(self, event: Event) -> None:
        """Call who wants to hear; what a hook raises is logged, and stops nobody else."""
        for entry in self._by_type.get(event.type, ()):
            try:
                entry.hook(event)
            except Exception:  # noqa: BLE001 -- a host's function may raise anything; the commit stands
                _log.exception("hook.failed", type=event.type, event_id=event.id)

    def _forget(self, entry: _Entry) -> None:
        with self._changing:
            for each, entries in self._by_type.items():
                self._by_type[each] = tuple(other for other in entries if other is not entry)


def event_types(pattern: object, *, field: str = "events") -> list[EventType]:
    """Return the event types that a pattern fits; `field` is the name to use in the error.

    Raises:
        BadInput: none does.
    """
    fits = isinstance(pattern, str) and _PATTERN.fullmatch(pattern)
    found = [each for each in EventType if fits and fnmatchcase(each, str(pattern))]
    if not found:
        known = ", ".join(EventType)
        msg = f"No event is called {shown(pattern)}. Events are: {known}; patterns such as eoi.* work too."
        raise BadInput(msg, field=field)
    return found
