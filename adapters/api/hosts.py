"""Who asks, where a host says it: its own callable, asked before the door is, and what that may say."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import isawaitable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from adapters.api.auth import require_standing
from adapters.api.errors import CrossSite, TurnedAway
from states.errors import EoiError
from workflow import Actor, Unauthenticated

#: A host's own: says who asks; None, or an HTTPException, where it knows nobody. In a thread, or a coroutine.
SaysWho = Callable[[Request], Actor | Awaitable[Actor | None] | None]
#: What changes nothing (RFC 9110, 9.2.1).
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: What a browser says of a request that a page of the program's own makes, or the person by themselves.
_OWN: Final = frozenset({"same-origin", "none"})


class AskedHost:
    """Asks a host who asks, notes it at the request, and tells the door."""

    def __init__(self, says_who: SaysWho, origins: tuple[str, ...] = ()) -> None:
        """Ask `says_who`; pages of these `origins` may send what changes something, besides its own."""
        self._says_who = says_who
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def ask(self, request: Request) -> None:
        """Ask, and note the answer.

        Raises:
            Unauthenticated: the host knows nobody.
            TurnedAway: it says anything else, with a status of its own.
            CrossSite: a page of another site would use what a browser sends along.
            Refused: they are known, and nothing here is for them.
        """
        self._require_own_site(request)
        try:
            said: Any = await run_in_threadpool(self._says_who, request)
            request.state.eoi_actor = _actor(await said if isawaitable(said) else said)
        except HTTPException as exc:
            raise _in_our_words(exc) from exc

    def told(self, request: Request) -> Actor:
        """Return who asks, as it was noted: a door's `authenticate`."""
        actor: Actor = request.state.eoi_actor
        return actor

    def _require_own_site(self, request: Request) -> None:
        """Let pass what no page of another site can make a browser send (as Go's CrossOriginProtection does).

        A host's users have cookies, as a rule, which browsers send along whoever's page it is that asks. What
        is no browser says nothing of this kind, and a bearer's token is sent by whoever has it.

        Raises:
            CrossSite: one could.
        """
        said = request.headers
        if request.method in _SAFE or said.get("authorization", "").lower().startswith("bearer "):
            return
        site, origin = said.get("sec-fetch-site"), said.get("origin", "").lower()
        if site in _OWN or (site is None and not origin) or origin in self._origins:
            return
        scheme, _, host = origin.partition("://")
        if site is None and scheme in ("http", "https") and host == said.get("host", "").lower():
            return  # an old browser
        raise CrossSite


def _actor(said: object) -> Actor:
    if said is None:
        raise Unauthenticated
    if not isinstance(said, Actor):
        msg = f"authenticate must return an Actor, or None where it knows nobody, not {type(said).__name__}."
        raise TypeError(msg)
    require_standing(said)
    return said


def _in_our_words(exc: HTTPException) -> EoiError:
    """Return our error for what a host says, with its status, headers and words.

    Raises:
        TypeError: by such a status nobody is turned away.
    """
    if exc.status_code < HTTPStatus.MULTIPLE_CHOICES or exc.status_code == HTTPStatus.NOT_MODIFIED:
        msg = f"authenticate must turn nobody away by HTTPException({exc.status_code})."
        raise TypeError(msg)
    words = exc.detail if isinstance(exc.detail, str) and exc.detail else None
    headers = dict(exc.headers or {})
    if exc.status_code == HTTPStatus.UNAUTHORIZED:
        return Unauthenticated(words, headers=headers)
    return TurnedAway(words, status=exc.status_code, headers=headers)
