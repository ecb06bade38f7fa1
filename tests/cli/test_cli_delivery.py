import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.cli.delivery import NOBODY_THERE
from tests.webhooks.receivers import Receiver, says
from workflow import CallView, Engine
from workflow.testing import FrozenClock, new_call, officer, school, submitted

OFFICER = ("--as", "programme.team", "--role", "officer")
# Nobody listens on port 9 of this machine.
NOWHERE = "http://127.0.0.1:9/eoi"
Eoi = Callable[..., Any]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Lend a receiver that listens by http."""
    with Receiver() as receiver:
        yield receiver


def park_all(tmp_path: Path) -> None:
    """Let every waiting delivery be one that was tried for the last time."""
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as rows:
        rows.execute("UPDATE eoi_delivery SET state = 'parked' WHERE state = 'pending'")
        rows.commit()


def test_receivers_and_deliveries_are_not_for_applicants(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """A school neither sees nor keeps what is on its way to others."""
    submitted(engine, past.id, school())
    head = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234")
    for words in (
        ("endpoint", "list"),
        ("outbox", "list"),
        ("endpoint", "add", "a@council.example", "--via", "smtp"),
        ("outbox", "show", "1"),
        ("outbox", "stats"),
        ("outbox", "retry", "--all"),
        ("outbox", "redrive"),
    ):
        answer = eoi(*words, *head, "--json")
        assert (answer.status, answer.json["code"]) == (1, "role-missing"), words


def test_a_tick_closes_what_is_due_and_delivers_what_waits(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """One pass closes the call of last March, lapses its draft, tells every event; a second finds nothing."""
    engine.draft(past.id, answers={}, actor=school())
    submitted(engine, past.id, school(2))
    first = eoi("tick", "--json")
    assert (first.status, first.json["pumped"]) == (
        0,
        {"delivered": 6, "postponed": 0, "parked": 0, "overtaken": 0},
    )
    (closed,) = first.json["swept"]["closed"]
    assert (closed["reference"], closed["state"]) == ("46/23", "closed")
    assert closed["counts_at_close"] == {"lapsed": 1, "submitted": 1}
    assert (first.json["swept"]["lapsed"], first.json["swept"]["failed"]) == (1, {})
    second = eoi("tick")
    assert (second.status, second.out.splitlines()) == (
        0,
        ["Closed 0; 0 drafts lapsed.", "Notices: 0 delivered, 0 to try again, 0 parked."],
    )
    assert engine.call(past.id).state == "closed"


def test_a_tick_that_cannot_close_a_call_says_so(eoi: Eoi, past: CallView, tmp_path: Path) -> None:
    """A call that is due and cannot be closed is named, and cron hears of it by the exit status."""
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as rows:
        rows.execute("CREATE TRIGGER jam BEFORE UPDATE ON eoi_call BEGIN SELECT RAISE(ABORT, 'jammed'); END")
    told = eoi("tick")
    assert (told.status, told.out.splitlines()[0]) == (1, "Closed 0; 0 drafts lapsed.")
    assert f"! Call {past.id} is due and could not be closed [database-refused]" in told.out
    answer = eoi("tick", "--json")
    assert (answer.status, answer.json["swept"]["failed"]) == (1, {past.id: "database-refused"})


def test_what_a_tick_tells_the_log_can_be_read(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """Where no receiver is, events go to the log, which a tick writes to stderr; less where asked."""
    submitted(engine, past.id, school())
    answer = eoi("tick", "--json")
    lines = answer.err.splitlines()
    told = [line.split() for line in lines if "event=event.told" in line]
    assert {word for line in told for word in line if word.startswith("type=")} == {
        "type=call.opened",
        "type=eoi.drafted",
        "type=eoi.submitted",
        "type=call.closed",
    }
    assert len(told) == answer.json["pumped"]["delivered"]
    assert all(line.startswith("timestamp=") for line in lines)
    eoi("call", "open", *OFFICER, "--reference", "1/2", "--title", "Bases", "--closes-on", "2099-03-17")
    quiet = eoi("tick", "--json", EOI_LOG_LEVEL="error")
    assert (quiet.json["pumped"]["delivered"], quiet.err) == (1, "")


def test_a_tick_tells_in_words_what_it_closed(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """The operator reads which calls were closed, and how many drafts lapsed."""
    engine.draft(past.id, answers={}, actor=school())
    assert eoi("tick").out.splitlines()[0] == "Closed 1: 46/23; 1 draft lapsed."


def test_the_outbox_shows_what_waits_and_why(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """A delivery to a receiver that is down is pending, with the error and when it is tried again."""
    endpoint = engine.add_endpoint(NOWHERE, actor=officer())
    submitted(engine, past.id, school())
    report = eoi("tick", "--json", EOI_WEBHOOK_ALLOW="127.0.0.1").json["pumped"]
    assert report == {"delivered": 1, "postponed": 2, "parked": 0, "overtaken": 0}
    rows = eoi("outbox", "list", "--state", "pending", "--json").json
    first = rows[-1]
    assert (first["type"], first["endpoint"], first["address"]) == ("eoi.drafted", endpoint.id, NOWHERE)
    assert (first["attempts"], first["delivered_at"], first["due_at"][-1]) == (1, None, "Z")
    assert "could not be reached" in first["last_error"]
    told = eoi("outbox", "list", *OFFICER)
    assert NOWHERE in told.out
    assert len(eoi("outbox", "list", "--limit", "1", "--json").json) == 1
    for words in (("--state", "lost"), ("--limit", "0")):
        assert eoi("outbox", "list", *words, "--json").json["code"] == "bad-input"


def test_parked_deliveries_are_put_back_one_or_all(
    eoi: Eoi, engine: Engine, past: CallView, tmp_path: Path
) -> None:
    """An officer puts one parked delivery back, then the rest; what is not parked is not found."""
    engine.add_endpoint(NOWHERE, actor=officer())
    submitted(engine, past.id, school())
    eoi("tick", EOI_WEBHOOK_ALLOW="127.0.0.1")
    park_all(tmp_path)
    parked = eoi("outbox", "list", "--state", "parked", "--json").json
    one = str(parked[0]["id"])
    assert eoi("outbox", "retry", one, *OFFICER, "--json").json == {"retried": 1}
    again = eoi("outbox", "retry", one, *OFFICER, "--json")
    assert (again.status, again.json["code"]) == (1, "not-found")
    assert eoi("outbox", "retry", "--all", *OFFICER).out.startswith(f"{len(parked) - 1} back in line")
    assert eoi("outbox", "list", "--state", "parked").out == (
        "(none)\nWaiting since 2023-03-16 12:00:00 UTC; `eoi serve` or `eoi tick` delivers.\n"
    )
    for words in ((), (one, "--all"), ("many",)):
        assert (eoi("outbox", "retry", *words, *OFFICER).status) == 2


def test_one_delivery_is_shown_with_every_attempt(
    eoi: Eoi, engine: Engine, past: CallView, receiver: Receiver
) -> None:
    """Whoever looks into a delivery sees each attempt, with its status and how the answer began."""
    receiver.answer = says(500, b"the disk is full")
    endpoint = engine.add_endpoint(receiver.url(), actor=officer())
    engine.draft(past.id, answers={}, actor=school())
    eoi("tick", EOI_WEBHOOK_ALLOW="127.0.0.1")
    number = str(eoi("outbox", "list", "--endpoint", endpoint.id, "--limit", "1", "--json").json[0]["id"])
    shown = eoi("outbox", "show", number, "--json").json
    (tried,) = shown["tries"]
    assert (shown["state"], shown["attempts"], shown["endpoint"]) == ("pending", 1, endpoint.id)
    assert (tried["number"], tried["status"], tried["answer"]) == (1, 500, "the disk is full")
    assert tried["error"] == "The receiver answered 500 Internal Server Error."
    told = eoi("outbox", "show", number).told
    assert f"Event id {shown['event_id']} To {receiver.url()} Endpoint {endpoint.id} State pending" in told
    assert "500 The receiver answered 500 Internal Server Error. the disk is full" in told
    missing = eoi("outbox", "show", "999", "--json")
    assert (missing.status, missing.json["code"]) == (1, "not-found")


def test_deliveries_are_narrowed_to_one_endpoint(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """Each endpoint has deliveries of its own; what nobody was there for is the log's."""
    endpoint = engine.add_endpoint(NOWHERE, events=["eoi.drafted"], actor=officer())
    submitted(engine, past.id, school())
    eoi("tick", EOI_WEBHOOK_ALLOW="127.0.0.1")
    rows = eoi("outbox", "list", "--endpoint", endpoint.id, "--json").json
    assert [(each["endpoint"], each["type"]) for each in rows] == [(endpoint.id, "eoi.drafted")]
    assert {each["endpoint"] for each in eoi("outbox", "list", "--endpoint", "log", "--json").json} == {"log"}
    counted = {each["endpoint"]: each for each in eoi("outbox", "stats", "--json").json}
    assert counted.keys() == {endpoint.id, "log"}
    assert {
        name: counted[endpoint.id][name] for name in ("url", "pending", "parked", "delivered", "attempts")
    } == {
        "url": NOWHERE,
        "pending": 1,
        "parked": 0,
        "delivered": 0,
        "attempts": 1,
    }
    (head, line, _) = eoi("outbox", "stats").out.splitlines()
    assert head.split()[:4] == ["endpoint", "to", "pending", "parked"]
    assert line.startswith(f"{endpoint.id}  {NOWHERE}  1        0")
    assert "2023-03-16 12:00:00 UTC" in line


