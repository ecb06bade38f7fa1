"""How each request of the API comes in: whole, at an instant, from somebody; and how an error goes out.

All of it belongs to the route, not to the program around it, so that a host can take the routes into its own.
"""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, ClassVar, Final

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.api.answers import is_late, problem_of
from adapters.api.at_once import at_once, never_waits
from adapters.api.bodies import parsed, received, require_few
from adapters.api.door import Asking, Door, asking_of
from adapters.api.errors import BadHeader
from adapters.api.headers import ALWAYS
from adapters.api.put_off import waited_put_off
from adapters.api.unseen import waited_unseen
from states.errors import BadInput, EoiError
from workflow import Arrival, NotFound

_WITH_BODIES: Final = {"POST", "PUT", "PATCH", "DELETE"}
#: Headers that may not be there twice.
_ONCE: Final = (
    "Content-Encoding", "Content-Length", "Content-Type", "EOI-On-Behalf-Of", "Idempotency-Key",
)  # fmt: skip
#: The longest name of a field that is said again, in characters.
_LONGEST_FIELD: Final = 60
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class EoiRoute(APIRoute):
    """A route through a door; `through` makes a class for one."""

    door: ClassVar[Door]

    def get_route_handler(self) -> Handler:
        """Return what handles a request."""
        handle = super().get_route_handler()
        in_one_thread = self.door.is_alone and never_waits(self.endpoint)

        async def come_in(request: Request) -> Response:
            try:
                require_plain_path(request)
                require_once(request)
                body = await self._received(request)
                arrival = self.door.engine.arrival()
                # Asked after that: what passes between the two makes the wait longer, and never too short.
                waited = max(waited_unseen(request.scope), waited_put_off(request.scope))
                arrival = arrival.may_have_waited(waited)
                if self.door.ahead is not None:
                    request._body = body  # noqa: SLF001 -- a host may look at it: a signature, a token in a form
                    await self.door.ahead(request)
                if in_one_thread:
                    answer = await run_in_threadpool(self._answered, handle, request, body, arrival)
                else:
                    answer = await handle(await run_in_threadpool(self._read, request, body, arrival))
            except RequestValidationError as exc:
                answer = await self._problem(refusal_of(exc))
            except EoiError as exc:
                answer = await self._problem(exc)
            return kept_by_nobody(answer)

        return come_in

    async def _received(self, request: Request) -> bytes:
        door = self.door
        return await received(
            request, held=door.held, largest=door.largest_body, patience_s=door.body_within_s
        )

    def _read(self, request: Request, body: bytes, arrival: Arrival) -> "_Read":
        """Return the request as it is read; it knows who asks."""
        request.state.asking, told = self._asking(request, body, arrival)
        return _Read(request, body, told)

    def _asking(self, request: Request, body: bytes, arrival: Arrival) -> tuple[Asking, Any]:
        """Return who asks, and what the body says."""
        asking = asking_of(self.door, request, arrival)
        return asking, _told(request, body)

    def _answered(self, handle: Handler, request: Request, body: bytes, arrival: Arrival) -> Response:
        """Return the answer, made in this thread."""
        return at_once(handle(self._read(request, body, arrival)))

    async def _problem(self, error: EoiError) -> Response:
        return problem_of(error, now=await run_in_threadpool(self._now) if is_late(error) else None)

    def _now(self) -> datetime | None:
        try:
            return self.door.engine.clock.now()
        except EoiError:
            return None


def through(door: Door, kind: type[EoiRoute] = EoiRoute, **own: object) -> type[EoiRoute]:
    """Return the class of the routes of a kind through this door, with what the kind needs of its own."""
    return type("RouteThroughDoor", (kind,), {"door": door, **own})


class _Read(Request):
    """A request whose body has been read, and read as JSON in our way."""

    def __init__(self, request: Request, body: bytes, told: Any) -> None:  # noqa: ANN401 -- JSON's values
        super().__init__(request.scope, request.receive)
        self._body = body
        self._told = told

    async def json(self) -> Any:  # noqa: ANN401 -- JSON's values
        """Return what the body says."""
        return self._told


def kept_by_nobody(response: Response) -> Response:
    """Return an answer that no cache keeps and no browser takes for something else, in whatever program."""
    for name in ("Cache-Control", "X-Content-Type-Options"):
        response.headers.setdefault(name, ALWAYS[name])
    return response


def require_plain_path(request: Request) -> None:
    """Let pass no slash in disguise: to whoever guards paths in front of us it would be another path.

    Raises:
        NotFound: no id has a slash in it.
    """
    if b"%2f" in (request.scope.get("raw_path") or b"").lower():
        msg = "No id has a slash in it."
        raise NotFound(msg)


def require_once(request: Request) -> None:
    """Let pass what says everything once that two readers could take each in their own way.

    Raises:
        BadHeader: one of these headers is there twice. (Of two keys, neither is known: see `auth`.)
    """
    for name in _ONCE:
        if len(request.headers.getlist(name)) > 1:
            msg = f"The header {name} is there twice."
            raise BadHeader(msg, field=name)


def _told(request: Request, body: bytes) -> Any:  # noqa: ANN401 -- JSON's values
    """Return what the body says; that of a GET means nothing (RFC 9110, 9.3.1)."""
    if not body or request.method not in _WITH_BODIES:
        return None
    said = request.headers
    told = parsed(body, said.get("content-type", ""), encoding=said.get("content-encoding", ""))
    require_few(told)
    return told


def refusal_of(exc: RequestValidationError) -> BadInput:
    """Return our error for the first thing that FastAPI found."""
    found = exc.errors()[0]
    place = [str(part) for part in found["loc"] if part not in ("body", "query", "path", "header")]
    field = ".".join(place)[:_LONGEST_FIELD] or "body"
    return BadInput(f"{field}: {found['msg']}.", field=field)
