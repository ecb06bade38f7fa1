"""Routes of endpoints: who gets events, and what is on its way to them. Officers and admins keep them."""

from functools import partial
from typing import Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.deliveries import LOG, State, listed, redriven
from adapters.api.door import Asking, Door
from adapters.api.entering import enter_route
from adapters.api.instants import CODES
from adapters.api.outside import ask_outside
from adapters.api.paging import USUAL, Cursor, Limit, page, whole
from adapters.api.places import place_in
from adapters.api.replies import Deliveries, Endpoints, Redriven
from adapters.api.schemas import NewEndpoint, Reason, Redrive, Rotation
from adapters.trying import Tried, tried
from states.access import require_role
from states.names import Role
from workflow import EndpointView

TAG: Final = "Endpoints"
#: Who keeps endpoints: asked before a name is looked up for anybody, which the engine knows nothing of.
_KEEPERS: Final = frozenset({Role.OFFICER, Role.ADMIN})
_WEBHOOK: Final = "webhook"


def enter(router: APIRouter, door: Door) -> None:
    """Enter the routes; the one that tries an endpoint only where there is something to try it with."""

    async def add_endpoint(request: Request, body: NewEndpoint) -> Response:
        """Add a receiver; it gets the events from now on.

        Officer or admin. A webhook's secret is in this answer and never shown again. Its URL's name is looked
        up; where it leads to a private address that the settings do not name, it is refused.
        """
        asking: Asking = request.state.asking
        require_role(asking.actor, _KEEPERS, to="add an endpoint")
        if door.look_at is not None and body.via == _WEBHOOK:
            await ask_outside(request, partial(door.look_at, body.url))
        return await run_in_threadpool(_added, request, body)

    enter_route(router, "GET", "/endpoints", list_endpoints, tag=TAG, answer=Endpoints)
    enter_route(
        router,
        "POST",
        "/endpoints",
        add_endpoint,
        tag=TAG,
        answer=EndpointView,
        status=201,
        tells=["Location"],
    )
    for method, path, endpoint in (
        ("GET", "", show_endpoint),
        ("DELETE", "", remove_endpoint),
        ("POST", "/disable", disable_endpoint),
        ("POST", "/enable", enable_endpoint),
        ("POST", "/rotate", rotate_endpoint),
    ):
        enter_route(
            router,
            method,
            f"/endpoints/{{endpoint}}{path}",
            endpoint,
            tag=TAG,
            answer=EndpointView,
            refuses=["not-found"],
        )
    if door.try_endpoint is not None:
        _enter_test(router, door)
    enter_route(
        router,
        "POST",
        "/endpoints/{endpoint}/redrive",
        redrive_endpoint,
        tag=TAG,
        answer=Redriven,
        refuses=["not-found", *CODES],
    )
    enter_route(
        router,
        "GET",
        "/endpoints/{endpoint}/deliveries",
        list_deliveries,
        tag=TAG,
        answer=Deliveries,
        refuses=["not-found", "bad-cursor"],
        tells=["Link"],
    )


def _enter_test(router: APIRouter, door: Door) -> None:
    async def test_endpoint(request: Request, endpoint: str) -> Response:
        """Send a webhook an event `endpoint.pinged` now, and tell what it answers.

        Officer or admin. Nothing of it is kept; 200, whether it arrived or not.
        """
        assert door.try_endpoint is not None  # noqa: S101 -- it is entered only then
        asking: Asking = request.state.asking
        send = partial(door.try_endpoint, endpoint, actor=asking.actor)
        outcome, duration_s = await ask_outside(request, send)
        return answer(tried(endpoint, outcome, duration_s))

    enter_route(
        router,
        "POST",
        "/endpoints/{endpoint}/test",
        test_endpoint,
        tag=TAG,
        answer=Tried,
        refuses=["not-found"],
    )


def list_endpoints(request: Request) -> Response:
    """List every receiver, the oldest first.

    Officer, admin or auditor. Secrets and headers are never shown.
    """
    asking: Asking = request.state.asking
    return whole(asking.engine.endpoints(actor=asking.actor))


def show_endpoint(request: Request, endpoint: str) -> Response:
    """Show a receiver.

    Officer, admin or auditor.
    """
    asking: Asking = request.state.asking
    return answer(asking.engine.endpoint(endpoint, actor=asking.actor))


def remove_endpoint(request: Request, endpoint: str) -> Response:
    """Remove a receiver for good; what waited for it is parked.

    Officer or admin. The answer tells what it was.
    """
    asking: Asking = request.state.asking
    return answer(asking.engine.remove_endpoint(endpoint, actor=asking.actor))


def disable_endpoint(request: Request, endpoint: str, body: Reason | None = None) -> Response:
    """Send nothing there until it is enabled.

    Officer or admin. What happens meanwhile is kept for it.
    """
    asking: Asking = request.state.asking
    reason = None if body is None else body.reason
    return answer(asking.engine.disable_endpoint(endpoint, actor=asking.actor, reason=reason))


def enable_endpoint(request: Request, endpoint: str) -> Response:
    """Send there again, what was kept first.

    Officer or admin.
    """
    asking: Asking = request.state.asking
    return answer(asking.engine.enable_endpoint(endpoint, actor=asking.actor))


def rotate_endpoint(request: Request, endpoint: str, body: Rotation | None = None) -> Response:
    """Give a webhook a new secret, shown this once.

    Officer or admin. Until the old one ends, both sign.
    """
    asking: Asking = request.state.asking
    keep_old_s = (body or Rotation()).keep_old_s
    return answer(asking.engine.rotate_endpoint(endpoint, actor=asking.actor, keep_old_s=keep_old_s))


def redrive_endpoint(request: Request, endpoint: str, body: Redrive | None = None) -> Response:
    """Put what is parked for a receiver back into its line.

    Officer or admin. With `delivered`, what was delivered since an instant goes out again, too.
    """
    asking: Asking = request.state.asking
    known = asking.engine.endpoint(endpoint, actor=asking.actor)
    return redriven(asking, body or Redrive(), endpoint=known.id)


def list_deliveries(
    request: Request, endpoint: str, *, state: State = None, limit: Limit = USUAL, cursor: Cursor = None
) -> Response:
    """List what is on its way to a receiver, and what was, the newest first.

    Officer, admin or auditor. What an endpoint left behind that is removed is found, too; `log` stands for
    what nobody received but the log.
    """
    asking: Asking = request.state.asking
    question = {"of": "deliveries", "endpoint": endpoint, "state": state}
    found = listed(asking, question, limit=limit, cursor=cursor)
    if not found.items and endpoint != LOG:
        asking.engine.endpoint(endpoint, actor=asking.actor)
    return page(request, found.items, after=found.next, question=question)


def _added(request: Request, body: NewEndpoint) -> Response:
    asking: Asking = request.state.asking
    view = asking.engine.add_endpoint(
        body.url,
        via=body.via,
        events=body.events,
        headers=body.headers,
        timeout_s=body.timeout_s,
        concurrency=body.concurrency,
        ordered=body.ordered,
        actor=asking.actor,
    )
    return answer(view, status=201, location=place_in(request, "endpoints", view.id))
