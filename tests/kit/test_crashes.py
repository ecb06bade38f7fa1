"""A process that dies at a chosen moment leaves what is committed, nothing else, and nobody in its way."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.databases.lent import Broken, NewEngine
from tests.databases.raw import RawDatabase
from tests.engine.test_all_or_nothing import COMMANDS
from workflow import BadInput, CallView, Engine, NotFound, Receipt, WrongState
from workflow.ports import Delayed, Delivered
from workflow.testing import Crashed, FrozenClock, Kit, new_call, officer, race, results, school, submitted

HEAD = school(1)
A = "https://a.example/eoi"


@pytest.fixture
def eoi_id(kit: Kit, call: CallView) -> str:
    """Let school 1 draft."""
    return kit.engine.draft(call.id, answers={}, actor=HEAD).eoi_id


def crash(kit: Kit, side: str, step: Any) -> Any:
    """Return the `with` of that name."""
    return {"before": kit.crash_before, "after": kit.crash_after}[side](step)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("side", "step"),
    [("before", "begin"), ("after", "begin"), ("before", "write"), ("after", "write"), ("before", "commit")],
)
def test_what_died_before_its_commit_has_not_happened(
    kit: Kit, eoi_id: str, database: RawDatabase, *, name: str, side: str, step: str
) -> None:
    """State, history, answers, key and event: none of it is there, and the same command works afterwards."""
    before = database.tables()
    with crash(kit, side, step):
        COMMANDS[name](kit.engine, eoi_id)
    assert database.tables() == before
    COMMANDS[name](kit.engine, eoi_id)
    assert database.tables() != before


@pytest.mark.parametrize("name", COMMANDS)
def test_what_died_after_its_commit_has_happened(
    kit: Kit, eoi_id: str, database: RawDatabase, broken: Broken, *, name: str
) -> None:
    """All of it is there though nobody was answered, and every row agrees with the others."""
    before = database.tables()
    with kit.crash_after("commit"):
        COMMANDS[name](kit.engine, eoi_id)
    after = database.tables()
    changed = {table for table in after if after[table] != before[table]}
    assert {"eoi_history", "eoi_outbox"} <= changed
    assert broken() == []


def test_who_had_no_answer_gets_it_under_the_same_key(kit: Kit, eoi_id: str) -> None:
    """A school whose server died after the commit sends its form again, and has handed in once."""
    with kit.crash_after("commit"):
        kit.engine.submit(eoi_id, actor=HEAD, idempotency_key="form-1")
    again = kit.engine.submit(eoi_id, actor=HEAD, idempotency_key="form-1")
    assert (again.state, again.version, again.replayed) == ("submitted", 2, True)


def test_no_handler_of_a_hosts_holds_it_up(kit: Kit, eoi_id: str) -> None:
    """`except Exception` catches what happens to a program, and not the end of it."""
    reached = []
    with kit.crash_after("commit"):
        try:
            kit.engine.submit(eoi_id, actor=HEAD)
        except Exception:  # noqa: BLE001 -- as hosts do
            reached.append("handler")
        reached.append("next line")
    assert reached == []


def test_no_hook_hears_of_it(kit: Kit, eoi_id: str) -> None:
    """Hooks are of the process that died, also where the commit stands; the next one sets its own."""
    told: list[str] = []
    kit.engine.on("*", lambda event: told.append(event.id))
    with kit.crash_after("commit"):
        kit.engine.submit(eoi_id, actor=HEAD)
    kit.engine.withdraw(eoi_id, actor=HEAD)
    assert told == []


def test_the_dead_do_nothing_more(kit: Kit, eoi_id: str, database: RawDatabase) -> None:
    """Whoever has kept the engine of the process that died can read and write nothing by it."""
    dead = kit.engine
    with kit.crash_before("commit"):
        dead.submit(eoi_id, actor=HEAD)
    before = database.tables()
    asked: list[Callable[[], object]] = [
        lambda: dead.submit(eoi_id, actor=HEAD),
        lambda: dead.get(eoi_id),
        dead.calls,
        dead.close_due,
        dead.next_due,
        lambda: dead.outbox.claim(kit.now, limit=1, lease_s=1),
    ]
    for ask in asked:
        with pytest.raises(Crashed, match=r"The process died before commit\."):
            ask()
    assert database.tables() == before
    assert kit.engine is not dead


def test_locks_are_given_back(kit: Kit, eoi_id: str, new_engine: NewEngine) -> None:
    """Another node that wants the same EOI at once has it: nobody who is gone is waited for."""
    other = new_engine(lock_timeout_s=5)
    for _ in range(3):
        with kit.crash_before("commit"):
            kit.engine.submit(eoi_id, actor=HEAD)
        assert other.save(eoi_id, answers={}, actor=HEAD).state == "draft"


def test_locks_are_given_back_though_somebody_keeps_what_was_raised(
    kit: Kit, eoi_id: str, new_engine: NewEngine
) -> None:
    """An exception holds every frame that it went through, and with them what the driver has in hand."""
    kept, dying = list[BaseException](), kit.engine
    with kit.crash_before("commit"):
        try:
            dying.submit(eoi_id, actor=HEAD)
        except Crashed as exc:
            kept.append(exc)
            raise
    assert new_engine(lock_timeout_s=5).submit(eoi_id, actor=HEAD).state == "submitted"
    assert len(kept) == 1


@pytest.mark.parametrize("given", ["url", "engine"])
def test_connections_are_given_back(database: RawDatabase, given: str) -> None:
    """Of a pool of one, the kit's or a host's, the place is free after each death, its connection gone."""
    host, cut = database.host(pool_size=1, max_overflow=0, pool_timeout=1), list[object]()
    event.listen(host, "invalidate", lambda connection, *_: cut.append(connection))
    with Kit(database.url, pool_size=1) if given == "url" else Kit(host) as kit:
        call = kit.engine.open_call(new_call(), actor=officer())
        for urn, moment in enumerate((("after", "begin"), ("after", "write"), ("before", "commit"))):
            with crash(kit, *moment):
                kit.engine.draft(call.id, answers={}, actor=school(urn))
            submitted(kit.engine, call.id, school(urn))
        assert kit.engine.call(call.id).counts == {"submitted": 3}
    assert len(cut) == (3 if given == "engine" else 0)
    host.dispose()


@pytest.mark.parametrize(
    ("side", "step", "written"),
    [
        ("before", "write", set()),
        ("after", "write", {"eoi_eoi"}),
        ("before", "commit", {"eoi_eoi", "eoi_outbox"}),
    ],
)
def test_what_was_written_had_come_to_the_database(
    database: RawDatabase, *, side: str, step: str, written: set[str]
) -> None:
    """Statements that the engine keeps together for one trip are sent before the process dies after them."""
    heard = list[str]()
    host = database.host(hear=heard.append)
    with Kit(host) as kit:
        call = kit.engine.open_call(new_call(), actor=officer())
        heard.clear()
        with crash(kit, side, step):
            kit.engine.draft(call.id, answers={}, actor=HEAD)
    host.dispose()
    assert {table for table in ("eoi_eoi", "eoi_outbox") if f"INTO {table}" in " ".join(heard)} == written


def test_a_sweep_may_die(kit: Kit, call: CallView, eoi_id: str) -> None:
    """A close that was not committed is made by whoever comes next."""
    kit.tick()
    with kit.crash_before("commit"):
        kit.move(days=3)
    assert kit.now == call.closes_at.replace(second=2)
    assert (kit.engine.call(call.id).state, kit.engine.get(eoi_id).state) == ("open", "draft")
    kit.tick()
    assert (kit.engine.call(call.id).state, kit.engine.get(eoi_id).state) == ("closed", "lapsed")


def test_a_receiver_gets_again_what_died_before_it_was_written_down(kit: Kit, call: CallView) -> None:
    """At least once: when the lease of the dead is over it comes a second time, under the same id."""
    begun = kit.now
    with kit.crash_after("deliver"):
        kit.tick()
    kit.tick()
    kit.move(minutes=5)
    assert [((each.at - begun).total_seconds(), each.event.id) for each in kit.sent] == [
        (0, f"{call.id}:1"),
        (60, f"{call.id}:1"),
    ]


def test_what_was_only_claimed_is_delivered_once(kit: Kit, call: CallView) -> None:
    """Who died before the receiver had it has sent nothing; the lease ends, and another one does."""
    with kit.crash_before("deliver"):
        kit.tick()
    assert kit.sent == []
    kit.move(minutes=5)
    assert [each.delivery.attempt for each in kit.sent] == [2]


def test_receivers_remember_what_they_were_to_answer(kit: Kit, call: CallView) -> None:
    """What stands outside of the process outlives it: what came, and what is answered next."""
    kit.answer(Delivered(status=200), Delayed(why="down"))
    with kit.crash_after("deliver"):
        kit.tick()
    kit.move(minutes=1)
    assert [type(each.outcome) for each in kit.sent] == [Delivered, Delayed]


def test_what_was_left_to_other_nodes_is_tried_after_a_restart(kit: Kit, call: CallView) -> None:
    """A node that has got its key meanwhile looks at once: what it left to others only itself has known."""
    kit.answer(Delayed(why="No key here.", unable=True))
    kit.tick()
    with kit.crash_after("commit"):
        kit.engine.draft(call.id, answers={}, actor=HEAD)
    kit.tick()
    assert [(str(each.event.type), type(each.outcome)) for each in kit.sent] == [
        ("call.opened", Delayed),
        ("call.opened", Delivered),
        ("eoi.drafted", Delivered),
    ]


def test_all_that_is_under_way_dies_together(kit: Kit, call: CallView, broken: Broken) -> None:
    """Of eight who draft at once none is answered once one has died, but for those who were quicker."""

    def draft(number: int) -> Receipt:
        return engine.draft(call.id, answers={}, actor=school(number), idempotency_key=f"k{number}")

    engine = kit.engine
    with kit.crash_before("commit"):
        assert {type(each) for each in race(draft, 8)} == {Crashed}
    assert len(kit.engine.find()) == 0
    engine = kit.engine
    assert len(results(race(draft, 8))) == len(kit.engine.find()) == 8
    assert broken() == []


# ---- a host's session


@pytest.fixture
def host_kit(database: RawDatabase, clock: FrozenClock) -> Any:
    """Return a kit on a host's own engine, beside a table of the host's."""
    database.run("CREATE TABLE host (note TEXT)")
    host = database.host()
    with Kit(host, clock=clock) as kit:
        yield kit, host
    host.dispose()


@pytest.mark.parametrize(
    ("side", "step", "stands"),
    [
        ("before", "begin", False),
        ("after", "begin", False),
        ("before", "write", False),
        ("after", "write", False),
        ("before", "commit", False),
        ("after", "commit", True),
    ],
)
def test_a_hosts_transaction_dies_with_the_process(
    host_kit: Any, database: RawDatabase, *, side: str, step: str, stands: bool
) -> None:
    """The host's row and ours are both there or neither; the commit is the host's own."""
    kit, host = host_kit
    call, told = kit.engine.open_call(new_call(), actor=officer()), list[str]()
    kit.engine.on("*", lambda event: told.append(event.id))
    with crash(kit, side, step), Session(host) as session, session.begin():
        session.execute(text("INSERT INTO host VALUES ('mine')"))
        kit.engine.draft(call.id, answers={}, actor=HEAD, session=session)
    count = int(stands)
    assert (len(database.ask("SELECT * FROM host")), len(kit.engine.find())) == (count, count)
    assert told == []
    with Session(host) as session, session.begin():
        kit.engine.draft(call.id, answers={}, actor=school(2), session=session)
    assert len(kit.engine.find()) == count + 1


@pytest.mark.parametrize(("side", "stands"), [("before", 0), ("after", 1)])
def test_the_end_of_a_hosts_savepoint_is_no_commit(
    host_kit: Any, database: RawDatabase, *, side: str, stands: int
) -> None:
    """A host that gives us a savepoint of its own, or one in another, dies at the commit around them."""
    kit, host = host_kit
    call, came = kit.engine.open_call(new_call(), actor=officer()), list[str]()
    with crash(kit, side, "commit"), Session(host) as session, session.begin():
        session.execute(text("INSERT INTO host VALUES ('mine')"))
        with session.begin_nested():
            with session.begin_nested():
                kit.engine.draft(call.id, answers={}, actor=HEAD, session=session)
            came.append("out of the inner one")
        came.append("out of both")
    assert came == ["out of the inner one", "out of both"]
    assert (len(database.ask("SELECT * FROM host")), len(kit.engine.find())) == (stands, stands)


# ---- what the kit says of itself


def test_a_test_in_which_nothing_died_fails(kit: Kit, eoi_id: str) -> None:
    """A `with` whose moment never came proves nothing, and says so; nobody dies of it later."""
    with pytest.raises(AssertionError, match="after write"), kit.crash_after("write"):
        kit.engine.get(eoi_id)
    assert kit.engine.submit(eoi_id, actor=HEAD).state == "submitted"


def test_another_error_is_not_hidden(kit: Kit, eoi_id: str) -> None:
    """What goes wrong before the moment has come is the test's to see, and the process lives on."""
    engine = kit.engine
    with pytest.raises(NotFound), kit.crash_after("commit"):
        engine.get("no-such-id")
    assert engine.submit(eoi_id, actor=HEAD).state == "submitted"
    assert kit.engine is engine


