"""Who asks: one key in one header; and what becomes of those who guess."""

import logging
from collections.abc import Callable

import pytest
from fastapi import FastAPI

from adapters.api.auth import LONGEST
from adapters.api.rates import Counts, KnownKeys, Rates, network
from adapters.settings import Settings
from tests.api_frame.asgi import Answer, ask, key
from tests.api_frame.conftest import KEYS, MakeApi
from workflow import Actor, CallView, DatabaseUnavailable, Unauthenticated


class Timer:
    """Seconds that are moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return them."""
        return self.now_s


@pytest.fixture
def timer() -> Timer:
    """Return seconds that stand still."""
    return Timer()


@pytest.fixture
def get(call: CallView) -> Callable[..., Answer]:
    """Return what asks for the one call."""

    def ask_for_it(api: FastAPI, *headers: tuple[str, str], address: str = "203.0.113.7") -> Answer:
        return ask(api, "GET", f"/v1/calls/{call.id}", *headers, address=address)

    return ask_for_it


Get = Callable[..., Answer]


@pytest.mark.parametrize(
    "said", ["Bearer officer-key", "bearer officer-key", "BEARER officer-key", "Bearer  officer-key "]
)
def test_a_key_is_known(api: FastAPI, get: Get, said: str) -> None:
    """The scheme's name has no case (RFC 9110, 11.1)."""
    assert get(api, ("Authorization", said)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", "officer-key")],
        [("Authorization", "Basic b2ZmaWNlci1rZXk6")],
        [("Authorization", "Digest officer-key")],
        [("Authorization", "Bearer no-such-key")],
        [("Authorization", "Bearer officer-key officer-key")],
        [("Authorization", "Bearer officer-key,")],
        [("Authorization", "Bearer, officer-key")],
        [("Authorization", "Bearer\tofficer-key")],
        [("Authorization", "Bearer officer-key\x00")],
        [("Authorization", "Bearer officer\xe9key")],
        [("Authorization", "Bearer 'officer-key'")],
        [("Authorization", "Bearer ====")],
        [("Authorization", "Bearer " + "k" * (LONGEST + 1))],
        [("Authorization", "Bearer " + "k" * 30_000)],
        [("Authorization", "k" * 30_000)],
        [key("officer-key"), key("officer-key")],
        [key("officer-key"), key("admin-key")],
        [("X-Api-Key", "officer-key")],
        [("Proxy-Authorization", "Bearer officer-key")],
        [("Cookie", "Authorization=Bearer officer-key")],
    ],
)
def test_whatever_is_no_key_is_told_alike(api: FastAPI, get: Get, headers: list[tuple[str, str]]) -> None:
    """None, two, another scheme, or what is no token: 401 with one and the same answer, and the way in."""
    answer = get(api, *headers)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.header("www-authenticate") == 'Bearer realm="eoi"'
    assert answer.body == get(api).body


def test_a_key_in_the_address_is_none(api: FastAPI, call: CallView) -> None:
    """Addresses are logged on the way: a key is not looked for there (RFC 6750, 2.3)."""
    answer = ask(api, "GET", f"/v1/calls/{call.id}", query=b"access_token=officer-key")
    assert answer.status == 401


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/calls/{}", ""), ("/v1/calls/{}/history", ""), ("/v1/eois/{}", ""), ("/v1/eois/{}/attempts", ""),
        ("/v1/eois", "call={}"), ("/v1/calls", "state={}"), ("/v1/calls", "{}=1"), ("/v1/endpoints/{}", ""),
        ("/v1/jobs", "state={}"),
    ],
)  # fmt: skip
def test_a_key_that_stands_where_an_id_belongs_is_not_said_again(api: FastAPI, path: str, query: str) -> None:
    """By its prefix alone: what comes back is what programs log."""
    lost = f"eoi_k3v9x2ab_{'S3cret_-' * 5}abc"
    answer = ask(api, "GET", path.format(lost), key("officer-key"), query=query.format(lost).encode())
    assert answer.status in (404, 422)
    assert (b"eoi_k3v9x2ab_" in answer.body, b"S3cret" in answer.body) == (True, False)


