"""Statements about endpoints."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, case, delete, func, insert, or_, select, update

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.tables import ENDPOINT
from workflow.views import EndpointView

#: After so many failures in a row an endpoint's circuit opens: it rests, then one delivery tries it.
OPENS_AT: Final = 5

_NEW: Final = (
    "id", "courier", "url", "events", "created_at", "after_position",
    "headers", "timeout_ms", "concurrency", "ordered", "secret", "failures",
)  # fmt: skip
_INSERT: Final = Prepared(insert(ENDPOINT), columns=_NEW)
_SEEN: Final = (
    "id", "courier", "url", "events", "created_at", "timeout_ms", "concurrency", "ordered",
    "old_secret_until", "disabled_at", "disabled_why", "failures", "failing_since", "rest_until",
)  # fmt: skip
_SELECT: Final = select(*(ENDPOINT.c[name] for name in _SEEN), ENDPOINT.c.secret, ENDPOINT.c.headers)
_ALL: Final = Prepared(_SELECT.order_by(ENDPOINT.c.id))
_IS_IT: Final = ENDPOINT.c.id == bindparam("the_id")
_ONE: Final = Prepared(_SELECT.where(_IS_IT))
_SEALED: Final = Prepared(
    select(ENDPOINT.c.headers, ENDPOINT.c.secret, ENDPOINT.c.old_secret, ENDPOINT.c.old_secret_until).where(
        _IS_IT
    )
)
_KEPT: Final = select(
    ENDPOINT.c.id,
    func.coalesce(ENDPOINT.c.secret, ""),
    func.coalesce(ENDPOINT.c.old_secret, ""),
    func.coalesce(ENDPOINT.c.headers, ""),
).order_by(ENDPOINT.c.id)
#: Whether to change it -> what is kept of every endpoint.
_KEPT_OF_ALL: Final = {False: Prepared(_KEPT), True: Prepared(_KEPT.with_for_update())}
_WELL: Final = {"failures": 0, "failing_since": None, "rest_until": None}
_DISABLE: Final = Prepared(
    update(ENDPOINT)
    .where(_IS_IT, ENDPOINT.c.disabled_at.is_(None))
    .values(disabled_at=bindparam("now"), disabled_why=bindparam("why"))
)
_ENABLE: Final = Prepared(update(ENDPOINT).where(_IS_IT).values(disabled_at=None, disabled_why=None, **_WELL))
_ROTATE: Final = Prepared(
    update(ENDPOINT)
    .where(_IS_IT)
    .values(
        secret=bindparam("new"),
        old_secret=ENDPOINT.c.secret,
        old_secret_until=bindparam("until"),
    )
)
_KEEP: Final = Prepared(
    update(ENDPOINT)
    .where(_IS_IT)
    .values(secret=bindparam("the_secret"), old_secret=bindparam("the_old"), headers=bindparam("the_headers"))
)
_REMOVE: Final = Prepared(delete(ENDPOINT).where(_IS_IT))
# Where the circuit is closed, or rests for longer than one that has just opened, it rests because it asked
# for that: whoever tries one that is open finds its rest over.
_HAS_ASKED: Final = or_(ENDPOINT.c.failures < OPENS_AT, ENDPOINT.c.rest_until > bindparam("soon"))
_IS_WELL: Final = Prepared(
    update(ENDPOINT)
    .where(_IS_IT, ENDPOINT.c.failures > 0)
    .values(**_WELL | {"rest_until": case((_HAS_ASKED, ENDPOINT.c.rest_until))})
)
_AILS: Final = Prepared(
    update(ENDPOINT)
    .where(_IS_IT)
    .values(
        failures=ENDPOINT.c.failures + bindparam("more"),
        failing_since=func.coalesce(
            ENDPOINT.c.failing_since, bindparam("now", type_=ENDPOINT.c.failing_since.type)
        ),
    )
)
_FAILING: Final = Prepared(select(ENDPOINT.c.failures, ENDPOINT.c.failing_since).where(_IS_IT))

_REST: Final = Prepared(
    update(ENDPOINT)
    .where(_IS_IT, or_(ENDPOINT.c.rest_until.is_(None), ENDPOINT.c.rest_until < bindparam("until")))
    .values(rest_until=bindparam("until"))
)


class Kept(NamedTuple):
    """What is kept of an endpoint that is nobody else's business, sealed; empty where there is none."""

    secret: str
    #: The one before it, which may be over.
    old_secret: str
    headers: str


