"""What the engine's face has besides, and no server is asked: each says so, and where it is asked."""

from datetime import datetime
from typing import Any, Never

from adapters.client.errors import NeedsDatabase


class NoOutbox:
    """Stands where an engine has its outbox."""

    def oldest_waiting(self) -> datetime | None:
        """Return that nothing is known of it."""
        return None


class Unasked:
    """The part of the engine's face that needs the database."""

    #: Of what waits for the pump, only the database tells.
    outbox = NoOutbox()

    def explain(self, *_: Any, **__: Any) -> Never:  # noqa: ANN401 -- whatever an engine takes
        """Refuse: a server tells of every move at once."""
        msg = (
            "A server tells of every move at once: ask `eoi allowed EOI` (`allowed`), or the database (--db)."
        )
        raise NeedsDatabase(msg)

    def explain_event(self, *_: Any, **__: Any) -> Never:  # noqa: ANN401 -- as above
        """Refuse: the table that says what an event fires is the server's."""
        msg = "What an event would fire is not asked over HTTP: it needs the database (--db) and that table."
        raise NeedsDatabase(msg)

    def contact_lists(self, *_: Any, **__: Any) -> Never:  # noqa: ANN401 -- as above
        """Refuse: lists of contacts are kept beside the database."""
        msg = "Lists of contacts are not asked over HTTP: they need the database (--db)."
        raise NeedsDatabase(msg)
