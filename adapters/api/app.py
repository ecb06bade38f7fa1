"""The HTTP program: every route, and what stands around them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from adapters.api import asker, calls, deliveries, endpoints, eois, events, imports, jobs, refusals
from adapters.api.admission import Admission
from adapters.api.answers import problem_of
from adapters.api.docs_pages import docs_router, enter_document
from adapters.api.door import Door
from adapters.api.entering import operation_id
from adapters.api.headers import SecurityHeaders
from adapters.api.heads import Heads
from adapters.api.openapi import completed
from adapters.api.operation import Operation, operation_router
from adapters.api.origins import Origins
from adapters.api.places import PREFIX
from adapters.api.put_off import PutOff
from adapters.api.request_ids import RequestIds
from adapters.api.requests import Answered, Count, HeadAsGet, Requests
from adapters.api.route import through
from adapters.api.tracing import Traced
from adapters.spans import Spans
from adapters.version import own_version

#: What openapi.json says first, for who has read nothing else.
ABOUT: Final = """\
Calls for expressions of interest (EOIs), from the call to the decision.

- **Who asks** is known by a key: `Authorization: Bearer KEY`. `GET /v1/actor` says whom it stands for.
- **Versions**: an `ETag` is sent back as `If-Match` with a change; where somebody was quicker, it is 412.
- **Sent again**, a request under the same `Idempotency-Key` is carried out once, and answered alike.
- **Problems** are `application/problem+json` (RFC 9457): go by `code`. After 503 wait as `Retry-After` says.
- **Lists** come in pages: `next` is the `cursor` of the next one.
- **Each answer** has an `X-Request-Id`: whoever runs the server finds by it what happened.
"""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around the routes."""

    #: None: there is nothing that runs here, and no route for it.
    operation: Operation | None = None
    #: How long a request may wait before others are told to come back later, in seconds.
    wait_s: float = 2.0
    #: Origins of which a browser's programs may ask, exactly as they say it: https://council.example.
    origins: tuple[str, ...] = field(default=())
    #: Whether the pages of the documentation are served.
    docs: bool = True
    #: Counts each request but probes.
    count: Count = lambda *_: None
    #: Makes a span of each request, where anybody traces.
    spans: Spans = field(default_factory=Spans)


class Program(FastAPI):
    """A program whose openapi.json is complete."""

    def openapi(self) -> dict[str, Any]:
        """Return what the program can be asked, as OpenAPI has it; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def door_router(door: Door) -> APIRouter:
    """Return the routes of `/v1` through a door; a host has it made by `adapters.embedding`."""
    router = APIRouter(prefix=PREFIX, route_class=through(door), generate_unique_id_function=operation_id)
    calls.enter(router)
    eois.enter(router)
    endpoints.enter(router, door)
    deliveries.enter(router)
    events.enter(router, door)
    imports.enter(router, door)
    jobs.enter(router)
    asker.enter(router)
    return router


def build_api(door: Door, around: Surroundings, *, lifespan: Lifespan | None = None) -> FastAPI:
    """Return the whole program.

    Args:
        door: through which requests come in.
        around: what stands around the routes.
        lifespan: starts what is behind the door, and ends it, where the server is not ours.
    """
    api = Program(
        title="eoi-workflow",
        version=own_version(),
        description=ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host that was asked for, whoever made it up
        lifespan=lifespan,
        middleware=_around(around),
    )
    refusals.enter(api)
    enter_document(api)
    _take(api, door_router(replace(door, is_alone=True)))
    if around.operation is not None:
        _take(api, operation_router(door, around.operation))
    if around.docs:
        _take(api, docs_router())
    return api


def _take(api: FastAPI, router: APIRouter) -> None:
    """Let the program have the routes as they are: `include_router` makes each of them a second time."""
    api.router.routes.extend(router.routes)


def _around(around: Surroundings) -> list[Middleware]:
    """Return what stands around the routes, the outermost first."""
    return [
        Middleware(RequestIds),
        Middleware(SecurityHeaders),
        Middleware(Traced, spans=around.spans),
        Middleware(Requests, count=around.count),
        *([Middleware(Origins, origins=around.origins)] if around.origins else []),
        Middleware(PutOff),
        Middleware(Answered, answer=problem_of),
        Middleware(Heads, refuse=problem_of),
        Middleware(HeadAsGet),
        Middleware(Admission, refuse=problem_of, within_s=around.wait_s),
    ]
