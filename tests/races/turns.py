"""Rounds in which every process gives one command at the same moment, and what each was told."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from multiprocessing.synchronize import Barrier
from typing import Any, Final, NamedTuple

import sqlalchemy
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.orm import Session

from workflow import CallView, Engine, EoiError, Receipt
from workflow.testing import FrozenClock

#: What a host tries again, in a new transaction; and how often, before it gives up.
AGAIN: Final = frozenset({"transaction-conflict", "database-locked"})
TRIES: Final = 200


class Turn(NamedTuple):
    """A command: a method of the engine and what it is given."""

    method: str
    arguments: tuple[Any, ...]
    terms: Mapping[str, Any]


class Told(NamedTuple):
    """What the command came to."""

    #: `done`, or the code of the error.
    code: str
    answer: Any = None
    facts: Mapping[str, Any] | None = None


def turn(method: str, *arguments: Any, **terms: Any) -> Turn:
    """Return a command: `turn("submit", eoi_id, actor=head)`."""
    return Turn(method, arguments, terms)


def take_turns(
    together: Barrier, url: str, at: datetime | None, turns: Sequence[Turn | None], hosted: bool = False
) -> list[Told | None]:
    """Give each command at the same moment as the others give theirs; None: let the round pass.

    Args:
        together: where all meet before each round.
        url: the database.
        at: where the clock stands; None: the engine's own, which runs.
        turns: one for each round.
        hosted: do it in a transaction of a host's, who writes a row of its own besides.
    """
    clock = None if at is None else FrozenClock(at)
    with ExitStack() as stack:
        host = _host(url) if hosted else None
        if host is not None:
            stack.callback(host.dispose)
        engine = stack.enter_context(Engine(host or url, clock=clock, settle_s=0))
        engine.calls()
        told = []
        for each in turns:
            together.wait()
            told.append(None if each is None else _take(engine, host, each))
        return told


def first_answers(told: Sequence[Told | None]) -> list[Receipt | CallView]:
    """Return each answer that was given, a replay as that which it replays."""
    answers = [each.answer for each in told if each is not None and each.answer is not None]
    return [replace(each, replayed=False) if isinstance(each, Receipt) else each for each in answers]


def _take(engine: Engine, host: sqlalchemy.Engine | None, each: Turn) -> Told:
    try:
        if host is None:
            return Told("done", getattr(engine, each.method)(*each.arguments, **each.terms))
        return _in_a_host(engine, host, each)
    except EoiError as exc:
        return Told(exc.code, None, {name: str(fact) for name, fact in exc.facts.items()})


def _in_a_host(engine: Engine, host: sqlalchemy.Engine, each: Turn) -> Told:
    for number in range(TRIES):
        try:
            with Session(host) as session, session.begin():
                session.execute(text("INSERT INTO host VALUES (:note)"), {"note": f"{each.method}: {number}"})
                answer = getattr(engine, each.method)(*each.arguments, **each.terms, session=session)
        except EoiError as exc:
            if exc.code not in AGAIN:
                raise
        else:
            return Told("done", answer)
    return Told("given up")


def _host(url: str) -> sqlalchemy.Engine:
    """Return a host's engine that waits for a lock as any other program does."""
    if url.startswith("sqlite"):
        made = create_engine(url, connect_args={"timeout": 10})
        event.listen(made, "connect", lambda dbapi, _: setattr(dbapi, "isolation_level", None))
        event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return made
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))