def test_what_is_no_token_is_asked_of_nobody(make_api: MakeApi, get: Get) -> None:
    """The database hears of no key that is none."""
    asked = list[str]()

    def knows(token: str) -> Actor:
        asked.append(token)
        raise Unauthenticated

    api = make_api(knows=knows)
    for said in ("Bearer", "Bearer " + "k" * (LONGEST + 1), "Bearer two words", "Basic abc"):
        assert get(api, ("Authorization", said)).status == 401
    assert asked == []


def test_a_database_that_is_away_is_not_a_wrong_key(make_api: MakeApi, get: Get) -> None:
    """Whoever could not be looked up is told to come again, and not counted as who guesses."""

    def knows(_: str) -> Actor:
        raise DatabaseUnavailable

    api = make_api(knows=knows, rates=Rates(failures=1))
    for _ in range(3):
        answer = get(api, key("officer-key"))
        assert (answer.status, answer.code, answer.header("retry-after")) == (
            503,
            "database-unavailable",
            "1",
        )


def test_an_actor_has_so_many_requests_in_a_minute(make_api: MakeApi, get: Get, timer: Timer) -> None:
    """The next one is told when to come again; others are not held up; a minute later it is heard."""
    api = make_api(rates=Rates(requests=3, timer=timer))
    assert [get(api, key("school-key")).status for _ in range(3)] == [200] * 3
    timer.now_s += 20.5
    answer = get(api, key("school-key"))
    assert (answer.status, answer.code, answer.header("retry-after")) == (429, "too-many-requests", "40")
    assert get(api, key("officer-key")).status == 200
    timer.now_s += 39.5
    assert get(api, key("school-key")).status == 200


def test_an_actor_is_counted_wherever_they_ask_from(make_api: MakeApi, get: Get, timer: Timer) -> None:
    """Another address gives nobody more."""
    api = make_api(rates=Rates(requests=1, timer=timer))
    told = [get(api, key("school-key"), address=f"203.0.113.{each}").status for each in range(2)]
    assert told == [200, 429]


def test_whoever_guesses_is_not_heard_any_more(make_api: MakeApi, get: Get, timer: Timer) -> None:
    """After three failures an address is told to wait, with a right key too: it must not learn which."""
    api = make_api(rates=Rates(failures=3, timer=timer))
    assert [get(api, key(f"guess-{each}")).status for each in range(3)] == [401] * 3
    for token in ("guess-4", "officer-key"):
        answer = get(api, key(token))
        assert (answer.status, answer.code, answer.header("retry-after")) == (429, "too-many-requests", "60")
    assert get(api, key("officer-key"), address="203.0.113.8").status == 200
    timer.now_s += 60
    assert get(api, key("admin-key")).status == 200


def test_a_key_that_was_right_before_is_heard_all_the_same(make_api: MakeApi, get: Get, timer: Timer) -> None:
    """A school behind one address with a broken script gets its submission in at the last minute."""
    api = make_api(rates=Rates(failures=3, timer=timer))
    assert get(api, key("school-key")).status == 200
    for each in range(5):
        get(api, key(f"guess-{each}"))
    assert (get(api, key("school-key")).status, get(api, key("officer-key")).status) == (200, 429)


def test_a_key_that_was_right_and_is_revoked_is_a_guess_again(
    make_api: MakeApi, get: Get, timer: Timer
) -> None:
    """It is asked for each time; once it has failed, nothing of it is remembered."""
    valid = dict(KEYS)

    def knows(token: str) -> Actor:
        if token not in valid:
            raise Unauthenticated
        return valid[token]

    api = make_api(knows=knows, rates=Rates(failures=3, timer=timer))
    assert get(api, key("school-key")).status == 200
    del valid["school-key"]
    assert [get(api, key("school-key")).status for _ in range(4)] == [401, 401, 401, 429]


