"""A provider, and what knows its tokens, by a clock and seconds that are moved."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.api.oidc import ClaimRules, Oidc
from tests.oidc.provider import AUDIENCE, Provider
from workflow import Unauthenticated
from workflow.testing import FrozenClock

#: What gives which role, and for whom.
RULES = ClaimRules(
    roles={"Staff": ["officer"], "Panel": ["reviewer", "decider"], "School": ["applicant"]},
    organisations_claim="organisation.urn",
    organisations_prefix="URN:",
)


class Timer:
    """Seconds that are moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return them."""
        return self.now_s


MakeOidc = Callable[..., Oidc]
#: What knows tokens, and one of them -> the word that the log has for it.
WordOf = Callable[[Oidc, str], str]
#: Of a token that holds.
OK = "ok"


@pytest.fixture
def timer() -> Timer:
    """Return seconds that stand still."""
    return Timer()


@pytest.fixture
def provider(clock: FrozenClock) -> Iterator[Provider]:
    """Return a provider that answers."""
    with Provider(clock) as found:
        yield found


@pytest.fixture
def make_oidc(provider: Provider, clock: FrozenClock, timer: Timer) -> MakeOidc:
    """Return what makes that which knows the provider's tokens, with anything changed."""

    def make(rules: ClaimRules = RULES, **changes: Any) -> Oidc:
        return Oidc(provider.name, AUDIENCE, rules, **{"clock": clock, "timer": timer, **changes})

    return make


@pytest.fixture
def oidc(make_oidc: MakeOidc) -> Oidc:
    """Return what knows the provider's tokens."""
    return make_oidc()


@pytest.fixture
def word_of(caplog: pytest.LogCaptureFixture) -> WordOf:
    """Return what says the log's word for a token, of which nobody else is told anything."""

    def word(oidc: Oidc, token: str) -> str:
        told: tuple[str, dict[str, object]] | None = None
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="eoi.api"):
            try:
                oidc.actor(token)
            except Unauthenticated as exc:
                told = (exc.message, exc.facts)
        if told is None:
            assert caplog.records == []
            return OK
        assert told == (Unauthenticated().message, {})
        (record,) = caplog.records
        assert record.getMessage() == "token.refused"
        return str(vars(record)["code"])

    return word