def test_the_evidence_of_a_refusal_is_a_transaction_too(kit: Kit, eoi_id: str) -> None:
    """A refused command dies where its attempt is kept: before that nothing is, after it the attempt."""
    kit.engine.submit(eoi_id, actor=HEAD)
    for side, kept in (("before", 0), ("after", 1)):
        with crash(kit, side, "commit"):
            kit.engine.submit(eoi_id, actor=HEAD)
        assert len(kit.engine.attempts(eoi_id)) == kept
    with pytest.raises(WrongState):
        kit.engine.submit(eoi_id, actor=HEAD)


@pytest.mark.parametrize("step", ["comit", "", None, 5])
def test_a_step_that_there_is_none_of_is_refused(kit: Kit, step: Any) -> None:
    """A slip of the pen is told with the steps that there are."""
    with pytest.raises(BadInput, match="begin, write, commit, deliver") as refused, kit.crash_after(step):
        pytest.fail("it must not begin")
    assert refused.value.field == "step"


def test_nothing_outlives_a_database_in_memory() -> None:
    """There is nothing left to look at, and the kit says so instead of showing an empty database."""
    with Kit("sqlite://") as kit:
        kit.engine.open_call(new_call(), actor=officer())
        with pytest.raises(BadInput, match="in memory"), kit.crash_after("commit"):
            pytest.fail("it must not begin")
        assert len(kit.engine.calls()) == 1


def test_an_engine_outside_of_the_kit_dies_of_nothing(kit: Kit, eoi_id: str, new_engine: NewEngine) -> None:
    """Only the kit's own process dies: other nodes go on with the same database."""
    other: Engine = new_engine()
    with kit.crash_after("commit"):
        assert other.submit(eoi_id, actor=HEAD).state == "submitted"
        kit.engine.withdraw(eoi_id, actor=HEAD)
    assert other.get(eoi_id).state == "withdrawn"
