"""The databases: what each wants of its own, in a folder of its own; and which one a host has named."""

from typing import Any, Final

import sqlalchemy
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from states.errors import BadInput
from workflow.connection import LOCK_TIMEOUT_S
from workflow.database import Check, Database
from workflow.databases.sqlite import SqliteDatabase

#: How many connections a pool of our own opens at the most.
POOL_SIZE: Final = 10


def database_of(
    target: str | sqlalchemy.Engine,
    *,
    check: Check,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    pool_size: int = POOL_SIZE,
) -> Database:
    """Return the database that a URL names, or that a host's engine works on; nothing is opened yet.

    Args:
        target: a URL (`sqlite:///eoi.db`, `sqlite://` for memory, `postgresql://…`), or a host's engine, on
            which nothing is changed: no listener, no setting.
        check: called once, before the first use; it raises where the tables are not what we need.
        lock_timeout_s: how long a writer waits for a lock, in seconds.
        pool_size: how many connections are opened at the most, where the pool is ours.

    Raises:
        BadInput: no URL, or one of a database that is not supported; an asynchronous engine.
    """
    terms: dict[str, Any] = {"check": check, "lock_timeout_s": lock_timeout_s}
    _require_one_that_waits(target)
    if isinstance(target, sqlalchemy.Engine):
        return _kind(target.dialect.name).of_host(target, **terms)
    return _kind(_name(target)).at(target, pool_size=pool_size, **terms)


def _require_one_that_waits(target: object) -> None:
    """Pass only what waits for its database: the asyncio of SQLAlchemy does that elsewhere."""
    is_async = isinstance(target, sqlalchemy.Engine) and target.dialect.is_async
    if is_async or not isinstance(target, str | sqlalchemy.URL | sqlalchemy.Engine):
        what = "the engine within an AsyncEngine" if is_async else type(target).__name__
        msg = f"Give a database's URL or a (synchronous) SQLAlchemy Engine, not {what}."
        raise BadInput(msg, field="db")


def _name(url: str) -> str:
    try:
        return make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        named = "That" if "@" in url else repr(url)  # there may be a password in it
        msg = f"{named} is no database URL: give one such as sqlite:///eoi.db or postgresql://host/eoi."
        raise BadInput(msg, field="db") from None


def _kind(name: str) -> type[Database]:
    if name == "sqlite":
        return SqliteDatabase
    if name in ("postgresql", "postgres"):
        return _postgres()
    msg = (
        f"EOIs are stored in SQLite (sqlite:///eoi.db) or PostgreSQL (postgresql://host/eoi), not in {name}."
    )
    raise BadInput(msg, field="db")


def _postgres() -> type[Database]:
    try:
        from workflow.databases.postgres import PostgresDatabase  # noqa: PLC0415 -- an extra; SQLite needs no driver
    except ImportError as exc:  # it is not there, or the library is not that it needs
        msg = f"PostgreSQL needs its driver: pip install 'eoi-workflow[postgres]'. ({_first_line(exc)})"
        raise BadInput(msg, field="db") from exc
    return PostgresDatabase


def _first_line(exc: ImportError) -> str:
    return str(exc).partition("\n")[0]
