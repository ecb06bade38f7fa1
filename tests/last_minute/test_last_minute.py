"""The last minute through HTTP: two servers on one database, and one of them is ended in the middle."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.clock import sleep_until
from tests.databases.raw import RawDatabase
from tests.deadline.detector import ahead_of_us
from tests.last_minute.schools import Asked
from tests.last_minute.town import Day, Size, Town, prepared, wait_until_closed
from tests.last_minute.verdict import LastMinute, wrongs
from workflow.engine import SETTLE_S

pytestmark = pytest.mark.slow


def how_many(long: bool) -> Size:
    """Return how many schools come, and for how long."""
    return Size(2000, 64, before_s=25.0, after_s=8.0) if long else Size(150, 16, before_s=4.0, after_s=1.5)


def seen(database: RawDatabase, day: Day, asked: list[Asked], *polite: int) -> LastMinute:
    """Return what was seen of a day, once its call is closed."""
    wait_until_closed(database, day.closes_at)
    return LastMinute(
        asked=asked,
        jobs=sum(map(len, day.jobs)),
        closes_at=day.closes_at,
        database=database,
        settle=timedelta(seconds=SETTLE_S),
        ahead=ahead_of_us(database),
        polite=frozenset(polite),
    )


def test_nobody_is_wronged_though_a_server_is_killed(
    database: RawDatabase, tmp_path: Path, long: bool, tell: Callable[[str], None]
) -> None:
    """Nobody late is in, nobody in time is out, nothing acknowledged is lost; everybody gets an answer."""
    size = how_many(long)

    def killing(closes_at: datetime) -> None:
        if long:
            sleep_until(closes_at - timedelta(seconds=size.before_s / 3))
            town.kill(1)
            town.servers[1].wait_for("Serving")
        sleep_until(closes_at - timedelta(seconds=0.1))
        town.kill(0)

    with Town(tmp_path, database) as town:
        day = prepared(database, size)
        last_minute = seen(database, day, day.live(town.addresses, killing))
        assert town.tracebacks() == []
    tell(last_minute.told())
    assert wrongs(last_minute) == {}
    assert {(last_minute.side(each), each.answer.code) for each in last_minute.asked} >= {
        ("in time", "done"),
        ("late", "call-closed"),
    }


def test_nobody_is_cut_off_by_a_server_that_is_told_to_stop(
    database: RawDatabase, tmp_path: Path, long: bool, tell: Callable[[str], None]
) -> None:
    """Whatever it has begun it ends and says; whoever comes then is taken by the other one."""
    statuses = list[int]()

    def stopping(closes_at: datetime) -> None:
        for place, before_s in ((0, 1.5), (1, 0.05)):
            sleep_until(closes_at - timedelta(seconds=before_s))
            town.servers[1 - place].wait_for("Serving")
            statuses.append(town.stop(place))

    with Town(tmp_path, database) as town:
        day = prepared(database, how_many(long))
        last_minute = seen(database, day, day.live(town.addresses, stopping), 0, 1)
        assert town.tracebacks() == []
    tell(last_minute.told())
    assert wrongs(last_minute) == {}
    assert statuses == [0, 0]
