"""Which keys of an issuer count, and when they are fetched."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adapters.api.jwks import FRESH_S, KEPT_S, REST_S, SOON_S, WAITING, KeptKeys
from adapters.api.oidc import IssuerUnavailable, Oidc
from adapters.api.turns import ALWAYS
from adapters.outbound.issuer import LONGEST_ANSWER, Issuer
from tests.oidc.conftest import OK, MakeOidc, Timer, WordOf
from tests.oidc.provider import DISCOVERY, KEYS, Provider, Signer, drips, ec_signer, hangs, rsa_signer
from tests.servers.answering import says
from workflow import Unauthenticated
from workflow.testing import FrozenClock

ONE, OTHER = rsa_signer(), rsa_signer("other")


def settled(oidc: Oidc) -> None:
    """Wait until no fetch is under way."""
    under_way = oidc._keys._under_way
    assert under_way is None or under_way.wait(10)


def is_known(oidc: Oidc, token: str) -> bool:
    """Return whether a token holds, whatever is logged besides."""
    try:
        return bool(oidc.actor(token))
    except (IssuerUnavailable, Unauthenticated):
        return False


def in_doubt(oidc: Oidc, token: str) -> float:
    """Return when to come again, in seconds, as is told where a token cannot be checked."""
    with pytest.raises(IssuerUnavailable) as caught:
        oidc.actor(token)
    assert caught.value.facts.keys() == {"retry_after_s"}
    return float(str(caught.value.facts["retry_after_s"]))


# ---- which keys


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, OK),
        ({"use": ...}, OK),
        ({"alg": ...}, OK),
        ({"key_ops": ["verify"]}, OK),
        ({"x5c": ["MIIB"], "x5t": "abc"}, OK),
        ({"use": "enc"}, "no-key"),
        ({"use": ["sig"]}, "no-key"),
        ({"key_ops": ["encrypt"]}, "no-key"),
        ({"key_ops": "verify"}, "no-key"),
        ({"alg": "RS384"}, "no-key"),
        ({"alg": "HS256"}, "no-key"),
        ({"alg": ["RS256"]}, "no-key"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "no-key"),
        ({"kty": "EC", "crv": "P-256"}, "no-key"),
        ({"kty": ["RSA"]}, "no-key"),
        ({"kty": ...}, "no-key"),
        ({"kid": ...}, "no-key"),
        ({"kid": 1}, "no-key"),
        ({"kid": "One"}, "no-key"),
        ({"n": ...}, "no-key"),
        ({"n": 65537}, "no-key"),
        ({"n": "*"}, "no-key"),
        ({"n": ""}, "no-key"),
        ({"e": "AA"}, "no-key"),
        ({"e": "AQ"}, "no-key"),
        ({"d": "AQAB"}, "no-key"),
    ],
)
def test_a_key_must_be_fit_for_it(
    provider: Provider, oidc: Oidc, word_of: WordOf, changes: dict[str, Any], word: str
) -> None:
    """One for another use, of another kind, of no name, broken, or private is left out."""
    jwk = {name: value for name, value in {**ONE.jwk, **changes}.items() if value is not ...}
    provider.keys = [jwk]
    assert word_of(oidc, provider.token()) == word


@pytest.mark.parametrize("odd", [None, 5, "key", [], {}, [ONE.jwk], {"kid": None}])
def test_what_is_no_key_hides_no_other(provider: Provider, oidc: Oidc, word_of: WordOf, odd: object) -> None:
    """Of a list with something odd in it, the rest is used."""
    provider.keys = [odd, ONE.jwk, odd]
    assert word_of(oidc, provider.token()) == OK


def test_short_keys_are_none(provider: Provider, oidc: Oidc, word_of: WordOf) -> None:
    """RSA of fewer than 2,048 bits (RFC 7518, 3.3) is refused."""
    short = rsa_signer("short", bits=1024)
    provider.keys = [short.jwk]
    assert word_of(oidc, provider.token(short)) == "key"


def test_a_curve_is_of_one_algorithm(provider: Provider, oidc: Oidc, word_of: WordOf) -> None:
    """A key that says another curve than its algorithm's is left out (RFC 7518, 3.4)."""
    provider.keys = [{**ec_signer().jwk, "crv": "P-384"}]
    assert word_of(oidc, provider.token(ec_signer())) == "no-key"