def test_what_is_parked_is_sent_again_by_endpoint_and_time(
    eoi: Eoi, engine: Engine, clock: FrozenClock, receiver: Receiver, tmp_path: Path
) -> None:
    """`redrive` takes what is parked for one endpoint, of events since an instant or a day in London."""
    clock.move_to(datetime(2023, 7, 1, 23, 30, tzinfo=UTC))  # half an hour into 2 July in London
    ours = engine.add_endpoint(receiver.url(), actor=officer())
    engine.add_endpoint(NOWHERE, actor=officer())
    engine.open_call(new_call(reference="1/23", closes_on=date(2099, 1, 1)), actor=officer())
    eoi("tick", EOI_WEBHOOK_ALLOW="127.0.0.1")
    park_all(tmp_path)
    assert eoi("outbox", "redrive", "--since", "2023-07-03", *OFFICER, "--json").json == {"redriven": 0}
    assert eoi("outbox", "redrive", "--since", "2023-07-02T00:31+01:00", *OFFICER).out == (
        "Nothing fits: none was put back.\n"
    )
    ran = eoi("outbox", "redrive", "--since", "2023-07-02", "--endpoint", ours.id, *OFFICER, "--json")
    assert ran.json == {"redriven": 0}  # it is delivered, and stays so
    again = ("--since", "2023-07-02", "--endpoint", ours.id, "--delivered")
    assert eoi("outbox", "redrive", *again, *OFFICER, "--json").json == {"redriven": 1}
    assert eoi("tick", "--json", EOI_WEBHOOK_ALLOW="127.0.0.1").json["pumped"]["delivered"] == 1
    first, second = (taken.header("webhook-id") for taken in receiver.taken)
    assert first == second
    assert eoi("outbox", "redrive", *OFFICER).out.startswith("1 back in line")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--since", "yesterday"), 2, "2023-03-17T09:00Z"),
        (("--since", "2023-03-17T09:00"), 2, "with its offset"),
        (("--since", "1847-12-01"), 2, "no date"),  # whose first minute London's clocks left out
        (("--since", "0001-01-01"), 1, "the year 1:"),
        (("--since", "9999-12-31"), 1, "the year 9999"),
        (("--delivered",), 1, "Say since when"),
        (("--endpoint", "nonsense"), 1, "'nonsense'"),
        (("--endpoint", "01890000-0000-7000-8000-000000000000"), 1, "No endpoint has the id"),
    ],
)
def test_a_redrive_that_cannot_be_meant_is_refused(
    eoi: Eoi, words: tuple[str, ...], status: int, said: str
) -> None:
    """No instant, one without its offset, all that ever arrived, an endpoint that is none: refused."""
    answer = eoi("outbox", "redrive", *words, *OFFICER)
    assert (answer.status, said in " ".join(answer.err.split())) == (status, True), answer.err


