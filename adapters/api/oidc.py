"""Who asks, by the token of an OpenID provider: beside our own keys, or alone in a host's program.

Which keys sign, `jwks` knows; what holds of a token, `tokens`; who that is then, `claims`.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.requests import Request

from adapters.api.auth import key_of, require_standing
from adapters.api.claims import ClaimRules, parsed_roles
from adapters.api.jwks import KeptKeys
from adapters.api.tokens import ALGORITHMS, Expected, claims_of, keys_by_name
from adapters.outbound.issuer import Issuer, IssuerUnavailable
from states.errors import BadInput
from workflow import Actor, Unauthenticated
from workflow.clock import SystemClock
from workflow.log import get_log
from workflow.ports import Clock

__all__ = ["ALLOWED", "ClaimRules", "IssuerUnavailable", "Oidc", "parsed_roles"]

#: By what tokens may be signed, unless it is said.
ALLOWED: Final = ("RS256", "ES256")

_log = get_log("api")


class Oidc:
    """Says who asks, by a token; a door's `authenticate`. Threads share one; build it after a fork."""

    def __init__(
        self,
        issuer: str,
        audience: str | Sequence[str],
        rules: ClaimRules,
        *,
        algorithms: Sequence[str] = ALLOWED,
        jwks_url: str | None = None,
        clock: Clock | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; the issuer is asked when the first token comes.

        Args:
            issuer: what tokens say as `iss`, letter by letter.
            audience: for whom they must be made: one of these.
            rules: what their claims mean.
            algorithms: by what they may be signed.
            jwks_url: where the issuer's keys are; None: where it says itself.
            clock: tells whether a token is still valid; None: this machine's.
            timer: tells seconds that never go back.

        Raises:
            BadInput: one of these cannot be used; the message names the variable that sets it.
        """
        asked, signed_by = Issuer(issuer, jwks_url=jwks_url), _known(algorithms)
        self._expected = Expected(issuer=issuer, audience=_some(audience), algorithms=signed_by)
        self._rules = rules
        self._clock = clock or SystemClock()
        self._keys = KeptKeys(lambda: keys_by_name(asked.keys(), signed_by), timer=timer)

    def __call__(self, request: Request) -> Actor:
        """Return who asks.

        Raises:
            Unauthenticated: no token, or none that holds: all told alike.
            IssuerUnavailable: that cannot be known now.
            Refused: `role-missing`, `not-your-organisation`: the token gives nothing that is any use here.
        """
        token = key_of(request)
        if token is None:
            raise Unauthenticated
        actor = self.actor(token)
        require_standing(actor)
        return actor

    def actor(self, token: str) -> Actor:
        """Return whom a token was given to; what is wrong with one, the log alone is told.

        Raises:
            Unauthenticated: it does not hold.
            IssuerUnavailable: that cannot be known now.
        """
        try:
            claims = claims_of(token, self._expected, self._keys.named, now=self._clock.now())
            return self._rules.actor(claims, issuer=self._expected.issuer)
        except Unauthenticated as exc:
            _log.info("token.refused", code=exc.facts["why"])
        raise Unauthenticated

    def beside(self, knows: Callable[[str], Actor]) -> Callable[[str], Actor]:
        """Return what knows tokens, which have two dots (RFC 7515, 7.1), and leaves all else to `knows`."""
        return lambda text: (self.actor if text.count(".") == 2 else knows)(text)  # noqa: PLR2004 -- as it says


def _known(algorithms: Sequence[str]) -> tuple[str, ...]:
    if algorithms and not isinstance(algorithms, str) and set(algorithms) <= ALGORITHMS.keys():
        return tuple(algorithms)
    msg = f"EOI_OIDC_ALGORITHMS must hold some of these, with commas between: {', '.join(ALGORITHMS)}."
    raise BadInput(msg, field="oidc_algorithms")


def _some(audience: str | Sequence[str]) -> tuple[str, ...]:
    several = (audience,) if isinstance(audience, str) else tuple(audience)
    if several and all(several):
        return several
    msg = "EOI_OIDC_AUDIENCE must say for whom tokens are made, or those for others would do."
    raise BadInput(msg, field="oidc_audience")
