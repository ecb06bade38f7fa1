"""Routes of calls."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.door import Asking
from adapters.api.entering import enter_route
from adapters.api.instants import day_in, instant_in
from adapters.api.paging import INSTANTS, USUAL, VERSIONS, Cursor, Limit, page, place_of
from adapters.api.places import place_in
from adapters.api.replies import Attempts, Calls, Changes
from adapters.api.schemas import CallToOpen, Extension, Reason
from adapters.api.showing import shown
from states.deadlines import closing_instant
from states.errors import BadDeadline
from states.names import CallState
from workflow import CallView, NewCall
from workflow.ids import existing_id

TAG: Final = "Calls"
#: What a day or an instant may be refused with.
DEADLINE: Final = (
    "bad-deadline", "one-closing", "naive-datetime", "no-such-date", "no-such-time", "year-out-of-range",
    "local-time-missing",
)  # fmt: skip
_CHANGED: Final = (
    "not-found", "role-missing", "wrong-state", "conflict", "call-closed", "call-cancelled",
)  # fmt: skip

State = Annotated[
    str | None, Query(description="Only those in this state.", json_schema_extra={"enum": [*CallState]})
]
Reference = Annotated[str | None, Query(description="Only the one with this reference, such as 46/23.")]


def enter(router: APIRouter) -> None:
    """Enter the routes."""
    enter_route(
        router, "GET", "/calls", list_calls, tag=TAG, answer=Calls, refuses=["bad-cursor"], tells=["Link"]
    )
    enter_route(
        router,
        "POST",
        "/calls",
        open_call,
        tag=TAG,
        answer=CallView,
        status=201,
        refuses=[
            *DEADLINE, "unknown-timezone", "closing-before-opening", "closing-has-passed", "opens-in-future",
            "reference-taken", "conflict", "key-reused",
        ],
        takes_key=True,
        tells=["ETag", "Location"],
    )  # fmt: skip
    enter_route(
        router,
        "GET",
        "/calls/{call}",
        show_call,
        tag=TAG,
        answer=CallView,
        refuses=["not-found"],
        takes_version=True,
        tells=["ETag"],
    )
    enter_route(
        router,
        "GET",
        "/calls/{call}/history",
        list_call_history,
        tag=TAG,
        answer=Changes,
        refuses=["not-found", "bad-cursor"],
        tells=["Link"],
    )
    enter_route(
        router,
        "GET",
        "/calls/{call}/attempts",
        list_call_attempts,
        tag=TAG,
        answer=Attempts,
        refuses=["not-found", "bad-cursor"],
        tells=["Link"],
    )
    for word, endpoint, refuses in (
        ("extend", extend_call, [*DEADLINE, "closing-not-later", "closes-at-missing", "reason-missing"]),
        ("close", close_call, ["closing-not-due", "eois-exist"]),
        ("cancel", cancel_call, ["reason-missing"]),
    ):
        enter_route(
            router,
            "POST",
            f"/calls/{{call}}/{word}",
            endpoint,
            tag=TAG,
            answer=CallView,
            refuses=[*_CHANGED, *refuses],
            takes_key=True,
            takes_version=True,
            tells=["ETag"],
        )


def list_calls(
    request: Request,
    *,
    reference: Reference = None,
    state: State = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """List calls, the newest first.

    Anybody with a role. Applicants get no counts: how many others apply is nobody's business.
    """
    asking: Asking = request.state.asking
    question = {"of": "calls", "reference": reference, "state": state}
    found = asking.engine.find_calls(
        reference=reference,
        state=state,
        after=place_of(cursor, question),
        limit=limit,
        actor=asking.actor,
    )
    return page(request, found.items, after=found.next, question=question)


def open_call(request: Request, body: CallToOpen) -> Response:
    """Open a call; it takes EOIs from now until it closes.

    Officer. Give either `closes_on` (the whole day counts) or `closes_at` (the first instant that is too
    late).
    """
    asking: Asking = request.state.asking
    view = asking.begin(asking.engine.open_call, _new_call(body))
    return answer(view, status=201, version=view.version, location=place_in(request, "calls", view.id))


def show_call(request: Request, call: str) -> Response:
    """Show a call.

    Anybody with a role. Its counts change without a new version, so that whoever sees them is always sent
    them.
    """
    asking: Asking = request.state.asking
    view = asking.engine.call(existing_id(call), actor=asking.actor)
    return shown(request, view, version=view.version, is_all_in_version=view.counts is None)


def list_call_history(
    request: Request, call: str, *, limit: Limit = USUAL, cursor: Cursor = None
) -> Response:
    """List every change of a call, the first one first.

    Anybody with a role. What becomes of its EOIs is in their own histories.
    """
    asking: Asking = request.state.asking
    view = asking.engine.call(existing_id(call), actor=asking.actor)
    question = {"of": "history", "subject": view.id}
    place = place_of(cursor, question, places=VERSIONS)
    found = asking.engine.find_history(view.id, after=place, limit=limit, actor=asking.actor)
    return page(request, found.items, after=found.next, question=question)


def list_call_attempts(
    request: Request, call: str, *, limit: Limit = USUAL, cursor: Cursor = None
) -> Response:
    """List what was tried and refused on a call, and on any of its EOIs.

    Staff; for applicants it is empty.
    """
    asking: Asking = request.state.asking
    view = asking.engine.call(existing_id(call), actor=asking.actor)
    question = {"of": "attempts", "subject": view.id}
    place = place_of(cursor, question, places=INSTANTS)
    found = asking.engine.find_attempts(view.id, after=place, limit=limit, actor=asking.actor)
    return page(request, found.items, after=found.next, question=question)


def extend_call(request: Request, call: str, body: Extension) -> Response:
    """Move a call's deadline to a later instant, for everybody.

    Officer, with a reason. A day is meant in the call's own zone.
    """
    asking: Asking = request.state.asking
    call_id = existing_id(call)
    if body.closes_on is not None and body.closes_at is not None:
        msg = "Give either closes_on or closes_at."
        raise BadDeadline(msg, code="one-closing", field="closes_at")
    closes_at = None if body.closes_at is None else instant_in(body.closes_at, field="closes_at")
    if body.closes_on is not None:
        zone = asking.engine.call(call_id, actor=asking.actor).timezone
        closes_at = closing_instant(day_in(body.closes_on, field="closes_on"), zone)
    return _changed(
        asking.change(asking.engine.extend_call, call_id, closes_at=closes_at, reason=body.reason)
    )


def close_call(request: Request, call: str, body: Reason | None = None) -> Response:
    """Close a call; its drafts lapse.

    At its deadline; or early, by an officer, while nobody has begun an EOI. The scheduler does it by itself.
    """
    asking: Asking = request.state.asking
    reason = None if body is None else body.reason
    return _changed(asking.change(asking.engine.close_call, existing_id(call), reason=reason))


def cancel_call(request: Request, call: str, body: Reason | None = None) -> Response:
    """Call it off, and its live EOIs with it.

    Admin, with a reason.
    """
    asking: Asking = request.state.asking
    reason = None if body is None else body.reason
    return _changed(asking.change(asking.engine.cancel_call, existing_id(call), reason=reason))


def _changed(view: CallView) -> Response:
    return answer(view, version=view.version)


def _new_call(body: CallToOpen) -> NewCall:
    return NewCall(
        reference=body.reference,
        title=body.title,
        closes_on=None if body.closes_on is None else day_in(body.closes_on, field="closes_on"),
        closes_at=None if body.closes_at is None else instant_in(body.closes_at, field="closes_at"),
        opens_at=None if body.opens_at is None else instant_in(body.opens_at, field="opens_at"),
        timezone=body.timezone,
        phase=body.phase,
        contact=body.contact,
        audience=body.audience,
        closing_words=body.closing_words,
    )
