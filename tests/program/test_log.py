"""The log: silent when embedded, heard where a host listens, one line each, and nothing about persons."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from states.errors import BadInput
from workflow import Refused
from workflow.log import get_log, log_to_stderr
from workflow.testing import (
    FrozenClock,
    admin,
    decider,
    engine_in,
    new_call,
    officer,
    reviewer,
    school,
    submitted,
)

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
SECRETS = ("Sprowston Junior", "Mrs Smith", "nursery", "panel-chair", "head-of-121234", "because of", "key-7")

# A host's plain script: it configures no logging, and its hook fails.
EMBEDDED = """
import sys
from pathlib import Path
from workflow.testing import engine_in, new_call, officer, school, submitted
def fail(event):
    raise RuntimeError("a host's own mistake")
engine = engine_in(Path(sys.argv[1]))
engine.on("*", fail)
call = engine.open_call(new_call(), actor=officer())
submitted(engine, call.id, school())
engine.close()
"""
# Our own program: it listens, twice; a host's hook fails with a message of two lines and an escape.
STANDALONE = """
import sys
from pathlib import Path
from workflow.log import log_to_stderr
from workflow.testing import engine_in, new_call, officer, school
def fail(event):
    raise RuntimeError("two\\nlines \\x1b[31mred")
log_to_stderr("debug"); log_to_stderr()
engine = engine_in(Path(sys.argv[1]))
call = engine.open_call(new_call(), actor=officer())
engine.on("*", fail)
engine.draft(call.id, answers={}, actor=school())
engine.close()
"""


def run(program: str, *arguments: str) -> tuple[str, str]:
    """Run a program in its own process; return what it printed on stdout and stderr."""
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout, done.stderr


def data_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the keywords of a line."""
    return {name: value for name, value in vars(record).items() if name not in STANDARD}


@contextmanager
def listening(level: str) -> Iterator[None]:
    """Write to stderr as `eoi serve` does, and leave the logger as it was."""
    ours = logging.getLogger("eoi")
    before = (list(ours.handlers), ours.level)
    log_to_stderr(level)
    try:
        yield
    finally:
        ours.handlers[:], ours.level = before[0], logging.NOTSET
        ours.setLevel(before[1])


@pytest.mark.slow
def test_an_embedded_engine_is_silent(tmp_path: Path) -> None:
    """A host that configures nothing reads nothing from us, not even that its own hook failed."""
    assert run(EMBEDDED, str(tmp_path)) == ("", "")


@pytest.mark.slow
def test_our_own_program_writes_one_line_for_each_event(tmp_path: Path) -> None:
    """On stderr each event is one line of key=value with its instant in UTC, tracebacks and all."""
    stdout, stderr = run(STANDALONE, str(tmp_path))
    lines = stderr.splitlines()
    assert (stdout, len(lines)) == ("", 4)
    begin = r"timestamp=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level="
    assert re.fullmatch(begin + r"info logger=eoi\.schema event=schema\.upgraded before= after=\d+", lines[0])
    assert re.fullmatch(
        begin + r"info logger=eoi\.engine event=call\.opened event_id=\S+:1 call_id=\S+ state=open", lines[1]
    )
    assert re.match(begin + "info logger=eoi.engine event=eoi.drafted ", lines[2])
    assert re.match(
        begin + r"error logger=eoi\.hooks event=hook\.failed type=eoi\.drafted event_id=\S+ ", lines[3]
    )
    assert "\x1b" not in stderr
    assert lines[3].endswith(r'RuntimeError: two\nlines \\x1b[31mred"')


