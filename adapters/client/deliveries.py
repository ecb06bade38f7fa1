"""Deliveries over HTTP. They take no key: what may be done is not sent again by itself."""

from datetime import datetime
from typing import Final

from adapters.client.asking import Asks, at, given
from adapters.client.documents import Dropped, Redriven, Retried
from adapters.client.errors import NeedsDatabase
from adapters.documents import document
from workflow import Actor, DeliveryDetail, DeliveryView, EndpointStats
from workflow.inputs import aware, whole_number

_DELIVERIES: Final = "/deliveries"


class Deliveries(Asks):
    """The part of the engine's face that is what is on its way to receivers, and what was."""

    def deliveries(
        self, *, state: str | None = None, endpoint: str | None = None, before: int | None = None,
        limit: int = 50, actor: Actor | None = None,
    ) -> list[DeliveryView]:  # fmt: skip
        """Return deliveries (pending, delivered, parked), newest first.

        Raises:
            NeedsDatabase: from a place on: a server's lists go on by cursors.
        """
        if before is not None:
            msg = "A server's list of deliveries begins with the newest: leave `before` out, or use --db."
            raise NeedsDatabase(msg)
        query = {"state": state, "endpoint": endpoint}
        return list(self._page(DeliveryView, _DELIVERIES, query, after=None, limit=limit, actor=actor))

    def delivery(self, delivery_id: int, *, actor: Actor | None = None) -> DeliveryDetail:
        """Return one delivery with every attempt."""
        return self._get(DeliveryDetail, _delivery(delivery_id), actor=actor)

    def delivery_stats(self, *, actor: Actor | None = None) -> list[EndpointStats]:
        """Return how it stands with what there is for each endpoint."""
        return self._every(EndpointStats, "/outbox/stats", actor=actor)

    def retry(self, delivery_id: int | None = None, *, actor: Actor | None = None) -> int:
        """Put a parked delivery (None: all of them) back into its line; return how many."""
        if delivery_id is None:
            return self.redrive(actor=actor)
        return self._plain(Retried, "POST", _delivery(delivery_id, "retry"), actor=actor).retried

    def redrive(
        self, *, since: datetime | None = None, endpoint: str | None = None, delivered: bool = False,
        actor: Actor | None = None,
    ) -> int:  # fmt: skip
        """Put what is parked back into its line; return how many."""
        instant = None if since is None else document(aware(since, field="since"))
        body = given(since=instant, endpoint=endpoint, delivered=delivered)
        return self._plain(Redriven, "POST", "/outbox/redrive", body, actor=actor).redriven

    def drop_delivery(
        self, delivery_id: int | None = None, *, endpoint: str | None = None, actor: Actor | None = None
    ) -> int:
        """Forget a parked delivery (None: all of them) with its attempts; return how many."""
        if delivery_id is None:
            body = {"endpoint": endpoint}
            return self._plain(Dropped, "POST", "/outbox/drop", body, actor=actor).dropped
        query = {} if endpoint is None else {"endpoint": endpoint}
        return self._plain(Dropped, "DELETE", _delivery(delivery_id), query=query, actor=actor).dropped


def _delivery(delivery_id: int, *parts: str) -> str:
    return at("deliveries", whole_number(delivery_id, field="delivery_id"), *parts)
