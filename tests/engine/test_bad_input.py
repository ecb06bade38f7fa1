"""Whatever is given, the answer is an error of ours with a word for it, and nothing has changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workflow import Actor, BadDeadline, BadInput, Engine, EoiError, NotFound
from workflow.testing import admin, new_call, officer, school

Tables = Callable[[], dict[str, list[dict[str, Any]]]]
#: More digits than Python prints.
HUGE = 10**5000
#: A mapping that is none, for a checker's eyes.
FIVE: Any = 5
#: What no parameter of ours is.
ODD: tuple[Any, ...] = (
    5,
    HUGE,
    1.5,
    True,
    b"x",
    [],
    [HUGE],
    ["submit"],
    {"a": HUGE},
    {1, 2},
    (),
    object(),
    Exception,
    datetime(2023, 3, 16),  # noqa: DTZ001 -- refused
    "\x00",
    "\ud800",
    "",
    " ",
    "x" * 100_000,
)


class NoZone(tzinfo):
    """A zone that does not know."""

    def utcoffset(self, _: datetime | None) -> None:
        """Return nothing."""

    def dst(self, _: datetime | None) -> None:
        """Return nothing."""

    def tzname(self, _: datetime | None) -> None:
        """Return nothing."""


@pytest.fixture
def eoi_id(engine: Engine) -> str:
    """Return the id of the draft of one school for the call 46/23."""
    engine.open_call(new_call(), actor=officer())
    return engine.draft("46/23", answers={}, actor=school(1)).eoi_id


def test_no_parameter_takes_just_anything(engine: Engine, eoi_id: str, tables: Tables) -> None:
    """Numbers, bytes, lists, naive instants and nasty texts, in every place of every method: told so."""
    both = Actor("trust", {"applicant"}, ["URN:1", "URN:2"])
    later = datetime(2023, 4, 1, tzinfo=ZoneInfo("Europe/London"))
    places: dict[str, Callable[[Any], object]] = {
        "open_call": lambda odd: engine.open_call(odd, actor=officer()),
        "open_call actor": lambda odd: engine.open_call(new_call(reference="1"), actor=odd),
        "open_call version": lambda odd: engine.open_call(
            new_call(reference="1"), actor=officer(), expected_version=odd or 7
        ),
        "extend_call": lambda odd: engine.extend_call(odd, closes_at=later, actor=officer(), reason="x"),
        "extend_call closes_at": lambda odd: engine.extend_call(
            "46/23", closes_at=odd, actor=officer(), reason="x"
        ),
        "close_call": lambda odd: engine.close_call(odd, actor=officer()),
        "close_call actor": lambda odd: engine.close_call("46/23", actor=odd),
        "close_call reason": lambda odd: engine.close_call("46/23", actor=officer(), reason=odd),
        "cancel_call": lambda odd: engine.cancel_call(odd, actor=admin(), reason="x"),
        "cancel_call reason": lambda odd: engine.cancel_call("46/23", actor=officer(), reason=odd),
        "draft": lambda odd: engine.draft(odd, answers={}, actor=both, applicant="URN:2"),
        "draft answers": lambda odd: engine.draft(
            "46/23", answers=odd, actor=both, applicant="URN:2" if not isinstance(odd, dict) else "URN:1"
        ),
        "draft actor": lambda odd: engine.draft("46/23", answers={}, actor=odd),
        "draft applicant": lambda odd: engine.draft("46/23", answers={}, actor=both, applicant=odd),
        "draft applicant_name": lambda odd: engine.draft(
            "46/23", answers={}, actor=both, applicant="URN:2", applicant_name=odd
        ),
        "save": lambda odd: engine.save(odd, answers={}, actor=school(1)),
        "save answers": lambda odd: engine.save(eoi_id, answers=odd, actor=school(1)),
        "fire": lambda odd: engine.fire(odd, "submit", actor=school(1)),
        "fire trigger": lambda odd: engine.fire(eoi_id, odd, actor=school(1)),
        "fire actor": lambda odd: engine.fire(eoi_id, "submit", actor=odd),
        "fire data": lambda odd: engine.fire(eoi_id, "submit", actor=school(1), data=odd or FIVE),
        "fire data reason": lambda odd: engine.fire(eoi_id, "review", actor=school(1), data={"reason": odd}),
        "fire data answers": lambda odd: engine.fire(eoi_id, "save", actor=school(1), data={"answers": odd}),
        "submit reason": lambda odd: engine.review(eoi_id, actor=school(1), reason=odd),
        "submit version": lambda odd: engine.submit(eoi_id, actor=school(1), expected_version=odd or 7),
        "submit key": lambda odd: engine.submit(eoi_id, actor=school(1), idempotency_key=odd),
        "submit session": lambda odd: engine.submit(eoi_id, actor=school(1), session=odd),
        "allowed": lambda odd: engine.allowed(odd, school(1)),
        "allowed actor": lambda odd: engine.allowed(eoi_id, odd),
        "allowed at": lambda odd: engine.allowed(eoi_id, school(1), at=odd),
        "explain": lambda odd: engine.explain(odd, "submit", school(1)),
        "explain trigger": lambda odd: engine.explain(eoi_id, odd, school(1)),
        "explain actor": lambda odd: engine.explain(eoi_id, "submit", odd),
        "explain data": lambda odd: engine.explain(eoi_id, "submit", school(1), data=odd or FIVE),
        "explain at": lambda odd: engine.explain(eoi_id, "submit", school(1), at=odd),
        "get": engine.get,
        "get actor": lambda odd: engine.get(eoi_id, actor=odd),
        "find call": lambda odd: engine.find(call=odd),
        "find state": lambda odd: engine.find(state=odd),
        "find after": lambda odd: engine.find(after=odd),
        "find actor": lambda odd: engine.find(actor=odd),
        "history": engine.history,
        "history actor": lambda odd: engine.history(eoi_id, actor=odd),
        "attempts": engine.attempts,
        "attempts actor": lambda odd: engine.attempts(eoi_id, actor=odd),
        "call": engine.call,
        "call actor": lambda odd: engine.call("46/23", actor=odd),
        "calls actor": lambda odd: engine.calls(actor=odd),
        "on": lambda odd: engine.on(odd, print),
        "add_endpoint": lambda odd: engine.add_endpoint(odd, actor=officer()),
        "add_endpoint events": lambda odd: engine.add_endpoint(
            "https://example.org/", events=odd or ["x"], actor=officer()
        ),
        "add_endpoint actor": lambda odd: engine.add_endpoint("https://example.org/", actor=odd),
        "endpoints actor": lambda odd: engine.endpoints(actor=odd),
        "deliveries state": lambda odd: engine.deliveries(state=odd),
        "deliveries actor": lambda odd: engine.deliveries(actor=odd),
        "retry actor": lambda odd: engine.retry(actor=odd),
    }
    before = tables()
    wrong: list[tuple[str, str, object]] = []
    for place, ask in places.items():
        for odd in ODD:
            try:
                answer = ask(odd)
            except EoiError as error:
                wrong += [] if error.code and error.message.isprintable() else [(place, "ours", error)]
            except Exception as error:  # noqa: BLE001 -- whatever is not ours is what is looked for
                wrong.append((place, repr(error), "raised"))
            else:
                wrong.append((place, str(odd)[:20] if odd is not HUGE else "huge", answer))
    assert wrong == []
    after = tables()
    assert after.pop("eoi_attempt") != before.pop("eoi_attempt")  # blanks are no reason, which is refused
    assert after == before


@pytest.mark.parametrize(
    "number",
    [0, -1, HUGE, -HUGE, 2**63, True, 1.0, "1", None, [HUGE]],
    ids=lambda value: type(value).__name__,
)
def test_numbers_have_bounds(engine: Engine, eoi_id: str, tables: Tables, number: Any) -> None:
    """A version, a limit and a delivery's number are whole, and no greater than a database can hold."""
    before = tables()
    asked: list[Callable[[], object]] = [
        lambda: engine.deliveries(limit=number),
        lambda: engine.find(limit=number),
    ]
    if number is not None:
        asked.append(lambda: engine.submit(eoi_id, actor=school(1), expected_version=number))
        asked.append(lambda: engine.retry(number, actor=officer()))
    for each in asked:
        with pytest.raises(EoiError):
            each()
    assert tables() == before
    assert engine.retry(actor=officer()) == 0
    with pytest.raises(NotFound, match="7"):
        engine.retry(7, actor=officer())


