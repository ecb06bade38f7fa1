"""Faults to plant in a process of a race, to see that the race catches them."""

from typing import Any

from workflow import dispatch, races
from workflow.databases.sqlite.connection import SqliteConnection
from workflow.statements import Prepared
from workflow.store import calls, lending


def never_again() -> None:
    """Let a race that was lost be lost: nothing is tried twice."""
    races.TRIES = 1  # type: ignore[misc]  # a fault


def deferred_begin() -> None:
    """Begin as SQLite does by default: a transaction has its lock only with its first write."""
    replace(SqliteConnection, "begin_write", lambda self, **_: self.execute("BEGIN"))


def key_unclaimed() -> None:
    """Let nobody claim an idempotency key before the answer is kept under it."""
    replace(dispatch, "claim", lambda *_: None)


def call_before_lock() -> None:
    """Let who moves a call decide on what was read before the lock, which comes with the first write."""
    replace(calls, "lock_alone", calls.by_id)
    replace(SqliteConnection, "begin_write", lambda self, **_: self.execute("BEGIN"))


def no_transaction() -> None:
    """Let each statement be a transaction of its own."""
    replace(SqliteConnection, "begin_write", lambda self, **_: None)
    replace(SqliteConnection, "commit", lambda self: self.flush())


def lend_unlocked() -> None:
    """Let a pump lend what another one is lending."""
    unlocked: Any = lending._FIRST_READY[True]._statement._generate()
    unlocked._for_update_arg = None
    replace(lending, "_FIRST_READY", {True: Prepared(unlocked)})


def replace(where: Any, name: str, what: object) -> None:
    """Put a fault in the place of something that must be there."""
    assert hasattr(where, name)
    setattr(where, name, what)
