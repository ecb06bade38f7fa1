"""A host's functions, called in this process after the commit. Best effort: couriers are the durable way."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from states.errors import BadInput
from states.events import Event, EventType
from workflow.log import get_log
from workflow.ports import Hook

_log = get_log("hooks")


class Hooks:
    """Who wants to hear of what."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._by_type: dict[EventType, tuple[Hook, ...]] = {}

    def on(self, pattern: str, hook: Hook) -> None:
        """Call `hook` with each event whose type fits: `eoi.submitted`, `eoi.*`, `*`.

        Raises:
            BadInput: no event's type fits.
        """
        for each in event_types(pattern):
            self._by_type[each] = (*self._by_type.get(each, ()), hook)

    def tell(self, events: Iterable[Event]) -> None:
        """Call who wants to hear; what a hook raises is logged, and stops nobody else."""
        for event in events:
            for hook in self._by_type.get(event.type, ()):
                try:
                    hook(event)
                except Exception:  # noqa: BLE001 -- a host's function may raise anything; the commit stands
                    _log.exception("hook.failed", type=event.type, event_id=event.id)


def event_types(pattern: str) -> list[EventType]:
    """Return the event types that a pattern fits.

    Raises:
        BadInput: none does.
    """
    found = [each for each in EventType if isinstance(pattern, str) and fnmatchcase(each, pattern)]
    if not found:
        known = ", ".join(EventType)
        msg = f"No event is called {pattern!r}. Events are: {known}; patterns such as eoi.* work too."
        raise BadInput(msg, field="events")
    return found
