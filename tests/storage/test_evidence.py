"""What was changed beside the engine contradicts what stands elsewhere, and `engine.check()` says so."""

from datetime import timedelta

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from workflow.store import evidence
from workflow.testing import FrozenClock, decider, new_call, officer, reviewer, school, submitted

FORGED_EVENT = (
    "INSERT INTO eoi_outbox (type, call_id, eoi_id, state, version, at, recorded_at, closes_at, fanned_out) "
    "SELECT 'eoi.approved', call_id, id, 'approved', 9, updated_at, updated_at, updated_at, false "
    "FROM eoi_eoi WHERE id = '{0}'"
)
SPOILT_LAST = (
    "UPDATE eoi_revision SET manifest = '{}' WHERE version = (SELECT max(version) FROM eoi_revision)"
)
ERASED = (
    "DELETE FROM eoi_revision WHERE eoi_id = '{0}'; DELETE FROM eoi_outbox WHERE eoi_id = '{0}'; "
    "DELETE FROM eoi_eoi WHERE id = '{0}'"
)


@pytest.fixture
def eoi_id(new_engine: NewEngine, clock: FrozenClock) -> str:
    """Return the EOI that was declined, in a database in which everything has happened that can."""
    engine = new_engine()
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = submitted(engine, call.id, school(1), answers={"places": 18})
    withdrawn = engine.draft(call.id, answers={}, actor=school(2)).eoi_id
    engine.save(withdrawn, answers={"places": 9}, actor=school(2))
    engine.withdraw(withdrawn, actor=school(2))
    engine.draft(call.id, answers={}, actor=school(3))
    closes_at = call.closes_at + timedelta(hours=1)
    engine.extend_call(call.id, closes_at=closes_at, actor=officer(), reason="Snow.")
    clock.move_to(closes_at + timedelta(seconds=2))
    engine.close_due()
    engine.review(eoi_id, actor=reviewer())
    engine.decline(eoi_id, actor=decider(), reason="Too far.")
    return eoi_id


def test_what_the_engine_wrote_agrees(new_engine: NewEngine, eoi_id: str) -> None:
    """After a whole life nothing contradicts anything."""
    assert (new_engine().check(), eoi_id != "") == ([], True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            "UPDATE eoi_revision SET manifest = replace(manifest, '18', '99')",
            ["EOI {0}: what was saved has been changed"],
        ),
        ("DELETE FROM eoi_revision WHERE eoi_id = '{0}'", ["EOI {0}: what was saved is missing"]),
        (
            "INSERT INTO eoi_revision SELECT eoi_id, 9, manifest FROM eoi_revision WHERE eoi_id = '{0}'",
            ["EOI {0}: content that nobody saved"],
        ),
        (
            "UPDATE eoi_eoi SET state = 'approved' WHERE id = '{0}'",
            ["EOI {0}: not as its history says"],
        ),
        (
            "UPDATE eoi_eoi SET submitted_at = '2023-03-15 00:00:00.000000' WHERE id = '{0}'",
            ["EOI {0}: its facts are not those of its history"],
        ),
        (
            "UPDATE eoi_eoi SET reviewed_by = 'somebody' WHERE id = '{0}'",
            ["EOI {0}: its facts are not those of its history"],
        ),
        ("DELETE FROM eoi_outbox WHERE eoi_id = '{0}'", ["history of {0}: a change without its event"]),
        (
            FORGED_EVENT,
            ["outbox of {0}: an event without its change"],
        ),
        (
            "DELETE FROM eoi_history WHERE subject_id = '{0}' AND trigger = 'decline'",
            ["EOI {0}: not as its history says", "outbox of {0}: an event without its change"],
        ),
        (
            "UPDATE eoi_history SET digest = 'x' WHERE subject_id = '{0}' AND seq = 1",
            [
                "history of {0}: one change does not follow from the other",
                "EOI {0}: what was saved has been changed",
            ],
        ),
        (
            ERASED,
            [
                "history of {0}: of nothing that is there",
                "history of {0}: a change without its event",
                "EOI {0}: what was saved is missing",
            ],
        ),
    ],
)
def test_what_was_changed_beside_it_is_found(
    database: RawDatabase, new_engine: NewEngine, eoi_id: str, change: str, says: list[str]
) -> None:
    """A row changed, taken away or put in by hand does not agree with the others, and is named."""
    database.unseen(*change.replace("{0}", eoi_id).split("; "))
    assert new_engine().check() == [each.format(eoi_id) for each in says]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_what_is_no_text_any_more_is_found(database: RawDatabase, new_engine: NewEngine, eoi_id: str) -> None:
    """SQLite keeps bytes where a text belongs; PostgreSQL takes none."""
    database.ask("UPDATE eoi_revision SET manifest = x'ff00' WHERE eoi_id = ?", eoi_id)
    assert new_engine().check() == [f"EOI {eoi_id}: what was saved has been changed"]


def test_a_deadline_that_was_moved_in_silence_is_found(
    database: RawDatabase, new_engine: NewEngine, eoi_id: str
) -> None:
    """The event of the call's last change told another one."""
    call_id = new_engine().get(eoi_id).call_id
    database.run("UPDATE eoi_call SET closes_at = '2023-04-01 00:00:00.000000'")
    assert new_engine().check() == [f"call {call_id}: its deadline is not the one that was told"]


def test_every_page_of_what_was_saved_is_read(database: RawDatabase, new_engine: NewEngine) -> None:
    """The last of more revisions than are read at once is looked at too."""
    engine = new_engine()
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft(call.id, answers={}, actor=school(1)).eoi_id
    for count in range(evidence.PAGE):
        engine.save(eoi_id, answers={"count": count}, actor=school(1))
    assert engine.check() == []
    database.run(SPOILT_LAST)
    assert engine.check() == [f"EOI {eoi_id}: what was saved has been changed"]