def test_keys_may_share_a_name(provider: Provider, oidc: Oidc, word_of: WordOf) -> None:
    """Two of one kind, or of two (RFC 7517, 4.5): each verifies what it signed, and nobody else's."""
    twins = [ONE, Signer("one", "RS256", OTHER.private), Signer("one", "ES256", ec_signer().private)]
    provider.keys = [each.jwk for each in twins]
    assert [word_of(oidc, provider.token(each)) for each in twins] == [OK] * 3
    assert word_of(oidc, provider.token(Signer("one", "RS256", rsa_signer("third").private))) == "signature"


def test_a_list_without_end_is_not_searched(provider: Provider, oidc: Oidc, word_of: WordOf) -> None:
    """After the first hundred nothing is looked at."""
    provider.keys = [{}] * 99 + [ONE.jwk, OTHER.jwk]
    assert [word_of(oidc, provider.token(each)) for each in (ONE, OTHER)] == [OK, "no-key"]


# ---- rotation


def test_a_new_key_is_found_by_its_name(
    provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer
) -> None:
    """Old tokens go on while their key is published, the new key is found at once; nothing is restarted."""
    old = provider.token(ONE)
    assert word_of(oidc, old) == OK
    provider.keys = [ONE.jwk, OTHER.jwk]
    timer.now_s += REST_S
    assert [word_of(oidc, token) for token in (provider.token(OTHER), old)] == [OK, OK]
    assert provider.fetches == 2


def test_an_old_token_ends_by_its_own_time(
    provider: Provider, oidc: Oidc, word_of: WordOf, clock: FrozenClock
) -> None:
    """That its key is still there does not make it last longer."""
    token = provider.token()
    assert word_of(oidc, token) == OK
    clock.move_by(hours=1, minutes=1)
    assert word_of(oidc, token) == "expired"


def test_a_key_that_was_withdrawn_ends(provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer) -> None:
    """Within five minutes what it signed is refused; the request that finds it old is the last one."""
    token = provider.token()
    assert word_of(oidc, token) == OK
    provider.keys = [OTHER.jwk]
    timer.now_s += FRESH_S - 1
    assert (word_of(oidc, token), provider.fetches) == (OK, 1)
    timer.now_s += 1
    assert word_of(oidc, token) == OK
    settled(oidc)
    assert (word_of(oidc, token), provider.fetches) == ("no-key", 2)


def test_an_issuer_without_keys_opens_nothing(
    provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer
) -> None:
    """Whoever withdraws all keys means it: the old ones do not go on as if it were out of reach."""
    assert word_of(oidc, provider.token()) == OK
    provider.keys = []
    timer.now_s += REST_S
    assert word_of(oidc, provider.token(OTHER)) == "no-key"
    assert word_of(oidc, provider.token()) == "no-key"


# ---- who makes us fetch


def test_nobody_makes_us_fetch_at_will(provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer) -> None:
    """Names that nobody knows, however many, have keys fetched once in ten seconds; known ones not at all."""
    assert word_of(oidc, provider.token()) == OK
    flood = [provider.token(head={"kid": f"name-{each}"}) for each in range(100)]
    for seconds, fetches in ((0, 1), (REST_S, 2), (REST_S - 0.1, 2), (0.1, 3)):
        timer.now_s += seconds
        assert {word_of(oidc, token) for token in flood} == {"no-key"}
        assert provider.fetches == fetches
    assert {word_of(oidc, provider.token()) for _ in range(100)} == {OK}
    assert provider.fetches == 3


