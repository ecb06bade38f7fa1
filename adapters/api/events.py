"""Routes of events from elsewhere: they come in, and those that nothing was done for are listed."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.door import Asking, Door
from adapters.api.entering import enter_route
from adapters.api.event_messages import STRUCTURED, EventRoute
from adapters.api.event_senders import enter_senders
from adapters.api.instants import CODES
from adapters.api.paging import USUAL, Cursor, Limit, page, place_of
from adapters.api.replies import Unhandled
from adapters.api.route import through
from workflow import CallView, Foreseen, Receipt, UnhandledView

TAG: Final = "Events from elsewhere"
#: What what an event fires may be refused with.
_REFUSES: Final = (
    "bad-signature", "unknown-event", "key-reused", "not-found", "conflict", "wrong-state",
    "not-your-organisation", "already-applied", "reason-missing", "reviewed-by-you", "not-in-flight",
    "call-not-open", "call-still-open", "call-closed", "closed-in-flight", "call-cancelled",
    "closing-not-later", "closing-not-due", "eois-exist", "year-out-of-range",
)  # fmt: skip


def enter(router: APIRouter, door: Door) -> None:
    """Enter the routes."""
    enter_route(
        router,
        "POST",
        "/events",
        handle_event,
        tag=TAG,
        answer=Receipt | CallView,
        others={202: UnhandledView},
        refuses=_REFUSES,
        tells=["ETag"],
        body={STRUCTURED: "CloudEvent"},
        route_class=through(door, EventRoute),
    )
    if door.senders is not None:
        enter_senders(router, "/events", door.senders)
    enter_route(
        router,
        "POST",
        "/events/explain",
        explain_event,
        tag=TAG,
        answer=Foreseen,
        refuses=["bad-signature", "unknown-event", "key-reused", "not-found", "reason-missing", *CODES],
        body={STRUCTURED: "CloudEvent"},
        route_class=through(door, EventRoute),
    )
    enter_route(
        router,
        "GET",
        "/events/unhandled",
        list_unhandled,
        tag=TAG,
        answer=Unhandled,
        refuses=["bad-cursor"],
        tells=["Link"],
    )


def handle_event(request: Request) -> Response:
    """Let a CloudEvent fire what the table says, as whoever asks.

    Whoever may what the table says. In structured mode, as here, or in binary mode: attributes as `ce-…`
    headers, the data as the body, in `application/json`. `source` and `id` are its idempotency key. 202:
    there is no rule for its type, and that it came is on record. Where the settings demand it, it must be
    signed (Standard Webhooks).
    """
    asking: Asking = request.state.asking
    found = asking.engine.handle(request.state.event, actor=asking.actor, arrival=asking.arrival)
    if isinstance(found, UnhandledView):
        return answer(found, status=202)
    return answer(found, version=found.version)


def explain_event(request: Request) -> Response:
    """Say what a CloudEvent would fire, or what stands in the way; nothing is changed.

    Whoever may what it would fire. It comes as to `POST /v1/events`: signed, where the settings demand it.
    """
    asking: Asking = request.state.asking
    return answer(asking.engine.explain_event(request.state.event, actor=asking.actor))


def list_unhandled(request: Request, *, limit: Limit = USUAL, cursor: Cursor = None) -> Response:
    """List the events that came, and that nothing was done for, the newest first.

    Officer, admin or auditor. Of their data nothing is kept.
    """
    asking: Asking = request.state.asking
    question = {"of": "unhandled"}
    found = asking.engine.unhandled(after=place_of(cursor, question), limit=limit, actor=asking.actor)
    return page(request, found.items, after=found.next, question=question)