def test_a_host_that_listens_hears_every_use_case(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Through a host's own logging each command, refusal and sweep is a name with its data beside it."""
    engine = engine_in(tmp_path)
    caplog.set_level("INFO", logger="eoi")
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = submitted(engine, call.id, school())
    with pytest.raises(Refused):
        engine.review(eoi_id, actor=reviewer())
    assert [(each.name, each.levelname, each.getMessage(), data_of(each)) for each in caplog.records] == [
        (
            "eoi.engine",
            "INFO",
            "call.opened",
            {"event_id": f"{call.id}:1", "call_id": call.id, "state": "open"},
        ),
        (
            "eoi.engine",
            "INFO",
            "eoi.drafted",
            {"event_id": f"{eoi_id}:1", "call_id": call.id, "state": "draft"},
        ),
        (
            "eoi.engine",
            "INFO",
            "eoi.submitted",
            {"event_id": f"{eoi_id}:2", "call_id": call.id, "state": "submitted"},
        ),
        (
            "eoi.engine",
            "INFO",
            "command.refused",
            {"code": "call-still-open", "call_id": call.id, "eoi_id": eoi_id, "trigger": "review"},
        ),
    ]
    engine.close()


def test_no_line_of_a_whole_life_names_a_person(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Answers, reasons, names, actors and keys stand in the database, and in no line of the log."""
    caplog.set_level("DEBUG")
    clock = FrozenClock()
    engine = engine_in(tmp_path, clock=clock)
    head = school()
    call = engine.open_call(new_call(contact="Mrs Smith"), actor=officer(), idempotency_key="key-7")
    drafted = engine.draft(
        call.id, answers={"site": "the old nursery"}, actor=head, applicant_name="Sprowston Junior"
    )
    engine.save(drafted.eoi_id, answers={"site": "the old nursery wing"}, actor=head)
    engine.submit(drafted.eoi_id, actor=head, idempotency_key="key-7")
    engine.submit(drafted.eoi_id, actor=head, idempotency_key="key-7")
    unfinished = school(7)
    engine.draft(call.id, answers={}, actor=unfinished, applicant_name="Sprowston Junior")
    second = engine.open_call(new_call(reference="47/23"), actor=officer())
    engine.cancel_call(second.id, actor=admin(), reason="because of Mrs Smith")
    clock.move_to(call.closes_at + timedelta(seconds=2))
    engine.close_due()
    with pytest.raises(Refused):
        engine.draft(call.id, answers={}, actor=school(8), applicant_name="Sprowston Junior")
    engine.review(drafted.eoi_id, actor=reviewer(), reason="because of the nursery")
    engine.decline(drafted.eoi_id, actor=decider(), reason="because of Mrs Smith")
    written = [(each.getMessage(), json.dumps(data_of(each), default=str)) for each in caplog.records]
    assert len(written) >= 11
    assert {"eoi.declined", "call.closed", "call.cancelled", "command.refused"} <= {
        name for name, _ in written
    }
    said = "\n".join(f"{name} {data}" for name, data in written)
    assert [secret for secret in SECRETS if secret in said] == []
    engine.close()
    kept = (tmp_path / "eoi.db").read_bytes()
    assert [secret for secret in SECRETS[:-1] if secret.encode() not in kept] == [], "nothing could leak"


def test_structlog_is_left_as_the_host_has_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A host that uses structlog itself, in its own way or not at all, finds it untouched."""
    caplog.set_level("INFO", logger="eoi")
    assert not structlog.is_configured()
    with listening("info"), structlog.contextvars.bound_contextvars(request_id="r-1"):
        engine = engine_in(tmp_path)
        engine.open_call(new_call(), actor=officer())
        engine.close()
    assert not structlog.is_configured()
    assert [data_of(each)["request_id"] for each in caplog.records] == ["r-1"] * 2


def test_data_may_have_any_name(caplog: pytest.LogCaptureFixture) -> None:
    """Names that logging keeps for itself, and those that open a line, are marked as ours."""
    caplog.set_level("INFO", logger="eoi")
    names = sorted(STANDARD - {"exc_info", "stack_info"} | {"timestamp", "level", "logger", "stacklevel"})
    get_log("test").info("all.names", **dict.fromkeys(names, 1), plain=2)
    (record,) = caplog.records
    assert data_of(record) == {**{f"eoi_{name}": 1 for name in names}, "plain": 2}


def test_a_failure_brings_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Where a host's hook raised, the host's log shows where."""
    caplog.set_level("INFO", logger="eoi")
    try:
        int("a host's own mistake")
    except ValueError:
        get_log("test").exception("hook.failed", type="eoi.drafted")
    (record,) = caplog.records
    assert data_of(record) == {"type": "eoi.drafted"}
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError
    assert "a host's own mistake" in caplog.text


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical", "exception"])
def test_a_line_names_the_place_that_wrote_it(caplog: pytest.LogCaptureFixture, level: str) -> None:
    """A host whose format shows file and function reads ours there, not structlog's."""
    caplog.set_level("DEBUG", logger="eoi")
    getattr(get_log("test"), level)("some.event")
    (record,) = caplog.records
    assert (record.filename, record.funcName) == (
        Path(__file__).name,
        "test_a_line_names_the_place_that_wrote_it",
    )


def test_it_does_so_in_a_host_whose_structlog_wraps_loggers(caplog: pytest.LogCaptureFixture) -> None:
    """Such a host has made loggers of a class of structlog's, which count calls in their own way."""
    before = logging.getLoggerClass()
    structlog.stdlib.LoggerFactory()
    try:
        log = get_log("of-such-a-host")
    finally:
        logging.setLoggerClass(before)
    caplog.set_level("DEBUG", logger="eoi")
    log.warning("some.event")
    (record,) = caplog.records
    assert record.funcName == "test_it_does_so_in_a_host_whose_structlog_wraps_loggers"


def test_the_level_is_the_last_one_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Asked again, the log does not write twice, and takes the new level in any case."""
    log = get_log("test")
    with listening("debug"):
        log_to_stderr("Warning")
        log.info("too.low")
        log.warning("heard", state="open", text='say "no" = 1', none=None, flag=True)
    log.warning("not.heard")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.partition(" ")[2] == (
        'level=warning logger=eoi.test event=heard state=open text="say \\"no\\" = 1" none= flag=true\n'
    )


@pytest.mark.parametrize("level", ["loud", "", "10"])
def test_a_level_that_is_none_is_refused(level: str) -> None:
    """A typing error in a level is told with those that there are, and nothing listens."""
    before = list(logging.getLogger("eoi").handlers)
    with pytest.raises(BadInput, match="give debug, info, warning, error or critical") as caught:
        log_to_stderr(level)
    assert caught.value.field == "log_level"
    assert logging.getLogger("eoi").handlers == before