def test_a_known_name_with_another_algorithm_fetches_nothing(
    provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer
) -> None:
    """Who knows the name of a key makes us fetch no more than who makes one up."""
    assert word_of(oidc, provider.token()) == OK
    timer.now_s += REST_S
    assert word_of(oidc, provider.token(head={"alg": "ES256"})) == "no-key"
    assert provider.fetches == 1


def test_many_who_wait_are_one_fetch(provider: Provider, oidc: Oidc) -> None:
    """All who come at once with the first tokens share one fetch."""
    together, token = threading.Barrier(WAITING), provider.token()

    def ask() -> str:
        together.wait(10)
        return oidc.actor(token).id

    with ThreadPoolExecutor(WAITING) as pool:
        told = [each.result(20) for each in [pool.submit(ask) for _ in range(WAITING)]]
    assert (set(told), provider.fetches) == ({f"{provider.name}#8f21"}, 1)


def test_few_wait_for_an_issuer_that_hangs(provider: Provider, oidc: Oidc, word_of: WordOf) -> None:
    """So many wait, and so long: whoever comes then is told at once to come again."""
    token = provider.token()
    provider.instead[KEYS] = hangs(provider)
    for _ in range(WAITING):
        oidc._keys._places.acquire()
    assert in_doubt(oidc, token) == SOON_S
    oidc._keys._places.release()
    assert in_doubt(oidc, token) == SOON_S  # it waited, and not for as long as the fetch lasts
    provider.let_go.set()
    assert in_doubt(oidc, token) == REST_S
    assert provider.fetches == 1


def test_fewer_wait_for_an_issuer_than_are_always_let_in() -> None:
    """However long it hangs, requests with keys are let in beside those that wait for it."""
    assert WAITING <= ALWAYS / 2


# ---- an issuer out of reach


def test_an_issuer_that_is_down_at_the_start(
    provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer
) -> None:
    """Tokens cannot be checked, which is no fault of theirs; ten seconds later it is asked again."""
    token = provider.token()
    provider.stop()
    assert in_doubt(oidc, token) == REST_S
    provider.start()
    assert in_doubt(oidc, token) == REST_S
    assert provider.asked == []
    timer.now_s += REST_S
    assert word_of(oidc, token) == OK


def test_the_old_keys_go_on_while_the_issuer_is_down(
    provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer
) -> None:
    """For a day; a new name cannot be known meanwhile; after that nothing can, until it is back."""
    assert word_of(oidc, provider.token()) == OK
    new = provider.token(OTHER)
    provider.stop()
    for seconds in (FRESH_S, REST_S, KEPT_S - FRESH_S - REST_S - 1):
        timer.now_s += seconds
        assert is_known(oidc, provider.token())
        settled(oidc)
        assert in_doubt(oidc, new) == REST_S
    timer.now_s += 1
    assert in_doubt(oidc, provider.token()) == REST_S
    provider.keys = [OTHER.jwk]
    provider.start()
    timer.now_s += REST_S
    assert [word_of(oidc, each) for each in (new, provider.token())] == [OK, "no-key"]


def test_nobody_waits_while_there_are_old_keys(
    provider: Provider, oidc: Oidc, word_of: WordOf, timer: Timer
) -> None:
    """What is fetched anew is fetched in the background: an issuer that hangs keeps no request waiting."""
    assert word_of(oidc, provider.token()) == OK
    provider.instead[KEYS] = hangs(provider)
    timer.now_s += FRESH_S
    assert [word_of(oidc, provider.token()) for _ in range(5)] == [OK] * 5
    assert oidc._keys._under_way is not None
    provider.let_go.set()
    settled(oidc)
    assert provider.fetches == 2


def test_a_fetch_that_fails_is_followed_by_another_one(timer: Timer) -> None:
    """Ten seconds later, and not sooner."""
    tried = list[int]()

    def load() -> dict[str, Sequence[str]]:
        tried.append(1)
        if len(tried) == 1:
            raise IssuerUnavailable(issuer="https://login.example", why="no keys")
        return {"one": ["key"]}

    keys = KeptKeys(load, timer=timer)
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            keys.named("one")
    timer.now_s += REST_S
    assert (keys.named("one"), len(tried)) == (["key"], 2)