def test_what_was_for_a_removed_receiver_is_not_put_back(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """Nobody would ever take it from its line: it stays parked, by number, by all, and by time."""
    gone = engine.add_endpoint(NOWHERE, actor=officer())
    engine.draft(past.id, answers={}, actor=school())
    eoi("tick", EOI_WEBHOOK_ALLOW="127.0.0.1")
    engine.remove_endpoint(gone.id, actor=officer())
    row = eoi("outbox", "list", "--endpoint", gone.id, "--limit", "1", "--json").json[0]
    assert eoi("outbox", "retry", str(row["id"]), *OFFICER, "--json").json["code"] == "nobody-to-tell"
    assert eoi("outbox", "retry", "--all", *OFFICER, "--json").json == {"retried": 0}
    assert eoi("outbox", "retry", "--all", *OFFICER).out == f"{NOBODY_THERE}\n"
    again = eoi("outbox", "redrive", "--since", "2023-03-01", "--delivered", *OFFICER, "--json").json
    assert again == {"redriven": 1}  # what was told to the log
    states = [each["state"] for each in eoi("outbox", "list", "--endpoint", gone.id, "--json").json]
    assert set(states) == {"parked"}


def test_a_tick_says_what_waits_for_a_person(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """What is parked for want of an address was never tried, and stands in no count of the pass."""
    engine.add_endpoint("applicant", via="smtp", actor=officer())
    engine.draft(past.id, answers={}, actor=school())
    said = "For a person: 2 parked in all. `eoi outbox list --state parked` says why."  # begun, and lapsed
    assert eoi("tick").out.splitlines()[-1] == said
    assert eoi("tick").out.splitlines()[1:] == ["Notices: 0 delivered, 0 to try again, 0 parked.", said]
    eoi("outbox", "drop", "--all", *OFFICER)
    assert said not in eoi("tick").out
    assert eoi("outbox", "retry", "--all", *OFFICER).out == "Nothing fits: none was put back.\n"


def test_what_is_parked_is_dropped_by_number_or_all_of_it(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """Which must be said; what is not there is told."""
    gone = engine.add_endpoint(NOWHERE, actor=officer())
    for urn in (1, 2):
        engine.draft(past.id, answers={}, actor=school(urn))
    eoi("tick", EOI_WEBHOOK_ALLOW="127.0.0.1")
    engine.remove_endpoint(gone.id, actor=officer())
    number = str(eoi("outbox", "list", "--endpoint", gone.id, "--json").json[0]["id"])
    assert eoi("outbox", "drop", *OFFICER).status == 2
    assert eoi("outbox", "drop", number, "--all", *OFFICER).status == 2
    assert eoi("outbox", "drop", number).status == 1
    assert eoi("outbox", "drop", number, *OFFICER).out == "1 dropped.\n"
    assert eoi("outbox", "drop", number, *OFFICER, "--json").json["code"] == "not-found"
    left = len(eoi("outbox", "list", "--endpoint", gone.id, "--json").json)
    assert left > 0
    ran = eoi("outbox", "drop", "--all", "--endpoint", gone.id, *OFFICER, "--json")
    assert ran.json == {"dropped": left}
    assert eoi("outbox", "drop", "--all", *OFFICER).out == "Nothing fits: none was there.\n"


def test_a_fresh_database_is_made_and_checked(eoi: Eoi, tmp_path: Path) -> None:
    """`db upgrade` makes a missing file, readable for its owner alone; `db check` finds it well."""
    answer = eoi("db", "upgrade", "--json")
    assert (answer.status, answer.json, (tmp_path / "eoi.db").stat().st_mode & 0o777) == (
        0,
        {"upgraded": True},
        0o600,
    )
    assert eoi("db", "upgrade").out == f"{tmp_path / 'eoi.db'} already holds the tables of this version.\n"
    assert (eoi("db", "check").out, eoi("db", "check", "--json").json) == (
        "All well.\n",
        {"ok": True, "found": []},
    )


def test_a_database_whose_tables_differ_fails_its_check(eoi: Eoi, tmp_path: Path) -> None:
    """A missing trigger is named, and the exit status is 1."""
    eoi("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as rows:
        (name,) = rows.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1").fetchone()
        rows.execute(f"DROP TRIGGER {name}")
    answer = eoi("db", "check", "--json")
    assert (answer.status, answer.json) == (1, {"ok": False, "found": [f"trigger {name}: missing"]})
    assert eoi("db", "check").out == f"trigger {name}: missing\n"


def test_events_that_nobody_has_delivered_yet_are_not_passed_over(eoi: Eoi, past: CallView) -> None:
    """Where nothing serves, the list of deliveries says that something waits, and since when."""
    assert past.state == "open"
    waits = "Waiting since 2023-03-16 12:00:00 UTC; `eoi serve` or `eoi tick` delivers."
    assert eoi("outbox", "list").out == f"(none)\n{waits}\n"
    eoi("tick")
    assert waits not in eoi("outbox", "list").out
