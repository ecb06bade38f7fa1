"""Who asks: the key or token that a request carries (RFC 6750), and how often one may be wrong.

A key is looked for in one place only, the header `Authorization`: never in the address, which is logged by
every machine on the way. No key reaches a log, an error or the answer.
"""

import re
from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from adapters.api.rates import KnownKeys, Rates
from states.access import require_some_role
from states.errors import Refusal, Refused
from states.names import Role
from workflow import Actor, Unauthenticated

#: The longest key that is looked at, in characters: tokens may hold a person's many groups.
LONGEST: Final = 16 * 1024
#: What a key is made of. Source: RFC 6750, 2.1, b64token.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Bearer:
    """Says who asks, by the key that they give; counts what they ask for. Threads share one."""

    def __init__(self, knows: Callable[[str], Actor], rates: Rates) -> None:
        """Ask `knows`, which raises `Unauthenticated` for what is no valid key."""
        self._knows = knows
        self._rates = rates
        self._known = KnownKeys()

    def __call__(self, request: Request) -> Actor:
        """Return who asks.

        Raises:
            Unauthenticated: no key, several, what is none, or one that is not valid: all told alike.
            TooManyRequests: this actor has asked, or this address failed, too often.
            Refused: `role-missing`, `not-your-organisation`: known, and nothing here is for them.
        """
        if "authorization" not in request.headers:
            raise Unauthenticated  # a mistake, not a guess: it costs nothing, and is not counted
        address = request.client.host if request.client else ""
        key = key_of(request)
        if key is None or key not in self._known:
            self._rates.require_calm(address)
        actor = self._actor(key, address)
        self._rates.count(actor.id)
        require_standing(actor)
        return actor

    def _actor(self, key: str | None, address: str) -> Actor:
        if key is None:
            self._rates.failed(address)
            raise Unauthenticated
        try:
            actor = self._knows(key)
        except Unauthenticated:
            self._known.discard(key)
            self._rates.failed(address)
            raise
        self._known.add(key)
        return actor


def key_of(request: Request) -> str | None:
    """Return the key that a request carries; None where that is none, or more than one."""
    said = request.headers.getlist("authorization")
    scheme, _, token = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or len(token) > LONGEST or not _TOKEN.fullmatch(token):
        return None
    return token


def require_standing(actor: Actor) -> None:
    """Let pass who may anything at all: a key always gives that, a token of somebody else's need not.

    Raises:
        Refused: `role-missing`: no role. `not-your-organisation`: an applicant, of no organisation.
    """
    require_some_role(actor)
    if actor.roles == {Role.APPLICANT} and not actor.organisations:
        msg = (
            f"{actor.id} is an applicant, but of no organisation that is known here: ask who manages sign-in."
        )
        raise Refused.because([Refusal("not-your-organisation", msg, field="organisation")])
