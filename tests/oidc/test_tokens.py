"""Which tokens hold: each is put to what knows a real provider on this machine."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.api.oidc import Oidc
from tests.oidc.conftest import OK, MakeOidc, WordOf
from tests.oidc.provider import AUDIENCE, Provider, Signer, ec_signer, rsa_signer, signed
from workflow import Actor
from workflow.testing import FrozenClock


@pytest.mark.parametrize("signer", [rsa_signer(), ec_signer()])
def test_a_token_says_who_asks(provider: Provider, oidc: Oidc, signer: Signer) -> None:
    """By RS256 and ES256: an id that names its issuer, the role of the listed word, the door."""
    provider.keys = [signer.jwk]
    actor = oidc.actor(provider.token(signer))
    assert actor == Actor(f"{provider.name}#8f21", {"officer"}, via="http")


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({}, OK),
        ({"aud": [AUDIENCE]}, OK),
        ({"aud": ["another", AUDIENCE]}, OK),
        ({"aud": "another"}, "audience"),
        ({"aud": ["another"]}, "audience"),
        ({"aud": AUDIENCE + "/"}, "audience"),
        ({"aud": AUDIENCE.upper()}, "audience"),
        ({"aud": ...}, "claims"),
        ({"aud": None}, "claims"),
        ({"aud": []}, "claims"),
        ({"aud": ""}, "claims"),
        ({"aud": 5}, "audience"),
        ({"aud": {"api": AUDIENCE}}, "audience"),
        ({"aud": [AUDIENCE, 5]}, "audience"),
        ({"iss": "https://login.example"}, "issuer"),
        ({"iss": ...}, "claims"),
        ({"iss": None}, "claims"),
        ({"iss": 5}, "issuer"),
        ({"iss": [1]}, "issuer"),
        ({"exp": ...}, "claims"),
        ({"exp": None}, "claims"),
        ({"exp": "1999999999"}, "claims"),
        ({"exp": True}, "claims"),
        ({"exp": []}, "claims"),
        ({"exp": float("nan")}, "claims"),
        ({"exp": float("inf")}, "claims"),
        ({"exp": 10**400}, "claims"),
        ({"exp": 2**53}, "claims"),
        ({"exp": 0}, "expired"),
        ({"exp": -(10**400)}, "claims"),
        ({"iat": ...}, OK),
        ({"iat": "now"}, "claims"),
        ({"iat": None}, "claims"),
        ({"nbf": {}}, "claims"),
        ({"sub": ...}, "actor"),
        ({"sub": 8}, "claims"),
        ({"sub": ["8f21"]}, "claims"),
        ({"sub": ""}, "actor"),
        ({"sub": "head@school.example"}, "actor"),
        ({"sub": "8f21 "}, "actor"),
        ({"sub": "8f21\n"}, "actor"),
        ({"sub": "8f\u200b21"}, "actor"),
        ({"sub": "sch\u00fcler"}, "actor"),
        ({"sub": "8" * 200}, "actor"),
        ({"sub": "auth0|5f7c8ec7c33c6c004bbafe82"}, OK),
        ({"jti": 5}, "claims"),
        ({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, "bound"),
    ],
)
def test_what_a_token_says_must_hold(
    provider: Provider,
    oidc: Oidc,
    word_of: WordOf,
    claims: dict[str, Any],
    word: str,
) -> None:
    """Issuer and audience letter by letter, an end, each of its type; odd ones are refused, and no fault."""
    assert word_of(oidc, provider.token(**claims)) == word


@pytest.mark.parametrize(
    ("offset_s", "word"),
    [
        ({"exp": -59}, OK),
        ({"exp": -59.5}, OK),
        ({"exp": -60}, "expired"),
        ({"exp": -3600}, "expired"),
        ({"nbf": 60}, OK),
        ({"nbf": 61}, "not-yet-valid"),
        ({"nbf": -3600}, OK),
        ({"iat": 60}, OK),
        ({"iat": 60.5}, "not-yet-valid"),
    ],
)
def test_clocks_may_be_a_minute_apart(
    provider: Provider,
    oidc: Oidc,
    word_of: WordOf,
    offset_s: dict[str, float],
    word: str,
) -> None:
    """A minute after its end a token is over; more than a minute before its beginning it is not yet valid."""
    now_s = provider.clock.now().timestamp()
    claims: dict[str, Any] = {name: now_s + each for name, each in offset_s.items()}
    assert word_of(oidc, provider.token(**claims)) == word


@pytest.mark.parametrize(
    ("head", "word"),
    [
        ({"typ": "JWT"}, OK),
        ({"typ": "jwt"}, OK),
        ({"typ": "AT+JWT"}, OK),
        ({"typ": "application/at+jwt"}, OK),
        ({"typ": ...}, "type"),
        ({"typ": None}, "type"),
        ({"typ": ["JWT"]}, "type"),
        ({"typ": "dpop+jwt"}, "type"),
        ({"typ": "logout+jwt"}, "type"),
        ({"typ": "secevent+jwt"}, "type"),
        ({"alg": ...}, "algorithm"),
        ({"alg": "none"}, "algorithm"),
        ({"alg": "None"}, "algorithm"),
        ({"alg": ""}, "algorithm"),
        ({"alg": None}, "algorithm"),
        ({"alg": ["RS256"]}, "algorithm"),
        ({"alg": {"RS256": 1}}, "algorithm"),
        ({"alg": "HS256"}, "algorithm"),
        ({"alg": "RS384"}, "algorithm"),
        ({"alg": "PS256"}, "algorithm"),
        ({"alg": "rs256"}, "algorithm"),
        ({"alg": "ES256"}, "no-key"),
        ({"kid": ...}, "no-key"),
        ({"kid": None}, "malformed"),
        ({"kid": 1}, "malformed"),
        ({"kid": "three"}, "no-key"),
        ({"crit": ["exp"], "exp": 1}, "malformed"),
        ({"crit": []}, "malformed"),
        ({"crit": ["b64"], "b64": False}, "malformed"),
    ],
)
def test_the_head_must_hold(
    provider: Provider,
    oidc: Oidc,
    word_of: WordOf,
    head: dict[str, Any],
    word: str,
) -> None:
    """Type and algorithm are pinned, the key is named, and what must be understood and is not is refused."""
    assert word_of(oidc, provider.token(head=head)) == word


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _pem(signer: Signer) -> bytes:
    key = signer.private.public_key()
    return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _der(signer: Signer) -> bytes:
    key = signer.private.public_key()
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _json(signer: Signer) -> bytes:
    return json.dumps(signer.jwk).encode()


@pytest.mark.parametrize("secret", [_pem, _der, _json, lambda _: b""])
@pytest.mark.parametrize("algorithms", [("RS256",), ("RS256", "ES256")])
def test_a_public_key_is_no_secret(
    provider: Provider,
    make_oidc: MakeOidc,
    word_of: WordOf,
    secret: Callable[[Signer], bytes],
    algorithms: tuple[str, ...],
) -> None:
    """A token that is signed by HMAC, with the issuer's public key as the secret, is refused unread."""
    _, claims, _ = provider.token().split(".")
    head = _base64(json.dumps({"typ": "JWT", "alg": "HS256", "kid": rsa_signer().name}).encode())
    mac = hmac.digest(secret(rsa_signer()), f"{head}.{claims}".encode(), hashlib.sha256)
    forged = f"{head}.{claims}.{_base64(mac)}"
    assert word_of(make_oidc(algorithms=algorithms), forged) == "algorithm"


