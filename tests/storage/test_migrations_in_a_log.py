"""What a host's log has of our migrations: one line of ours, and Alembic's own only at DEBUG."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest

from tests.databases.raw import Databases
from workflow import Engine
from workflow.migrations import downgrade
from workflow.migrations.quiet import quiet
from workflow.tables import REVISIONS

ROOT: Final = Path(__file__).resolve().parents[2]
#: A host that logs whatever anybody says from INFO on, and has never heard of Alembic.
HOST: Final = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
from workflow import Engine
with Engine(sys.argv[1]) as engine:
    engine.migrate()
    engine.migrate()
    engine.check()
"""


def alembics(told: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what Alembic has said."""
    return [each for each in told.records if each.name.startswith("alembic.")]


def test_a_hosts_log_has_one_line(tmp_path: Path) -> None:
    """From the first import of Alembic to the last look at the tables, one line says that they were made."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", HOST, f"sqlite:///{tmp_path / 'eoi.db'}"],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "INFO eoi.schema schema.upgraded\n")


def test_our_line_says_from_where_to_where(databases: Databases, caplog: pytest.LogCaptureFixture) -> None:
    """Which revision the tables had and have; nothing where nothing was done."""
    caplog.set_level(logging.INFO)
    with Engine(databases.new(migrated=False).url) as engine:
        engine.migrate()
        engine.migrate()
        downgrade(engine._database, REVISIONS[-2])
        engine.migrate()
    told = [
        (each.getMessage(), getattr(each, "before", None), each.after)  # type: ignore[attr-defined] # a field of ours
        for each in caplog.records
        if each.name == "eoi.schema"
    ]
    assert told == [
        ("schema.upgraded", None, REVISIONS[-1]),
        ("schema.downgraded", None, REVISIONS[-2]),
        ("schema.upgraded", REVISIONS[-2], REVISIONS[-1]),
    ]
    assert alembics(caplog) == []


def test_who_debugs_sees_all_of_it(databases: Databases, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG each step of Alembic's is told, as DEBUG; afterwards its loggers are as they were."""
    caplog.set_level(logging.DEBUG)
    with Engine(databases.new(migrated=False).url) as engine:
        engine.migrate()
        assert engine.check() == []
    told = [each for each in alembics(caplog) if each.getMessage().startswith("Running upgrade")]
    assert len(told) >= len(REVISIONS)
    assert {(each.levelno, each.levelname) for each in alembics(caplog)} == {(logging.DEBUG, "DEBUG")}
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    assert [each.name for each in loggers if each.name.startswith("alembic") and each.filters] == []


def test_a_hosts_own_migrations_log_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    """What Alembic says in another thread while ours migrates stays INFO, and so does what it says after."""
    caplog.set_level(logging.INFO)
    log = logging.getLogger("alembic.runtime.migration")
    with quiet():
        log.info("ours")
        log.warning("a warning")
        other = threading.Thread(target=log.info, args=("the host's",))
        other.start()
        other.join()
    log.info("after")
    assert [(each.levelname, each.getMessage()) for each in alembics(caplog)] == [
        ("WARNING", "a warning"), ("INFO", "the host's"), ("INFO", "after"),
    ]  # fmt: skip
