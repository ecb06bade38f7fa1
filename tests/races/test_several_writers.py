"""PostgreSQL, where several write at a time: who waits for whom, who is overtaken, and who is told of it."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy.orm import Session

from tests.databases.postgres import PostgresDatabase
from tests.deadline.ledger import broken_promises
from tests.nodes import Nodes
from tests.races.hosts import Host
from workflow import CallView, Engine, EoiError, StaleVersion
from workflow.races import TRIES
from workflow.testing import FrozenClock, new_call, officer, school

HEAD: Final = school(1)
DAY: Final = timedelta(days=1)


@pytest.fixture
def overtaking(
    several: PostgresDatabase, clock: FrozenClock
) -> Iterator[Callable[[Engine, str, int], Engine]]:
    """Return what makes an engine that is overtaken so many times, each time just before it writes."""
    with ExitStack() as stack:

        def make(other: Engine, eoi: str, times: int) -> Engine:
            left = [times]

            def hear(statement: str) -> None:
                if "UPDATE eoi_eoi SET" in statement and left[0]:
                    left[0] -= 1
                    other.save(eoi, answers={"left": left[0]}, actor=HEAD)

            host = several.host(hear=hear)
            stack.callback(host.dispose)
            return Engine(host, clock=clock)

        yield make


@pytest.mark.parametrize("times", [1, TRIES - 1])
def test_a_race_that_was_lost_is_run_again(
    several: PostgresDatabase,
    clock: FrozenClock,
    overtaking: Callable[[Engine, str, int], Engine],
    times: int,
) -> None:
    """Where several may write, one who was overtaken looks again, and goes on from what is there now."""
    with Engine(several.url, clock=clock) as other:
        other.open_call(new_call(), actor=officer())
        eoi = other.draft("46/23", answers={}, actor=HEAD).eoi_id
        receipt = overtaking(other, eoi, times).submit(eoi, actor=HEAD)
        assert (receipt.version, receipt.source) == (2 + times, "draft")
        assert [row.trigger for row in other.history(eoi)] == ["draft", *["save"] * times, "submit"]


def test_a_race_is_not_run_for_ever(
    several: PostgresDatabase,
    clock: FrozenClock,
    overtaking: Callable[[Engine, str, int], Engine],
) -> None:
    """Overtaken at every try, it ends, and says that somebody else was quicker."""
    with Engine(several.url, clock=clock) as other:
        other.open_call(new_call(), actor=officer())
        eoi = other.draft("46/23", answers={}, actor=HEAD).eoi_id
        with pytest.raises(StaleVersion):
            overtaking(other, eoi, 2 * TRIES).submit(eoi, actor=HEAD)
        assert [row.trigger for row in other.history(eoi)] == ["draft", *["save"] * TRIES]


def test_what_the_caller_has_seen_is_not_looked_at_again(
    several: PostgresDatabase,
    clock: FrozenClock,
    overtaking: Callable[[Engine, str, int], Engine],
) -> None:
    """Who says which version was read is told that there is another one, and it is not tried on that one."""
    with Engine(several.url, clock=clock) as other:
        other.open_call(new_call(), actor=officer())
        eoi = other.draft("46/23", answers={}, actor=HEAD).eoi_id
        with pytest.raises(StaleVersion) as stale:
            overtaking(other, eoi, 1).submit(eoi, actor=HEAD, expected_version=1)
        assert (stale.value.facts["version"], stale.value.facts["expected_version"]) == (2, 1)
        assert [row.trigger for row in other.history(eoi)] == ["draft", "save"]


def told(host: Host, *commands: Callable[[Session], object]) -> str:
    """Give commands in one transaction of the host's; return `done`, or what stood in the way of all."""
    with Session(host.pool) as session:
        try:
            for each in commands:
                each(session)
        except EoiError as exc:
            return exc.code
        session.commit()
    return "done"


