"""DBOS: a durable workflow whose one step is the floor's transaction, on the engine's own tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy

from bench.contest import SQLITE, Contender, Place, Prepare
from bench.raw import Raw, file_of
from bench.w1_floor import drafts, statements


@contextmanager
def play(place: Place) -> Iterator[Prepare]:
    """Submit one EOI after the other, each by a workflow of its own."""
    from dbos import DBOS, SQLAlchemyDatasource  # noqa: PLC0415 -- a peer

    with drafts(place) as more:
        system, own = _urls(place)
        DBOS(config={"name": "bench", "system_database_url": system, "log_level": "ERROR"})
        source = SQLAlchemyDatasource.create(database_url=own)
        texts = [_named(text) for text in statements(place.database)[1:-1]]

        @source.transaction(isolation_level="SERIALIZABLE" if place.database == SQLITE else "READ COMMITTED")
        def submit_step(eoi_id: str, actor: str) -> int:
            return _submit(source.sql_session(), place, texts, eoi_id, actor)

        @DBOS.workflow()
        def submit(eoi_id: str, actor: str) -> int:
            return int(submit_step(eoi_id, actor))

        DBOS.launch()

        def prepare(count: int) -> Callable[[], None]:
            waiting = [(eoi_id, f"head-of-{number}") for number, eoi_id in enumerate(more(count), start=1)]

            def go() -> None:
                for eoi_id, actor in waiting:
                    submit(eoi_id, actor)

            return go

        try:
            yield prepare
        finally:
            DBOS.destroy()


def _submit(session: Any, place: Place, texts: list[Any], eoi_id: str, actor: str) -> int:  # noqa: ANN401 -- a Session
    load, advance, history, outbox = texts
    now = _instant(place)
    row = session.execute(load, _numbered(eoi_id)).one()
    call_id, _, state, version, digest, call_state, _, closes_at = row
    if state != "draft" or call_state != "open" or now >= closes_at:
        msg = "It is no open call's draft."
        raise ValueError(msg)
    new = version + 1
    session.execute(advance, _numbered(new, now, now, eoi_id, version))
    session.execute(history, _numbered(eoi_id, new, actor, now, now, digest))
    session.execute(outbox, _numbered(call_id, eoi_id, new, now, now, closes_at, False))  # noqa: FBT003 -- a value
    return int(new)


def _instant(place: Place) -> Any:  # noqa: ANN401 -- as the driver takes it
    now = datetime.now(UTC)
    return now.strftime("%Y-%m-%d %H:%M:%S.%f") if place.database == SQLITE else now


def _named(text: str) -> sqlalchemy.TextClause:
    """Return a statement with names for its parameters: `p0`, `p1` and so on."""
    mark = "?" if "?" in text else "%s"
    first, *rest = text.split(mark)
    return sqlalchemy.text(first + "".join(f":p{number}{each}" for number, each in enumerate(rest)))


def _numbered(*values: object) -> dict[str, object]:
    return {f"p{number}": value for number, value in enumerate(values)}


def _urls(place: Place) -> tuple[str, str]:
    """Return the URLs of its system database and of the application's, as durable as everybody's."""
    if place.database != SQLITE:
        url = sqlalchemy.make_url(place.url).set(drivername="postgresql+psycopg")
        told = url.render_as_string(hide_password=False)
        return told, told
    system = Place(database=SQLITE, url=f"sqlite:///{file_of(place.url).with_name('dbos.db')}", size=0)
    Raw(system).connection.close()  # makes it WAL, for good; synchronous=FULL is SQLite's default
    return system.url, place.url


CONTENDER: Final = Contender(
    name="dbos", title="a workflow with one transaction step", play=play, package="dbos", share=0.3
)
