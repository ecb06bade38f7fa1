"""A token, read and checked; of the door the only file that knows the package `jwt`.

Whatever is wrong with one is a word for the log alone. Times are compared here, since the clock is handed in;
signature, issuer and audience by the package.

Sources: RFC 7515, 7517, 7518, 7519; RFC 8725 (what goes wrong with tokens); RFC 9068 (those that open APIs).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import jwt
from jwt.types import Options

from workflow import Unauthenticated

#: How far the issuer's clock and ours may be apart, in seconds.
LEEWAY_S: Final = 60
#: How many keys of an issuer are looked at.
MOST_KEYS: Final = 100
#: Algorithm -> the type and curve of its keys. None without a signature is there, nor with a shared secret.
ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
#: What a token says that it is: one that opens an API; or, of issuers that are older than RFC 9068, any one.
TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})

#: What stands in a token that opens for nobody who has not another key besides (RFC 7800): we ask for none.
_BOUND: Final = "cnf"
#: Beyond this, no number is an instant.
_GREATEST: Final = 2**53
_OPTIONS: Final[Options] = {
    "require": ["exp", "iss", "aud"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}
#: What the package says -> a word for it; the rest is about other claims.
_WHY: Final[Mapping[type[jwt.PyJWTError], str]] = {
    jwt.InvalidIssuerError: "issuer",
    jwt.InvalidAudienceError: "audience",
    jwt.InvalidKeyError: "key",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of an issuer."""

    #: By which it may have signed.
    algorithms: frozenset[str]
    public: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say."""

    issuer: str
    #: For whom it is made: one of these.
    audience: Sequence[str]
    algorithms: Collection[str]


def keys_by_name(published: Sequence[object], algorithms: Collection[str]) -> dict[str, list[Key]]:
    """Return what can be used of the keys that an issuer publishes, by name (`kid`); two may have one."""
    found = dict[str, list[Key]]()
    for jwk in published[:MOST_KEYS]:
        if isinstance(jwk, dict) and isinstance(name := jwk.get("kid"), str):
            found.setdefault(name, []).extend(_usable(jwk, algorithms))
    return {name: keys for name, keys in found.items() if keys}


def claims_of(
    token: str, expected: Expected, named: Callable[[str], Sequence[Key]], *, now: datetime
) -> Mapping[str, Any]:
    """Return what a token says, once all of it holds.

    Args:
        token: as it came.
        expected: what it must say.
        named: returns the issuer's keys of a name.
        now: the present instant.

    Raises:
        Unauthenticated: it does not hold; `why` is a word for the log.
        IssuerUnavailable: that cannot be known now.
    """
    name, algorithm = _head(token, expected.algorithms)
    keys = [key for key in named(name) if algorithm in key.algorithms]
    claims = _verified(token, keys, algorithm, expected)
    _require_in_time(claims, now.timestamp())
    if _BOUND in claims:
        raise Unauthenticated(why="bound")
    return claims


def _usable(jwk: Mapping[str, Any], algorithms: Collection[str]) -> list[Key]:
    """Return the key, if it is public, whole, and fit to verify by one of the algorithms; else nothing."""
    fitting = frozenset(each for each in algorithms if _fits(jwk, each))
    if not fitting:
        return []
    try:
        return [Key(fitting, jwt.PyJWK(dict(jwk), min(fitting)).key)]
    except (jwt.PyJWTError, ValueError, TypeError):
        return []


def _fits(jwk: Mapping[str, Any], algorithm: str) -> bool:
    kind, curve = ALGORITHMS[algorithm]
    uses = jwk.get("key_ops")
    return (
        jwk.get("kty") == kind
        and (curve is None or jwk.get("crv") == curve)
        and jwk.get("alg") in (None, algorithm)
        and jwk.get("use") in (None, "sig")
        and (uses is None or (isinstance(uses, list) and "verify" in uses))
        and "d" not in jwk  # a private key that was published is anybody's
    )


def _head(token: str, algorithms: Collection[str]) -> tuple[str, str]:
    """Return which key signed a token, and by which algorithm, as it says itself."""
    try:
        head = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Unauthenticated(why="malformed") from None
    if str(head.get("typ")).lower() not in TYPES:
        raise Unauthenticated(why="type")
    name, algorithm = head.get("kid"), head.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise Unauthenticated(why="algorithm")
    if not isinstance(name, str):
        raise Unauthenticated(why="no-key")
    return name, algorithm


def _verified(token: str, keys: Sequence[Key], algorithm: str, expected: Expected) -> Mapping[str, Any]:
    for key in keys:
        try:
            return jwt.decode(
                token,
                key.public,
                algorithms=[algorithm],
                issuer=expected.issuer,
                audience=expected.audience,
                options=_OPTIONS,
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError as exc:
            raise Unauthenticated(why=_WHY.get(type(exc), "claims")) from None
    raise Unauthenticated(why="signature" if keys else "no-key")


def _require_in_time(claims: Mapping[str, Any], now_s: float) -> None:
    if _instant(claims["exp"]) + LEEWAY_S <= now_s:
        raise Unauthenticated(why="expired")
    for name in ("nbf", "iat"):
        if name in claims and _instant(claims[name]) - LEEWAY_S > now_s:
            raise Unauthenticated(why="not-yet-valid")


def _instant(value: object) -> float:
    """Return an instant in seconds (NumericDate; RFC 7519, 2)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and -_GREATEST < value < _GREATEST:
        return value
    raise Unauthenticated(why="claims")