@pytest.mark.slow
def test_of_hosts_that_cross_one_is_told_so(several: PostgresDatabase, patient: Host) -> None:
    """Two extend two calls, each the other's first one second: one is told so, and the other goes on."""
    calls = [patient.engine.open_call(new_call(reference=name), actor=officer()) for name in "12"]
    met = threading.Barrier(2)

    def extend(which: int) -> Callable[[Session], object]:
        call = calls[which]
        return lambda session: patient.engine.extend_call(
            call.id, closes_at=call.closes_at + DAY, actor=officer(), reason="Snow.", session=session
        )

    with ThreadPoolExecutor() as pool:
        hosts = [
            pool.submit(told, patient, extend(first), lambda _: met.wait(), extend(second))
            for first, second in ((0, 1), (1, 0))
        ]
    assert sorted(host.result() for host in hosts) == ["done", "transaction-conflict"]
    assert [patient.engine.call(call.id).closes_at - call.closes_at for call in calls] == [DAY, DAY]
    assert broken_promises(several.place) == []


def open_call(host: Host, name: str) -> CallView:
    """Open a call of that reference."""
    return host.engine.open_call(new_call(reference=name), actor=officer())


def submissions(host: Host, calls: Iterable[CallView]) -> Callable[[str, int], Callable[[Session], object]]:
    """Draft for two schools on each call; return what makes the submission of one, in a host's session."""
    eois = {
        (call.reference, number): host.engine.draft(call.id, answers={}, actor=school(number)).eoi_id
        for call in calls
        for number in range(2)
    }

    def submit(name: str, number: int) -> Callable[[Session], object]:
        head = school(number)
        return lambda session: host.engine.submit(eois[name, number], actor=head, session=session)

    return submit


def test_hosts_that_move_eois_of_two_calls_do_not_cross(several: PostgresDatabase, patient: Host) -> None:
    """Whoever moves EOIs shares their calls: in whichever order two do it, nobody waits."""
    submit = submissions(patient, [open_call(patient, name) for name in "12"])
    met = threading.Barrier(2, timeout=30)

    with ThreadPoolExecutor() as pool:
        hosts = [
            pool.submit(
                told,
                patient,
                submit(first, number),
                lambda _: met.wait(),
                submit(second, number),
                lambda _: met.wait(),
            )
            for number, (first, second) in enumerate((("1", "2"), ("2", "1")))
        ]
    assert [host.result() for host in hosts] == ["done", "done"]
    assert broken_promises(several.place) == []


@pytest.mark.slow
def test_hosts_and_closings_that_cross_come_to_an_end(
    several: PostgresDatabase, patient: Host, clock: FrozenClock
) -> None:
    """In a ring of two hosts and two closings the server lets one pass: all ends, nobody hears of locks."""
    calls = {name: open_call(patient, name) for name in "12"}
    submit = submissions(patient, calls.values())
    closes_at = calls["1"].closes_at

    def close(name: str) -> Callable[[Engine], CallView]:
        return lambda node: node.close_call(calls[name].id, actor=officer())

    first_done, closing_waits = threading.Barrier(3, timeout=30), threading.Barrier(3, timeout=30)

    with ThreadPoolExecutor() as pool:
        hosts = [
            pool.submit(
                told,
                patient,
                submit(first, number),
                lambda _: first_done.wait(),
                lambda _: closing_waits.wait(),
                submit(second, number),
            )
            for number, (first, second) in enumerate((("1", "2"), ("2", "1")))
        ]
        first_done.wait()
        nodes = Nodes(several, clock, pool)
        clock.move_to(closes_at + DAY)
        closings = [nodes.start(close(name)) for name in "12"]
        clock.move_to(closes_at - DAY)
        closing_waits.wait()
        ends = [str(closing.result().state) for closing in closings]
    assert ends == ["closed", "closed"]
    assert sorted(host.result() for host in hosts) == ["closed-in-flight", "done"]
    assert broken_promises(several.place) == []
