"""Who comes with a key: somebody, or nobody, and nobody learns why."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import event

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from workflow import Actor, DatabaseCorrupt, DatabaseUnavailable, Engine, KeyView, Unauthenticated
from workflow.testing import FrozenClock, admin, new_call, officer, race, results

ADMIN: Final = admin("head-of-places")
#: What makes a connection one that only reads.
READ_ONLY: Final = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET default_transaction_read_only = on",
}
#: How long an answer may take that waits for nobody, in seconds; what it must not wait for lasts longer.
PATIENCE_S: Final = 10.0


def test_who_comes_with_a_key_is_its_actor(engine: Engine, key: str) -> None:
    """The name becomes the id, by HTTP; roles and organisations are those that the key was made with."""
    actor = engine.authenticate(key)
    assert actor == Actor("head-121234", {"applicant"}, {"URN:121234"}, via="http")
    call = engine.open_call(new_call(), actor=officer())
    receipt = engine.draft(call.id, answers={}, actor=actor)
    (drafted,) = engine.history(receipt.eoi_id)
    assert (drafted.actor, drafted.via) == ("head-121234", "http")


def _other_end(key: str) -> str:
    return key[:-1] + ("A" if key[-1] != "A" else "B")


#: What is wrong with a key, and how it came to be.
WRONG: Final[dict[str, Callable[[str], Any]]] = {
    "none": lambda _: None,
    "empty": lambda _: "",
    "no text": lambda key: key.encode(),
    "a number": lambda _: 5,
    "nobody's": lambda key: f"eoi_nobodys0_{key[13:]}",
    "another secret": _other_end,
    "the prefix alone": lambda key: key[:12],
    "the hash": lambda key: f"{key[:13]}{'0' * 43}",
    "longer": lambda key: f"{key}A",
    "shorter": lambda key: key[:-1],
    "with a blank": lambda key: f" {key}",
    "with a line's end": lambda key: f"{key}\n",
    "with NUL": lambda key: f"{key[:-1]}\x00",
    "with half a character": lambda key: f"{key[:-1]}\ud800",
    "with a letter that looks alike": lambda key: key.replace("eoi_", "\u0435oi_"),
    "in capitals": lambda key: key.replace("eoi_", "EOI_"),
    "with other digits": lambda key: f"{key[:-1]}\u0665",
    "huge": lambda key: key * 100_000,
    "SQL": lambda key: f"eoi_' OR 1=1_{key[13:]}",
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_key_is_nobodys(database: RawDatabase, engine: Engine, key: str, how: str) -> None:
    """Unknown, malformed or huge: nobody, in the same words; and nothing is written."""
    wrong, before = WRONG[how](key), database.tables()
    with pytest.raises(Unauthenticated) as caught:
        engine.authenticate(wrong)
    assert _all_of(caught.value) == _all_of(Unauthenticated())
    assert database.tables() == before


#: Those of them that look like keys, of which only the database knows that they are none.
LIKE_KEYS: Final = {"nobody's", "another secret", "the hash"}


def test_what_does_not_look_like_a_key_asks_the_database_nothing(
    database: RawDatabase, clock: FrozenClock, key: str
) -> None:
    """However much nonsense comes, and however large: no connection is taken for it."""
    heard: list[str] = []
    host = database.host(hear=heard.append)
    engine = Engine(host, clock=clock)
    for how in WRONG.keys() - LIKE_KEYS:
        with pytest.raises(Unauthenticated):
            engine.authenticate(WRONG[how](key))
    assert heard == []
    with pytest.raises(Unauthenticated):
        engine.authenticate(WRONG["nobody's"](key))
    assert heard != []
    host.dispose()


def _all_of(error: Unauthenticated) -> tuple[object, ...]:
    return type(error), error.code, error.message, error.args, error.facts, error.__cause__


def test_whatever_is_wrong_the_answer_is_the_same(engine: Engine, clock: FrozenClock, key: str) -> None:
    """A key that expired, was revoked, was rotated at once or long ago: as one that never was."""
    keys = {"never was": f"eoi_nobodys0_{key[13:]}"}
    soon = clock.now() + timedelta(hours=1)
    for name in ("expired", "revoked", "rotated at once", "rotated"):
        made = engine.create_key(name, roles={"officer"}, expires_at=soon, actor=ADMIN)
        keys[name] = str(made.key)
        assert engine.authenticate(keys[name]).id == name
    engine.revoke_key(keys["revoked"][4:12], actor=ADMIN)
    engine.rotate_key(keys["rotated at once"][4:12], keep_old_s=0, actor=ADMIN)
    engine.rotate_key(keys["rotated"][4:12], keep_old_s=60, actor=ADMIN)
    clock.move_to(soon)
    found = []
    for each in keys.values():
        with pytest.raises(Unauthenticated) as caught:
            engine.authenticate(each)
        found.append(_all_of(caught.value))
    assert found == [_all_of(Unauthenticated())] * len(keys)
    assert {name: engine.key(each[4:12]).state for name, each in keys.items() if name != "never was"} == {
        "expired": "expired",
        "revoked": "revoked",
        "rotated at once": "ended",
        "rotated": "ended",
    }


def test_a_key_ends_at_the_instant_of_its_expiry(engine: Engine, clock: FrozenClock) -> None:
    """A microsecond before, it opens; from that instant on it does not."""
    ends = clock.now() + timedelta(days=1)
    key = engine.create_key("a", roles={"officer"}, expires_at=ends, actor=ADMIN).key
    clock.move_to(ends - timedelta(microseconds=1))
    assert engine.authenticate(key).id == "a"
    clock.move_to(ends)
    with pytest.raises(Unauthenticated):
        engine.authenticate(key)


def test_a_revoked_key_opens_on_no_node(new_engine: NewEngine, made: KeyView, key: str) -> None:
    """Another node that let it in a moment ago turns it away at once; who revoked it, and when, stays."""
    here, there = new_engine(), new_engine()
    assert there.authenticate(key).id == "head-121234"
    revoked = here.revoke_key(made.prefix, actor=ADMIN)
    with pytest.raises(Unauthenticated):
        there.authenticate(key)
    assert (revoked.revoked_by, revoked.revoked_at) == ("head-of-places", made.created_at)
    assert here.revoke_key(made.id, actor=admin("another")) == revoked


def test_a_prefix_that_is_nobodys_takes_the_same_steps(
    database: RawDatabase, clock: FrozenClock, made: KeyView, key: str
) -> None:
    """The database is asked the same for a prefix that is somebody's as for one that is nobody's."""
    heard: list[str] = []
    host = database.host(hear=heard.append)
    engine, steps = Engine(host, clock=clock), []
    engine.keys()
    for wrong in (_other_end(key), f"eoi_nobodys0_{key[13:]}"):
        heard.clear()
        with pytest.raises(Unauthenticated):
            engine.authenticate(wrong)
        steps.append([each.replace(made.prefix, "nobodys0") for each in heard])
    host.dispose()
    assert steps[0] == steps[1] != []


# ---- the last use


def test_a_use_is_written_down_every_five_minutes(engine: Engine, clock: FrozenClock, key: str) -> None:
    """Uses between change no row; the next is written down five minutes after the last that was."""
    assert engine.keys()[0].last_used_at is None
    seen = []
    for minutes in (0, 4.99, 0.01, 1, 3.99, 0.01):
        clock.move_by(minutes=minutes)
        engine.authenticate(key)
        seen.append(engine.keys()[0].last_used_at)
    first, second, third = (
        clock.now() - timedelta(minutes=10),
        clock.now() - timedelta(minutes=5),
        clock.now(),
    )
    assert seen == [first, first, second, second, second, third]


def test_uses_between_ask_one_question(database: RawDatabase, clock: FrozenClock, key: str) -> None:
    """Who comes in again within five minutes costs a look by the prefix, and no transaction that writes."""
    heard: list[str] = []
    host = database.host(hear=heard.append)
    engine = Engine(host, clock=clock)
    engine.authenticate(key)
    heard.clear()
    clock.move_by(minutes=4.99)
    engine.authenticate(key)
    host.dispose()
    (question,) = heard
    assert question.startswith("SELECT")


def test_a_locked_database_still_lets_in(
    database: RawDatabase, engine: Engine, clock: FrozenClock, key: str
) -> None:
    """While another program writes for long, a key opens without waiting; its use is written down later."""
    with ThreadPoolExecutor(1) as pool, database.locked() as lock:
        try:
            actor = pool.submit(engine.authenticate, key).result(timeout=PATIENCE_S)
        finally:
            lock.release()
    assert (actor.id, engine.keys()[0].last_used_at) == ("head-121234", None)
    engine.authenticate(key)
    assert engine.keys()[0].last_used_at == clock.now()


def test_a_database_that_only_reads_still_lets_in(
    database: RawDatabase, clock: FrozenClock, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """On a standby a key opens, and a wrong one does not."""
    host = database.host()

    @event.listens_for(host, "connect")
    def only_read(dbapi: Any, _: object) -> None:
        dbapi.execute(READ_ONLY[database.name])
        dbapi.commit()

    engine = Engine(host, clock=clock)
    with caplog.at_level("DEBUG", logger="eoi"):
        assert engine.authenticate(key).id == "head-121234"
    assert [(each.getMessage(), vars(each)["code"]) for each in caplog.records] == [
        ("key.use-not-noted", "database-read-only")
    ]
    with pytest.raises(Unauthenticated):
        engine.authenticate(_other_end(key))
    assert engine.keys()[0].last_used_at is None
    host.dispose()


def test_many_uses_at_once_all_open(new_engine: NewEngine, key: str) -> None:
    """Eight requests with one key at the same instant: nobody is turned away for the writing down."""
    engine = new_engine()
    found = results(race(lambda _: [engine.authenticate(key).id for _ in range(8)], 8))
    assert found == [["head-121234"] * 8] * 8
    assert engine.keys()[0].last_used_at is not None


# ---- when it cannot be known


def test_a_database_that_fails_is_told_as_such(database: RawDatabase, engine: Engine, key: str) -> None:
    """Whoever comes while the database does not answer is no stranger: they are to try again."""
    database.run("ALTER TABLE eoi_api_key RENAME TO elsewhere")
    with pytest.raises(DatabaseUnavailable) as caught:
        engine.authenticate(key)
    assert key[13:] not in f"{caught.value} {caught.value.facts}"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE eoi_api_key SET roles = 'officer'",
        "UPDATE eoi_api_key SET roles = '[\"mayor\"]'",
        "UPDATE eoi_api_key SET roles = '5'",
        "UPDATE eoi_api_key SET organisations = '7'",
    ],
)
def test_a_row_that_cannot_be_read_lets_nobody_in(
    database: RawDatabase, engine: Engine, key: str, change: str
) -> None:
    """What was spoilt beside the engine is told as damage, and is never read as another role."""
    database.run(change)
    with pytest.raises(DatabaseCorrupt):
        engine.authenticate(key)