def test_nothing_is_unsigned(provider: Provider, oidc: Oidc, word_of: WordOf) -> None:
    """`alg: none`, with and without a signature; and a good head whose signature was taken away."""
    head, claims, signature = provider.token().split(".")
    none = _base64(json.dumps({"typ": "JWT", "alg": "none", "kid": "one"}).encode())
    told = [
        word_of(oidc, token)
        for token in (f"{none}.{claims}.", f"{none}.{claims}.{signature}", f"{head}.{claims}.")
    ]
    assert told == ["algorithm", "algorithm", "signature"]


def test_nothing_can_be_changed(provider: Provider, oidc: Oidc, word_of: WordOf) -> None:
    """Other claims under a good signature, another token's signature, and a letter changed in each part."""
    head, claims, signature = provider.token().split(".")
    _, more, _ = provider.token(roles=["Staff", "Panel"]).split(".")
    *_, another = provider.token(sub="other").split(".")
    flipped = signature[:9] + ("A" if signature[9] != "A" else "B") + signature[10:]
    for token in (f"{head}.{more}.{signature}", f"{head}.{claims}.{another}", f"{head}.{claims}.{flipped}"):
        assert word_of(oidc, token) == "signature"


def test_a_token_brings_no_key_along(
    provider: Provider, oidc: Oidc, clock: FrozenClock, word_of: WordOf
) -> None:
    """Whatever key, certificate or address of keys stands in its head: the issuer's own keys alone count."""
    stranger = rsa_signer("stranger")
    with Provider(clock) as theirs:
        theirs.keys = [stranger.jwk]
        head = {
            "kid": "one",
            "jwk": stranger.jwk,
            "jku": f"{theirs.name}/keys",
            "x5u": f"{theirs.name}/keys",
            "x5c": ["MIIB"],
        }
        assert word_of(oidc, provider.token(stranger, head=head)) == "signature"
        assert word_of(oidc, provider.token(stranger)) == "no-key"
        assert theirs.asked == []


@pytest.mark.parametrize(
    "token",
    [
        "..",
        "a.b.c",
        "e30.e30.e30",
        "bm9uZQ.e30.e30",
        "!!!.???.***",
        "ew.e30.e30",
        "W10.e30.e30",
        "bnVsbA.e30.e30",
        _base64(b"[" * 5000) + ".e30.e30",
        _base64(b'{"a":' * 3000) + ".e30.e30",
        _base64(b'{"alg":' + b"1" * 5000 + b"}") + ".e30.e30",
        _base64(b"\xff\xfe") + ".e30.e30",
    ],
)
def test_what_is_no_token_is_no_fault(oidc: Oidc, word_of: WordOf, token: str) -> None:
    """Whatever stands between two dots is refused, in a few steps, and asks the issuer for nothing."""
    assert word_of(oidc, token) in {"malformed", "type"}


@pytest.mark.parametrize("claims", [b"", b"[]", b"null", b"{", b"[" * 5000, b'{"exp": ' + b"1" * 5000 + b"}"])
def test_signed_nonsense_is_no_fault(provider: Provider, oidc: Oidc, word_of: WordOf, claims: bytes) -> None:
    """What the issuer itself signed, and is no JSON object, is refused like the rest."""
    head = {"typ": "JWT", "alg": "RS256", "kid": "one"}
    assert word_of(oidc, signed(rsa_signer(), head, claims)) == "claims"
    assert provider.fetches == 1


def test_another_algorithm_can_be_set(provider: Provider, make_oidc: MakeOidc, word_of: WordOf) -> None:
    """What is set counts alone: with ES256 set, RS256 is refused."""
    provider.keys = [rsa_signer().jwk, ec_signer().jwk]
    oidc = make_oidc(algorithms=["ES256"])
    told = [word_of(oidc, provider.token(each)) for each in (rsa_signer(), ec_signer())]
    assert told == ["algorithm", OK]
