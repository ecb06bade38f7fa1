"""Statements about endpoints."""

from typing import Final

from sqlalchemy import insert, select

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.tables import ENDPOINT
from workflow.views import EndpointView

_INSERT: Final = Prepared(
    insert(ENDPOINT), columns=("id", "courier", "url", "events", "created_at", "after_position")
)
_ALL: Final = Prepared(
    select(
        ENDPOINT.c.id, ENDPOINT.c.courier, ENDPOINT.c.url, ENDPOINT.c.events, ENDPOINT.c.created_at
    ).order_by(ENDPOINT.c.id)
)


def add(connection: Connection, view: EndpointView, *, after_position: int) -> None:
    """Write a new endpoint; it gets the events after `after_position`."""
    connection.run(
        _INSERT,
        id=view.id,
        courier=view.courier,
        url=view.url,
        events=" ".join(view.events),
        created_at=view.created_at,
        after_position=after_position,
    )


def every(connection: Connection) -> list[EndpointView]:
    """Return every endpoint, the oldest first."""
    return [
        EndpointView(id=id_, courier=courier, url=url, events=tuple(events.split()), created_at=created_at)
        for id_, courier, url, events, created_at in connection.rows(_ALL)
    ]
