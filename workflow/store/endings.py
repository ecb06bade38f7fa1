"""Statements that write down how attempts ended, and what becomes of their deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update

from workflow.connection import Connection
from workflow.ports import Delivery
from workflow.statements import Prepared
from workflow.store.many import in_powers_of_two, one_of_so_many, padded
from workflow.store.tables import DELIVERY, TRY

_ENDED: Final[dict[str, Any]] = {
    "state": bindparam("to"),
    "leased_until": None,
    "unable_since": None,
    "due_at": func.coalesce(bindparam("retry_at", type_=DELIVERY.c.due_at.type), DELIVERY.c.due_at),
    "last_status": bindparam("status"),
    "last_error": bindparam("why"),
    "delivered_at": bindparam("arrived_at"),
}
#: What was lent and never tried is as it was before; where a node was unable to, it says why and since when.
_GIVEN_BACK: Final[dict[str, Any]] = {
    "state": bindparam("to"),
    "attempt": DELIVERY.c.attempt - 1,
    "leased_until": None,
    "unable_since": func.coalesce(
        DELIVERY.c.unable_since, bindparam("unable_at", type_=DELIVERY.c.unable_since.type)
    ),
    "last_error": func.coalesce(bindparam("why", type_=DELIVERY.c.last_error.type), DELIVERY.c.last_error),
}
#: The parameters of `_ENDED`, and of `_GIVEN_BACK`.
_HOW: Final = ("to", "status", "why", "retry_at", "arrived_at")
_HOW_BACK: Final = ("to", "why", "unable_at")
_TRIED: Final = tuple(column.name for column in TRY.c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended, and what is to become of its delivery."""

    delivery: Delivery
    #: delivered; pending: it is tried again at `retry_at`; parked: not until a person says so.
    state: str
    status: int | None
    why: str | None = None
    retry_at: datetime | None = None
    arrived_at: datetime | None = None
    #: When it was begun; None where it never was: it is given back as it was.
    begun_at: datetime | None = None
    #: When it was found that it cannot be sent from here; None where that was not so.
    unable_at: datetime | None = None
    duration_ms: int = 0
    #: The beginning of the receiver's answer.
    answer: str = ""


def end(connection: Connection, attempts: Sequence[Ended]) -> list[bool]:
    """Write down how attempts ended; return of each whether its lease was the last one.

    What ended in the same way is written by one statement: most of many did.
    """
    lent = _lent(connection, [each.delivery.id for each in attempts])
    # The attempt alone is no fence: what is given back untried is lent under the same number again.
    counts = [lent.get(each.delivery.id) == _fence(each.delivery) for each in attempts]
    counted = [each for each, counts_ in zip(attempts, counts, strict=True) if counts_]
    alike = dict[tuple[object, ...], list[int]]()
    for each in counted:
        alike.setdefault(_how(each), []).append(each.delivery.id)
    for (tried, *how), ids in alike.items():
        statement, names = (_end, _HOW) if tried else (_give_back, _HOW_BACK)
        count, parameters = padded(ids)
        connection.write(statement(count), None, **dict(zip(names, how, strict=True)), **parameters)
    _write_tries(connection, [each for each in counted if each.begun_at is not None])
    return counts


def _fence(delivery: Delivery) -> tuple[int, datetime | None]:
    return _number(delivery), delivery.leased_until


def _number(delivery: Delivery) -> int:
    """Return which of all its attempts it is at, 1 = the first."""
    return delivery.earlier_attempts + delivery.attempt


def _write_tries(connection: Connection, attempts: Sequence[Ended]) -> None:
    for some in in_powers_of_two(attempts):
        rows = enumerate(map(_try, some))
        connection.write(
            _tries(len(some)),
            None,
            **{f"{name}_{n}": value for n, row in rows for name, value in row.items()},
        )


def _try(ended: Ended) -> dict[str, object]:
    values = (
        ended.delivery.id,
        _number(ended.delivery),
        ended.begun_at,
        ended.duration_ms,
        ended.status,
        ended.why,
        ended.answer,
    )
    return dict(zip(_TRIED, values, strict=True))


def _lent(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[int, datetime]]:
    """Return the attempt and the lease of each that is still under way, and let nobody else end them."""
    count, parameters = padded(ids)
    rows = connection.rows(_held(count), **parameters)
    return {number: (attempt, until) for number, attempt, until in rows}


def _how(ended: Ended) -> tuple[object, ...]:
    """Return whether it was tried, and the parameters of `_HOW` or `_HOW_BACK`."""
    if ended.begun_at is None:
        return False, ended.state, ended.why, ended.unable_at
    return True, ended.state, ended.status, ended.why, ended.retry_at, ended.arrived_at


@lru_cache(maxsize=16)
def _end(count: int) -> Prepared:
    return Prepared(update(DELIVERY).where(one_of_so_many(DELIVERY.c.id, count)).values(**_ENDED))


@lru_cache(maxsize=16)
def _give_back(count: int) -> Prepared:
    return Prepared(update(DELIVERY).where(one_of_so_many(DELIVERY.c.id, count)).values(**_GIVEN_BACK))


@lru_cache(maxsize=16)
def _held(count: int) -> Prepared:
    pending = DELIVERY.c.state == "pending"
    lent = select(DELIVERY.c.id, DELIVERY.c.attempt, DELIVERY.c.leased_until)
    these = lent.where(one_of_so_many(DELIVERY.c.id, count), pending)
    # In one order, whichever index finds them: two pumps would else wait for one another.
    return Prepared(these.order_by(DELIVERY.c.id).with_for_update())


@lru_cache(maxsize=16)
def _tries(count: int) -> Prepared:
    return Prepared(
        insert(TRY).values(
            [
                {name: bindparam(f"{name}_{n}", type_=TRY.c[name].type) for name in _TRIED}
                for n in range(count)
            ]
        )
    )
