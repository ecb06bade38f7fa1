"""The database itself refuses a state without its facts, and facts without their state."""

from collections.abc import Iterator

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import Ask, RawDatabase
from workflow.columns import CALL_STATES, DELIVERY_STATES, EOI_STATES
from workflow.tables import Row
from workflow.testing import admin, new_call, officer, school, submitted

AT = "2023-03-17 09:00:00.000000"

CALL = {"closed_at": None, "counts_at_close": None, "cancelled_at": None}
ENDED = {"closed_at": AT, "counts_at_close": "{}", "cancelled_at": None}
#: What a call in each state must look like; every other fact for it is a contradiction.
CALLS = {
    "draft": [CALL],
    "scheduled": [CALL],
    "open": [CALL],
    "closed": [ENDED],
    "decided": [ENDED],
    "archived": [ENDED],
    "cancelled": [
        {"closed_at": closed, "counts_at_close": counts, "cancelled_at": AT}
        for closed in (None, AT)
        for counts in (None, "{}")
    ],
}

_YES_OR_NO = (None, AT)
_ANY = [
    {"submitted_at": submitted, "reviewed_by": reviewer, "decided_at": decided}
    for submitted in _YES_OR_NO
    for reviewer in (None, "reviewer-1")
    for decided in _YES_OR_NO
]
_HANDED_IN = [each for each in _ANY if each["submitted_at"]]
_UNDECIDED = [each for each in _HANDED_IN if not each["decided_at"]]
_DECIDED = [each for each in _HANDED_IN if each["decided_at"]]
EOIS = {
    "draft": [_ANY[0]],
    "submitted": _UNDECIDED,
    "returned": _UNDECIDED,
    "reviewed": [each for each in _HANDED_IN if each["reviewed_by"]],
    "reserved": _HANDED_IN,
    "approved": _DECIDED,
    "declined": _DECIDED,
    "withdrawn": _ANY,
    "lapsed": [_ANY[0]],
    "rescinded": _DECIDED,
    "cancelled": _ANY,
}
DELIVERIES = {
    "pending": [{"delivered_at": None}],
    "parked": [{"delivered_at": None}],
    "delivered": [{"delivered_at": AT}],
}

_UNHANDLED = (
    "INSERT INTO eoi_unhandled (actor, at, id, source, event_id, type, subject) SELECT 'a', opens_at, id, "
)
_EMPTY_EVENTS = [
    f"{values} FROM eoi_call"
    for values in ("'', 'x', 'x', 'x'", "'x', '', 'x', 'x'", "'x', 'x', '', 'x'", "'x', 'x', 'x', ''")
]
#: A contradiction of each tie, and the name by which the database refuses it.
TIES = [
    ("UPDATE eoi_call SET closed_at = '2023-01-01'", "ck_eoi_call_open_has_no_end"),
    ("UPDATE eoi_call SET counts_at_close = '{}'", "ck_eoi_call_open_has_no_end"),
    ("UPDATE eoi_call SET state = 'closed', closed_at = '2023-03-17'", "ck_eoi_call_closed_is_counted"),
    ("UPDATE eoi_call SET state = 'closed', counts_at_close = '{}'", "ck_eoi_call_closed_is_counted"),
    ("UPDATE eoi_call SET state = 'cancelled'", "ck_eoi_call_cancelled_has_an_end"),
    ("UPDATE eoi_call SET cancelled_at = '2023-03-17'", "ck_eoi_call_only_cancelled_is_cancelled"),
    ("UPDATE eoi_call SET state = 'ajar'", "ck_eoi_call_state_known"),
    ("UPDATE eoi_call SET closes_at = opens_at", "ck_eoi_call_opens_before_it_closes"),
    ("UPDATE eoi_call SET version = 0", "ck_eoi_call_version_counts"),
    ("UPDATE eoi_eoi SET state = 'draft'", "ck_eoi_eoi_draft_is_not_submitted"),
    (
        "UPDATE eoi_eoi SET state = 'draft', submitted_at = NULL, reviewed_on_behalf_of = 'x'",
        "ck_eoi_eoi_draft_is_not_reviewed",
    ),
    ("UPDATE eoi_eoi SET submitted_at = NULL", "ck_eoi_eoi_submitted_has_its_instant"),
    ("UPDATE eoi_eoi SET state = 'reviewed'", "ck_eoi_eoi_reviewed_has_its_reviewer"),
    ("UPDATE eoi_eoi SET decided_at = '2023-03-17'", "ck_eoi_eoi_undecided_has_no_decision"),
    ("UPDATE eoi_eoi SET state = 'approved'", "ck_eoi_eoi_decided_has_its_instant"),
    ("UPDATE eoi_eoi SET state = 'accepted'", "ck_eoi_eoi_state_known"),
    ("UPDATE eoi_eoi SET version = 0", "ck_eoi_eoi_version_counts"),
    ("UPDATE eoi_delivery SET state = 'delivered'", "ck_eoi_delivery_delivered_has_its_instant"),
    ("UPDATE eoi_delivery SET delivered_at = '2023-03-17'", "ck_eoi_delivery_undelivered_has_no_instant"),
    ("UPDATE eoi_delivery SET state = 'lost'", "ck_eoi_delivery_state_known"),
    (
        "INSERT INTO eoi_attempt SELECT 's', 'a', '', 'submit', 'x', id, 0, opens_at, opens_at FROM eoi_call",
        "ck_eoi_attempt_count_counts",
    ),
    *((_UNHANDLED + values, "ck_eoi_unhandled_texts_are_bounded") for values in _EMPTY_EVENTS),
    ("UPDATE eoi_api_key SET expires_at = created_at", "ck_eoi_api_key_created_before_it_expires"),
    ("UPDATE eoi_api_key SET superseded_at = created_at", "ck_eoi_api_key_superseded_has_its_end"),
    (
        "UPDATE eoi_api_key SET superseded_at = '2023-03-17', old_until = '2023-03-16'",
        "ck_eoi_api_key_superseded_has_its_end",
    ),
    ("UPDATE eoi_api_key SET revoked_at = created_at", "ck_eoi_api_key_revoked_by_somebody"),
    ("UPDATE eoi_api_key SET revoked_by = 'x'", "ck_eoi_api_key_revoked_by_somebody"),
    ("UPDATE eoi_job SET state = 'lost'", "ck_eoi_job_state_known"),
    ("UPDATE eoi_job SET leased_until = '2023-03-17'", "ck_eoi_job_queued_is_lent_to_nobody"),
    ("UPDATE eoi_job SET state = 'running', started_at = '2023-03-17'", "ck_eoi_job_running_is_lent"),
    ("UPDATE eoi_job SET state = 'running', leased_until = '2023-03-17'", "ck_eoi_job_running_is_lent"),
    ("UPDATE eoi_job SET finished_at = '2023-03-17'", "ck_eoi_job_open_has_no_end"),
    ("UPDATE eoi_job SET state = 'done'", "ck_eoi_job_ended_has_its_end"),
    (
        "UPDATE eoi_job SET state = 'done', finished_at = '2023-03-17', leased_until = '2023-03-17'",
        "ck_eoi_job_ended_has_its_end",
    ),
    ("UPDATE eoi_job SET state = 'failed', finished_at = '2023-03-17'", "ck_eoi_job_failed_says_why"),
    ("UPDATE eoi_job SET code = 'x'", "ck_eoi_job_only_failed_says_why"),
    ("UPDATE eoi_job SET lost = -1", "ck_eoi_job_attempts_count"),
    ("UPDATE eoi_job SET refused = 1", "ck_eoi_job_refused_are_done"),
    ("UPDATE eoi_job_part SET file = 'notes'", "ck_eoi_job_part_file_known"),
]


