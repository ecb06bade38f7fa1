"""Who asks, where a host says it: its own callable, asked before the door is, and what that may say.

Nobody knows how long that takes. So a function is asked in threads that are counted by themselves: where it
hangs, it holds up whoever asks our routes, and neither the host's own routes nor its probes.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final

from anyio import CapacityLimiter, fail_after
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request

from adapters.api.auth import require_standing
from adapters.api.errors import CrossSite, Overloaded, TurnedAway
from states.errors import BadInput, EoiError
from workflow import Actor, Unauthenticated

#: A host's own: says who asks; None, or an HTTPException, where it knows nobody. In a thread, or a coroutine.
SaysWho = Callable[[Request], Actor | Awaitable[Actor | None] | None]
#: How many functions of a host's are waited for at once.
AT_ONCE: Final = 40
#: How long one more waits until one of those is done, in seconds: as long as anybody does under overload.
WITHIN_S: Final = 2.0
#: When whoever was not asked is to come back, in seconds.
BACK_IN_S: Final = 5
#: What changes nothing (RFC 9110, 9.2.1).
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: What a browser says of a request that a page of the program's own makes, or the person by themselves.
_OWN: Final = frozenset({"same-origin", "none"})


class AskedHost:
    """Asks a host who asks, notes it at the request, and tells the door."""

    def __init__(
        self, says_who: SaysWho, origins: tuple[str, ...] = (), *, within_s: float = WITHIN_S
    ) -> None:
        """Prepare; nobody is asked yet.

        Args:
            says_who: the host's own.
            origins: whose pages may send what changes something, besides its own.
            within_s: how long a request waits where too many are being asked about, in seconds.

        Raises:
            BadInput: `says_who` cannot be called.
        """
        if not callable(says_who):  # `Depends(user)` among them
            msg = f"authenticate must be a function of the request, not {type(says_who).__name__}."
            raise BadInput(msg, field="authenticate")
        self._says_who = says_who
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._within_s = within_s
        self._free = CapacityLimiter(AT_ONCE)

    async def ask(self, request: Request) -> None:
        """Ask, and note the answer.

        Raises:
            Unauthenticated: the host knows nobody.
            TurnedAway: it says anything else, with a status of its own.
            CrossSite: a page of another site would use what a browser sends along.
            Overloaded: too many are waited for already.
            Refused: they are known, and nothing here is for them.
        """
        self._require_own_site(request)
        try:
            waits = _is_coroutine_function(self._says_who)
            said: Any = self._says_who(request) if waits else await self._in_a_thread(request)
            request.state.eoi_actor = _actor(await said if isawaitable(said) else said)
        except HTTPException as exc:
            raise _in_our_words(exc) from exc

    def told(self, request: Request) -> Actor:
        """Return who asks, as it was noted: a door's `authenticate`."""
        actor: Actor = request.state.eoi_actor
        return actor

    async def _in_a_thread(self, request: Request) -> object:
        turn = object()
        try:
            with fail_after(self._within_s):
                await self._free.acquire_on_behalf_of(turn)
        except TimeoutError:
            msg = "Who asks is not being told in time: send it again later."
            raise Overloaded(msg, retry_after_s=BACK_IN_S) from None
        try:
            return await run_sync(self._says_who, request, limiter=CapacityLimiter(1))
        finally:
            self._free.release_on_behalf_of(turn)

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


def _is_coroutine_function(says_who: object) -> bool:
    """Whether it is one, or an object that is called as one."""
    return iscoroutinefunction(says_who) or iscoroutinefunction(type(says_who).__call__)


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