# ---- what an issuer may answer


@pytest.mark.parametrize(
    ("path", "fault", "why"),
    [
        (DISCOVERY, says(404), "status 404"),
        (DISCOVERY, says(200, "<html>"), "no JSON"),
        (DISCOVERY, says(200, "[]"), "no JSON object"),
        (DISCOVERY, says(200, "{}"), "another issuer"),
        (KEYS, says(500, "{}"), "status 500"),
        (KEYS, says(302, Location=KEYS), "status 302"),
        (KEYS, says(204), "status 204"),
        (KEYS, says(200, ""), "no JSON"),
        (KEYS, says(200, b"\xff\xfe\xff"), "no JSON"),
        (KEYS, says(200, "[" * 100_000), "no JSON"),
        (KEYS, says(200, '{"keys": ' + "1" * 5000 + "}"), "no JSON"),
        (KEYS, says(200, "null"), "no JSON object"),
        (KEYS, says(200, "{}"), "no keys"),
        (KEYS, says(200, '{"keys": {}}'), "no keys"),
        (KEYS, says(200, '{"keys": "all"}'), "no keys"),
        (KEYS, says(200, b" " * (LONGEST_ANSWER + 1)), "too large"),
        (KEYS, says(200, b" " * LONGEST_ANSWER), "no JSON"),
        (KEYS, drips, "ReadTimeout"),
        (KEYS, hangs, "ReadTimeout"),
        (KEYS, lambda handler: setattr(handler, "close_connection", True), "RemoteProtocolError"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_word(provider: Provider, path: str, fault: Any, why: str) -> None:
    """Too large, too slow, no JSON, sent elsewhere: it ends in time, and says what was wrong."""
    provider.instead[path] = fault(provider) if fault is hangs else fault
    with pytest.raises(IssuerUnavailable) as caught:
        Issuer(provider.name, timeout_s=0.5).keys()
    assert caught.value.facts == {"issuer": provider.name, "why": why}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"issuer": "https://login.example"}, "another issuer"),
        ({"issuer": "http://127.0.0.1"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"jwks_uri": None}, "no jwks_uri"),
        ({"jwks_uri": 5}, "no jwks_uri"),
        ({"jwks_uri": "/keys"}, "no jwks_uri"),
        ({"jwks_uri": "http://login.example/keys"}, "no jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "no jwks_uri"),
        ({"jwks_uri": "https://user:word@login.example/keys"}, "no jwks_uri"),
        ({"jwks_uri": "https://"}, "no jwks_uri"),
        ({"jwks_uri": "https://[::1/keys"}, "no jwks_uri"),
        ({"jwks_uri": "https://login.example/keys#here"}, "no jwks_uri"),
        ({"jwks_uri": "http://127.0.0.1:1/keys"}, "ConnectError"),
    ],
)
def test_what_it_tells_of_itself_must_hold(provider: Provider, told: dict[str, Any], why: str) -> None:
    """The issuer is the one that is set, letter by letter, and its keys are where nobody listens in."""
    provider.told = told
    with pytest.raises(IssuerUnavailable) as caught:
        Issuer(provider.name).keys()
    assert caught.value.facts["why"] == why
    assert provider.fetches == 0


def test_the_keys_may_be_elsewhere(provider: Provider, make_oidc: MakeOidc, word_of: WordOf) -> None:
    """Where it is set where they are, the issuer is not asked for it."""
    oidc = make_oidc(jwks_url=f"{provider.name}{KEYS}")
    assert (word_of(oidc, provider.token()), provider.asked) == (OK, [KEYS])


def test_an_issuer_may_end_in_a_slash(clock: FrozenClock) -> None:
    """It is asked without the slash (OpenID Connect Discovery 1.0, 4), and named with it."""
    with Provider(clock) as provider:
        provider.told = {"issuer": f"{provider.name}/"}
        assert Issuer(f"{provider.name}/").keys() == provider.keys
        assert provider.asked == [DISCOVERY, KEYS]