@pytest.fixture
def shell(database: RawDatabase, new_engine: NewEngine) -> Iterator[Ask]:
    """Return a shell on a database that holds a call, an EOI and its deliveries, a key, and a job."""
    engine = new_engine()
    engine.start_job("import", parameters={}, content=b"x", actor=officer())
    engine.create_key("council.portal", roles=["officer"], actor=admin())
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    assert len(engine.outbox.claim(engine.clock.now(), limit=9, lease_s=60)) == 2
    engine.close()
    with database.shell() as ask:
        yield ask


def taken(database: RawDatabase, shell: Ask, table: str, state: str, facts: dict[str, str | None]) -> bool:
    """Return whether the table takes a state with these facts, whatever else may be wrong."""
    columns = ", ".join(f"{name} = ?" for name in ("state", *facts))
    try:
        shell(f"UPDATE {table} SET {columns}", state, *facts.values())  # noqa: S608 -- names of ours
    except database.error as refused:
        if "ck_" not in str(refused):
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("table", "consistent"),
    [("eoi_call", CALLS), ("eoi_eoi", EOIS), ("eoi_delivery", DELIVERIES)],
    ids=["call", "eoi", "delivery"],
)
def test_only_a_state_with_its_facts_is_taken(
    database: RawDatabase, shell: Ask, table: str, consistent: dict[str, list[dict[str, str | None]]]
) -> None:
    """Each state is tried with every set of facts: exactly the consistent ones are stored."""
    all_facts = [
        dict(each) for each in {tuple(facts.items()) for sets in consistent.values() for facts in sets}
    ]
    for state, expected in consistent.items():
        found = [facts for facts in all_facts if taken(database, shell, table, state, facts)]
        assert sorted(found, key=str) == sorted(expected, key=str), state


def test_the_tables_above_name_every_state() -> None:
    """No state of the lifecycle, now or to come, is left without a line."""
    assert (tuple(CALLS), tuple(EOIS)) == (CALL_STATES, EOI_STATES)
    assert set(DELIVERIES) == set(DELIVERY_STATES)


@pytest.mark.parametrize(("statement", "check"), TIES)
def test_every_tie_refuses_by_its_name(database: RawDatabase, shell: Ask, statement: str, check: str) -> None:
    """Whoever writes a contradiction past the engine is told which rule it breaks."""
    with pytest.raises(database.error, match=rf"(?i)check constraint.* \"?{check}\b"):
        shell(statement)


def test_every_tie_is_tried_above() -> None:
    """A CHECK that is added to the tables without a contradiction here is noticed."""
    named = {
        str(each.name)
        for table in Row.metadata.tables.values()
        for each in table.constraints
        if str(each.name).startswith("ck_")
    }
    assert {check for _, check in TIES} == named


def test_one_applicant_has_one_live_eoi_for_a_call(database: RawDatabase, shell: Ask) -> None:
    """A second live EOI is refused by the database too; beside a withdrawn one it is taken."""
    copy = (
        "INSERT INTO eoi_eoi SELECT 'second', call_id, applicant, applicant_name, state, version, digest, "
        "created_at, updated_at, submitted_at, reviewed_by, reviewed_on_behalf_of, decided_at FROM eoi_eoi"
    )
    with pytest.raises(database.error, match=r"(?i)unique constraint"):
        shell(copy)
    shell("UPDATE eoi_eoi SET state = 'withdrawn'")
    shell(copy.replace(" state,", " 'submitted',"))
    assert shell("SELECT count(*) FROM eoi_eoi") == [(2,)]
