"""A race that was lost is run again, a bounded number of times; then whoever asked is told."""

import logging
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from tests.databases.raw import RawDatabase
from workflow import Engine, StaleVersion, TransactionConflict
from workflow.races import TRIES
from workflow.testing import school

HEAD: Final = school(1)
#: On each database: the row that is about to be changed is no longer there.
VANISH: Final = {"sqlite": "SELECT RAISE(IGNORE)", "postgresql": "RETURN NULL"}


def overtaken(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Return the numbers of the tries that were lost, as the log tells of them."""
    return [each.__dict__["number"] for each in caplog.records if each.msg == "command.overtaken"]


def test_whoever_loses_every_time_is_told_so(
    database: RawDatabase, engine: Engine, draft: str, caplog: pytest.LogCaptureFixture
) -> None:
    """After so many tries it is stale, and nothing of any of them is there."""
    database.plant("BEFORE UPDATE ON eoi_eoi", VANISH[database.name])
    before = database.tables()
    with caplog.at_level(logging.INFO, logger="eoi"), pytest.raises(StaleVersion) as lost:
        engine.submit(draft, actor=HEAD, idempotency_key="k")
    assert lost.value.facts == {"eoi_id": draft}
    assert overtaken(caplog) == list(range(1, TRIES))
    assert database.tables() == before


def test_a_host_that_loses_is_told_so_and_has_its_own_work(
    database: RawDatabase, engine: Engine, draft: str
) -> None:
    """In a host's transaction it ends too: to be tried again in another one, or left, with the host's own."""
    database.plant("BEFORE UPDATE ON eoi_eoi", VANISH[database.name])
    database.run("CREATE TABLE host (note TEXT)")
    host = database.host()
    with Session(host) as session:
        session.connection().exec_driver_sql("INSERT INTO host VALUES ('mine')")
        with pytest.raises(TransactionConflict):
            Engine(host, clock=engine.clock).submit(draft, actor=HEAD, session=session)
        session.commit()
    host.dispose()
    assert database.ask("SELECT note FROM host") == [("mine",)]
    assert engine.get(draft).state == "draft"