def add(
    connection: Connection, view: EndpointView, *, after_position: int, secret: str, headers: str
) -> None:
    """Write a new endpoint; it gets the events after `after_position`. Secret and headers are sealed."""
    connection.run(
        _INSERT,
        id=view.id,
        courier=view.courier,
        url=view.url,
        events=" ".join(view.events),
        created_at=view.created_at,
        after_position=after_position,
        headers=headers,
        timeout_ms=None if view.timeout_s is None else round(1000 * view.timeout_s),
        concurrency=view.concurrency,
        ordered=view.ordered,
        secret=secret,
        failures=0,
    )


def every(connection: Connection) -> list[EndpointView]:
    """Return every endpoint, the oldest first."""
    return [_view(*row) for row in connection.rows(_ALL)]


def one(connection: Connection, endpoint_id: str) -> EndpointView | None:
    """Return one endpoint; None where there is none."""
    row = connection.row(_ONE, the_id=endpoint_id)
    return None if row is None else _view(*row)


def disable(connection: Connection, endpoint_id: str, *, now: datetime, why: str) -> None:
    """Let nothing be sent there, unless it is so already."""
    connection.run(_DISABLE, the_id=endpoint_id, now=now, why=why)


def enable(connection: Connection, endpoint_id: str) -> None:
    """Let everything be sent there again, its circuit closed."""
    connection.run(_ENABLE, the_id=endpoint_id)


def rotate(connection: Connection, endpoint_id: str, *, secret: str, old_until: datetime | None) -> None:
    """Give it a new secret, sealed; the one before it is valid until then, None: no more."""
    connection.run(_ROTATE, the_id=endpoint_id, new=secret, until=old_until)


def remove(connection: Connection, endpoint_id: str) -> None:
    """Remove it."""
    connection.run(_REMOVE, the_id=endpoint_id)


def is_well(connection: Connection, endpoint_id: str, *, soon: datetime) -> None:
    """Write down that something arrived: its circuit is closed.

    Args:
        connection: by which.
        endpoint_id: whose.
        soon: by when the rest of a circuit that has just opened is over; a longer one goes on.
    """
    connection.run(_IS_WELL, the_id=endpoint_id, soon=soon)


def ails(connection: Connection, endpoint_id: str, more: int, now: datetime) -> tuple[int, datetime] | None:
    """Write down so many failures; return how many there were since it was well, and since when.

    None where the endpoint is gone.
    """
    connection.run(_AILS, the_id=endpoint_id, more=more, now=now)
    row = connection.row(_FAILING, the_id=endpoint_id)
    return None if row is None else (row[0], row[1])


def rest(connection: Connection, endpoint_id: str, until: datetime) -> None:
    """Let nothing be tried there before an instant, or a later one that was said before."""
    connection.run(_REST, the_id=endpoint_id, until=until)


def sealed(connection: Connection, endpoint_id: str, now: datetime) -> tuple[str, tuple[str, ...]]:
    """Return its headers, and what signs now, the newest first; all of it sealed, none where it is gone."""
    row = connection.row(_SEALED, the_id=endpoint_id)
    return ("", ()) if row is None else (row[0], valid_secrets(now, *row[1:]))


def kept(connection: Connection, *, to_change: bool = False) -> dict[str, Kept]:
    """Return what is kept of every endpoint; if it is to be changed, nobody else does meanwhile."""
    return {id_: Kept(*values) for id_, *values in connection.rows(_KEPT_OF_ALL[to_change])}


def keep(connection: Connection, endpoint_id: str, kept: Kept) -> None:
    """Keep that instead."""
    connection.run(
        _KEEP,
        the_id=endpoint_id,
        the_secret=kept.secret,
        the_old=kept.old_secret or None,
        the_headers=kept.headers,
    )


def valid_secrets(
    now: datetime, secret: str | None, old: str | None, old_until: datetime | None
) -> tuple[str, ...]:
    """Return what signs now, the newest first."""
    is_valid = old_until is not None and now < old_until
    return tuple(each for each in (secret, old if is_valid else None) if each)


def _view(*columns: Any) -> EndpointView:  # noqa: ANN401 -- as they were read
    *seen, secret, headers = columns
    facts = dict(zip(_SEEN, seen, strict=True))
    timeout_ms = facts.pop("timeout_ms")
    return EndpointView(
        **facts | {"events": tuple(facts["events"].split()), "ordered": bool(facts["ordered"])},
        timeout_s=None if timeout_ms is None else timeout_ms / 1000,
        signed=bool(secret),
        has_headers=bool(headers),
    )