def test_a_forgotten_key_is_no_guess(make_api: MakeApi, get: Get) -> None:
    """Who sends none at all is told so each time, and locks nobody out."""
    api = make_api(rates=Rates(failures=2))
    assert [get(api).status for _ in range(5)] == [401] * 5
    assert get(api, key("officer-key")).status == 200


def test_what_is_no_token_counts_as_a_guess(make_api: MakeApi, get: Get) -> None:
    """Whoever tries schemes and shapes is stopped like who tries keys."""
    api = make_api(rates=Rates(failures=2))
    assert [get(api, ("Authorization", "Basic abc")).status for _ in range(3)] == [401, 401, 429]


def test_no_key_is_logged(make_api: MakeApi, get: Get, caplog: pytest.LogCaptureFixture) -> None:
    """Right or wrong, refused or answered: no line and no answer holds it."""
    api = make_api(rates=Rates(failures=1))
    with caplog.at_level(logging.DEBUG):
        answers = [get(api, key(token)) for token in ("officer-key", "guess-1", "guess-2")]
    assert [each.status for each in answers] == [200, 401, 429]
    heard = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    told = heard + "".join(f"{each.headers}{each.body!r}" for each in answers)
    assert [token for token in ("officer-key", "guess-1", "guess-2") if token in told] == []


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
        ("x" * 1000, "x" * 64),
    ],
)
def test_an_address_is_counted_by_what_one_client_has(address: str, counted_as: str) -> None:
    """Of IPv6, one client has 2^64 addresses: their first half is counted."""
    assert network(address) == counted_as


def test_one_network_of_ipv6_is_one_who_guesses(make_api: MakeApi, get: Get) -> None:
    """Another address of the same network is not heard either; another network is."""
    api = make_api(rates=Rates(failures=2))
    for each in range(2):
        get(api, key(f"guess-{each}"), address=f"2001:db8::{each}")
    told = [get(api, key("officer-key"), address=each).status for each in ("2001:db8::9", "2001:db8:0:1::9")]
    assert told == [429, 200]


def test_what_is_counted_is_bounded(timer: Timer) -> None:
    """However many fail from however many addresses, memory holds so many and no more; the oldest goes."""
    counts = Counts(timer, most=100)
    for each in range(1000):
        counts.incr(f"address-{each}", 60)
    assert (len(counts), counts.get("address-999"), counts.get("address-0")) == (100, 1, 0)
    timer.now_s += 60
    assert counts.get("address-999") == 0
    counts.incr("one", 60)
    assert len(counts) == 1
    assert (counts.reset(), len(counts)) == (1, 0)


def test_a_count_lasts_from_its_first_to_its_end(timer: Timer) -> None:
    """What is added later does not make it last longer, and what begins anew stands last in the line."""
    counts = Counts(timer)
    counts.incr("a", 60)
    timer.now_s += 30
    counts.incr("b", 60)
    assert counts.incr("a", 60) == 2
    assert counts.get_expiry("a") == 1060
    timer.now_s += 30
    assert (counts.incr("a", 60), counts.get("b")) == (1, 1)
    counts.clear("b")
    assert (counts.get("b"), len(counts), counts.check()) == (0, 1, True)


def test_known_keys_are_bounded_and_kept_as_digests() -> None:
    """Who was not seen for longest is forgotten, and no key can be read from what is remembered."""
    known = KnownKeys(most=2)
    for token in ("a-key", "b-key", "a-key", "c-key"):
        known.add(token)
    assert [token in known for token in ("a-key", "b-key", "c-key")] == [True, False, True]
    assert "a-key" not in repr(vars(known))


def test_the_settings_have_the_same_defaults() -> None:
    """What is said of them in the README is what is built without any."""
    settings, rates = Settings(), Rates()
    assert (settings.api_rate, settings.api_failures) == (rates._requests.amount, rates._failures.amount)