@pytest.mark.parametrize(
    "reason",
    [5, b"x", ["x"], "\x00", "a\x1b[2J", "\ud800", "x" * 10_001, "\x7f", HUGE, " \x00 "],
    ids=lambda value: type(value).__name__,
)
def test_a_reason_that_cannot_be_kept_is_refused(
    engine: Engine, eoi_id: str, tables: Tables, reason: Any
) -> None:
    """No text, too long, or what could steer a terminal: refused before anybody decides anything."""
    before = tables()
    with pytest.raises(BadInput) as refused:
        engine.withdraw(eoi_id, actor=school(1), reason=reason)
    assert refused.value.field == "reason"
    assert tables() == before


@pytest.mark.parametrize("reason", ["x" * 10_000, "two\nlines\tand a tab", "\u0645\u0646 \U0001f600"])
def test_any_other_reason_is_kept_to_the_letter(engine: Engine, eoi_id: str, reason: str) -> None:
    """Long reasons, several lines and foreign letters come back as they were given."""
    engine.withdraw(eoi_id, actor=school(1), reason=f"\n{reason} ")
    assert engine.history(eoi_id)[-1].reason == reason


@pytest.mark.parametrize(
    ("closes_at", "code"),
    [
        (datetime(2023, 4, 1), "naive-datetime"),  # noqa: DTZ001 -- refused
        (datetime(2023, 4, 1, tzinfo=NoZone()), "naive-datetime"),
        (datetime(9999, 12, 31), "year-out-of-range"),  # noqa: DTZ001 -- refused
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=23))), "year-out-of-range"),
        (datetime.min.replace(tzinfo=ZoneInfo("Asia/Tokyo")), "year-out-of-range"),
        (datetime(2200, 1, 1, tzinfo=ZoneInfo("Europe/London")), "year-out-of-range"),
        ("2023-04-01T00:00:00Z", "bad-deadline"),
        (datetime(2023, 4, 1).date(), "bad-deadline"),  # noqa: DTZ001 -- refused
        (1680307200, "bad-deadline"),
    ],
)
def test_an_instant_says_its_zone(engine: Engine, eoi_id: str, closes_at: Any, code: str) -> None:
    """A naive, absurd or written instant is refused at every door, with how to give a good one."""
    for ask, field in (
        (lambda: engine.extend_call("46/23", closes_at=closes_at, actor=officer(), reason="x"), "closes_at"),
        (lambda: engine.explain(eoi_id, "submit", school(1), at=closes_at), "at"),
        (lambda: engine.allowed(eoi_id, school(1), at=closes_at), "at"),
        (lambda: new_call(opens_at=closes_at), "opens_at"),
    ):
        with pytest.raises(BadDeadline) as refused:
            ask()
        assert (refused.value.code, refused.value.field) == (code, field)
    assert engine.call("46/23").version == 1


