"""How a route is entered: what it takes, what it answers, and every problem that it may come to.

What OpenAPI's own words have no room for stands at each operation as `x-eoi`; `openapi` writes it out.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Cookie, Header, Path
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from adapters.api.at_once import as_coroutine, waiting_for_nothing
from adapters.api.conditions import require_conditions
from states.errors import BadInput

#: Under which name an operation carries what `openapi` writes out.
EXTRA: Final = "x-eoi"


def enter_route(
    router: APIRouter,
    method: str,
    path: str,
    endpoint: Callable[..., Response | Awaitable[Response]],
    *,
    tag: str,
    answer: object,
    status: int = 200,
    refuses: Sequence[str] = (),
    takes_key: bool = False,
    takes_version: bool = False,
    tells: Sequence[str] = (),
    others: Mapping[int, object] | None = None,
    body: Mapping[str, str] | None = None,
    gives: Sequence[str] = (),
    route_class: type[APIRoute] | None = None,
) -> None:
    """Enter a route.

    Args:
        router: where.
        method: `GET`…
        path: below the prefix.
        endpoint: the function; its name is the operation's id, its docstring the description.
        tag: under which the documentation lists it.
        answer: what comes back: a view, or a model of several.
        status: with which status.
        refuses: the codes that it may refuse with, besides those of every route.
        takes_key: whether the answer is kept under an idempotency key.
        takes_version: whether what it is asked of has versions.
        tells: the headers of its answer.
        others: status -> what comes back with that instead, where all went well, too.
        body: what it reads by itself: each type that it may have -> the name of its schema.
        gives: the types of the file that it answers with, in the place of a document.
        route_class: how it is come in by, where that is not as by the other routes.
    """
    is_read = method == "GET"
    conditions = waiting_for_nothing(
        require_conditions(key=takes_key, version=takes_version, is_read=is_read)
    )
    said = (endpoint.__doc__ or "").strip()
    extra = {
        "refuses": list(refuses),
        "takes_key": takes_key,
        "takes_version": takes_version,
        "tells": list(tells),
        "body": dict(body or {}),
        "gives": list(gives),
    }
    router.add_api_route(
        path,
        endpoint if iscoroutinefunction(endpoint) else as_coroutine(endpoint),
        methods=[method],
        response_model=answer,
        status_code=status,
        tags=[tag],
        dependencies=[Depends(conditions), Depends(_nothing_unknown)],
        summary=said.partition("\n")[0].rstrip("."),
        operation_id=endpoint.__name__,
        responses={
            422: {"description": "It cannot be used."},
            **{each: {"model": model, "description": "Done."} for each, model in (others or {}).items()},
        },
        openapi_extra={EXTRA: extra},
        route_class_override=route_class,
    )


@waiting_for_nothing
async def _nothing_unknown(request: Request) -> None:
    """Refuse what a route does not read: a misspelt filter would list everything."""
    route: Any = request.scope["route"]
    known = {field.alias for field in route.dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known and name in _asked_by_the_host(request):
            continue
        if name not in known:
            listed = f" Known are: {', '.join(sorted(known))}." if known else ""
            msg = f"{name[:60]!r} is not asked here.{listed}"
            raise BadInput(msg, field="query")
        if given.count(name) > 1:
            msg = f"{name} is given more than once."
            raise BadInput(msg, field=name)
    takes_none = route.body_field is None and not getattr(route, "reads_body", False)
    if takes_none and await request.body() and await request.json() != {}:
        msg = "This request takes no body."
        raise BadInput(msg, field="body")


def _asked_by_the_host(request: Request) -> set[str]:
    """Return what dependencies that a host has put in front of the route read of the query."""
    # What a route is within a host's program FastAPI keeps beside it; older ones make another route of it.
    there = request.scope.get("fastapi", {}).get("effective_route_context", request.scope["route"])
    fields = get_flat_params(there.dependant)  # of a model's fields it does not say where they are read
    return {field.alias for field in fields if not isinstance(field.field_info, Path | Header | Cookie)}
