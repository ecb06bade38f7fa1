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

    def contact_lists(self, *_: Any, **__: Any) -> Never:  # noqa: ANN401 -- whatever an engine takes
        """Refuse: lists of contacts are kept beside the database."""
        msg = "Lists of contacts are not asked over HTTP: they need the database (--db)."
        raise NeedsDatabase(msg)