@pytest.mark.parametrize(
    "url",
    [
        "example.org",
        "ftp://example.org/",
        "https://",
        "https:///hook",
        "https://:443/",
        "https://[::1/",
        "https://example.org:x/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\u202e",
        "javascript:alert(1)",
        "https://\u2100.example/",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_a_url_that_leads_nowhere_is_refused(engine: Engine, url: str) -> None:
    """An address without a host, with an impossible port or with blanks is never kept as a receiver."""
    with pytest.raises(BadInput) as refused:
        engine.add_endpoint(url, actor=officer())
    assert refused.value.field == "url"
    assert engine.endpoints() == []


def test_an_endpoint_keeps_its_patterns(engine: Engine) -> None:
    """Each pattern once, in order; none means every event; officers and admins keep them."""
    first = engine.add_endpoint(
        " HTTPS://example.org:8443/h?a=1 ", events=["eoi.*", "call.closed", "eoi.*"], actor=officer()
    )
    second = engine.add_endpoint("http://10.0.0.1/", actor=admin())
    assert (first.url, first.events, first.courier) == (
        "HTTPS://example.org:8443/h?a=1",
        ("eoi.*", "call.closed"),
        "webhook",
    )
    assert second.events == ("*",)
    assert engine.endpoints() == [replace(each, secret=None) for each in (first, second)]


class Sundial:
    """Tells the time without its zone."""

    def now(self) -> datetime:
        """Return a naive instant."""
        return datetime(2023, 3, 16, 12)  # noqa: DTZ001 -- refused


def test_a_clock_says_its_zone(new_engine: Callable[..., Engine]) -> None:
    """A clock that tells naive instants is refused when it is first read; what is no clock at once."""
    engine = new_engine(clock=Sundial())
    for ask in (lambda: engine.open_call(new_call(), actor=officer()), engine.close_due):
        with pytest.raises(BadInput, match="aware datetime") as refused:
            ask()
        assert refused.value.field == "clock"
    for clock in (5, "now", object()):
        with pytest.raises(BadInput):
            Engine("sqlite://", clock=clock)  # type: ignore[arg-type]  # no clock on purpose


class WallClock:
    """Tells the time of London."""

    def now(self) -> datetime:
        """Return a summer's noon."""
        return datetime(2023, 7, 1, 12, tzinfo=ZoneInfo("Europe/London"))


def test_a_clock_in_another_zone_is_read_in_utc(new_engine: Callable[..., Engine]) -> None:
    """Whatever zone it tells, the first answer and every later one show the same instant in UTC."""
    engine = new_engine(clock=WallClock())
    notice = new_call(closes_on=date(2023, 8, 1))
    call = engine.open_call(notice, actor=officer())
    assert call.opens_at.isoformat() == "2023-07-01T11:00:00+00:00"
    assert repr(engine.call("46/23").opens_at) == repr(call.opens_at)


@pytest.mark.parametrize(
    "settle_s",
    [-1, 3601, float("nan"), float("inf"), "2", None, True, HUGE],
    ids=lambda value: type(value).__name__,
)
def test_a_settle_time_has_bounds(settle_s: Any) -> None:
    """Below 0, over an hour, or no number: refused when the engine is made."""
    with pytest.raises(BadInput) as refused:
        Engine("sqlite://", settle_s=settle_s)
    assert refused.value.field == "settle_s"
