"""Routes of EOIs. What is not theirs is not found, whichever way it is asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.door import Asking
from adapters.api.entering import enter_route
from adapters.api.instants import CODES, instant_in
from adapters.api.paging import INSTANTS, USUAL, VERSIONS, Cursor, Limit, page, place_of, whole
from adapters.api.places import place_in
from adapters.api.replies import Attempts, Changes, Eois, Options
from adapters.api.schemas import NewAnswers, NewEoi, Question, Transition
from adapters.api.showing import shown
from states.names import EoiState
from workflow import EoiView, Option, Receipt
from workflow.ids import existing_id
from workflow.inputs import reason_in

TAG: Final = "Expressions of interest"
#: What any move may be refused with.
_MOVED: Final = (
    "not-found", "role-missing", "not-your-organisation", "call-closed", "closed-in-flight", "call-cancelled",
    "conflict", "key-reused",
)  # fmt: skip

OfCall = Annotated[
    str | None, Query(alias="call", description="Only those of this call: its id or reference.")
]
State = Annotated[
    str | None, Query(description="Only those in this state.", json_schema_extra={"enum": [*EoiState]})
]
Applicant = Annotated[str | None, Query(description="Only those of this organisation: its stable id.")]
At = Annotated[
    str | None,
    Query(description="As of which instant; left out: now.", json_schema_extra={"format": "date-time"}),
]


def enter(router: APIRouter) -> None:
    """Enter the routes."""
    enter_route(
        router,
        "POST",
        "/calls/{call}/eois",
        draft_eoi,
        tag=TAG,
        answer=Receipt,
        status=201,
        refuses=[*_MOVED, "already-applied"],
        takes_key=True,
        tells=["ETag", "Location"],
    )
    enter_route(
        router,
        "GET",
        "/eois",
        list_eois,
        tag=TAG,
        answer=Eois,
        refuses=["bad-cursor", "not-found"],
        tells=["Link"],
    )
    enter_route(
        router,
        "GET",
        "/eois/{eoi}",
        show_eoi,
        tag=TAG,
        answer=EoiView,
        refuses=["not-found"],
        takes_version=True,
        tells=["ETag"],
    )
    enter_route(
        router,
        "PUT",
        "/eois/{eoi}/answers",
        save_answers,
        tag=TAG,
        answer=Receipt,
        refuses=[*_MOVED, "wrong-state"],
        takes_key=True,
        takes_version=True,
        tells=["ETag"],
    )
    enter_route(
        router,
        "POST",
        "/eois/{eoi}/transitions",
        fire_transition,
        tag=TAG,
        answer=Receipt,
        refuses=[
            *_MOVED, "wrong-state", "unknown-trigger", "reason-missing", "call-not-open", "call-still-open",
            "call-not-cancelled", "reviewed-by-you", "not-in-flight",
        ],
        takes_key=True,
        takes_version=True,
        tells=["ETag"],
    )  # fmt: skip
    for path, endpoint, model in (
        ("transitions", list_eoi_history, Changes),
        ("attempts", list_eoi_attempts, Attempts),
    ):
        enter_route(
            router,
            "GET",
            f"/eois/{{eoi}}/{path}",
            endpoint,
            tag=TAG,
            answer=model,
            refuses=["not-found", "bad-cursor"],
            tells=["Link"],
        )
    enter_route(
        router,
        "GET",
        "/eois/{eoi}/options",
        list_options,
        tag=TAG,
        answer=Options,
        refuses=["not-found", *CODES],
    )
    enter_route(
        router,
        "POST",
        "/eois/{eoi}/options",
        explain_transition,
        tag=TAG,
        answer=Option,
        refuses=["not-found", *CODES, "unknown-trigger"],
    )


def draft_eoi(request: Request, call: str, body: NewEoi) -> Response:
    """Begin an EOI.

    Applicant, while the call is open, for one of its own organisations; or an officer on behalf of somebody.
    One live EOI for each organisation and call.
    """
    asking: Asking = request.state.asking
    receipt = asking.begin(
        asking.engine.draft,
        existing_id(call),
        answers=body.answers,
        applicant=body.applicant,
        applicant_name=body.applicant_name,
    )
    location = place_in(request, "eois", receipt.eoi_id)
    return answer(receipt, status=201, version=receipt.version, location=location)


def list_eois(
    request: Request,
    *,
    of_call: OfCall = None,
    state: State = None,
    applicant: Applicant = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """List EOIs, the oldest first.

    Staff see all of them; an applicant those of its own organisations, as if there were no others.
    """
    asking: Asking = request.state.asking
    question = {"of": "eois", "call": of_call, "state": state, "applicant": applicant}
    found = asking.engine.find(
        call=of_call,
        state=state,
        applicant=applicant,
        after=place_of(cursor, question),
        limit=limit,
        actor=asking.actor,
    )
    return page(request, found.items, after=found.next, question=question)


def show_eoi(request: Request, eoi: str) -> Response:
    """Show an EOI with its answers.

    Staff; an applicant, if it is of one of its own organisations.
    """
    asking: Asking = request.state.asking
    view = asking.engine.get(eoi, actor=asking.actor)
    return shown(request, view, version=view.version)


def save_answers(request: Request, eoi: str, body: NewAnswers) -> Response:
    """Replace a draft's answers, all of them.

    Applicant, while the call is open.
    """
    asking: Asking = request.state.asking
    return _receipt(asking.change(asking.engine.save, eoi, answers=body.answers))


def fire_transition(request: Request, eoi: str, body: Transition) -> Response:
    """Make a move: submit, review, approve, decline, withdraw, reinstate.

    Who may, from which state, and what must be given along: docs/lifecycle.md. All that stands in the way is
    told at once, in `errors`.
    """
    asking: Asking = request.state.asking
    return _receipt(
        asking.change(asking.engine.fire, eoi, body.trigger, reason=body.reason, data=_along(body))
    )


def list_eoi_history(request: Request, eoi: str, *, limit: Limit = USUAL, cursor: Cursor = None) -> Response:
    """List every change of an EOI, the first one first.

    Whoever may see the EOI.
    """
    asking: Asking = request.state.asking
    view = asking.engine.get(eoi, actor=asking.actor)
    question = {"of": "history", "subject": view.id}
    place = place_of(cursor, question, places=VERSIONS)
    found = asking.engine.find_history(view.id, after=place, limit=limit, actor=asking.actor)
    return page(request, found.items, after=found.next, question=question)


def list_eoi_attempts(request: Request, eoi: str, *, limit: Limit = USUAL, cursor: Cursor = None) -> Response:
    """List what was tried on an EOI and refused.

    Whoever may see the EOI.
    """
    asking: Asking = request.state.asking
    view = asking.engine.get(eoi, actor=asking.actor)
    question = {"of": "attempts", "subject": view.id}
    place = place_of(cursor, question, places=INSTANTS)
    found = asking.engine.find_attempts(view.id, after=place, limit=limit, actor=asking.actor)
    return page(request, found.items, after=found.next, question=question)


def list_options(request: Request, eoi: str, *, at: At = None) -> Response:
    """List what whoever asks could do with an EOI, now or at another instant, or what stands in the way.

    Whoever may see the EOI. Every move that leaves its present state is told.
    """
    asking: Asking = request.state.asking
    return whole(asking.engine.allowed(eoi, asking.actor, at=_instant(at)))


def explain_transition(request: Request, eoi: str, body: Question) -> Response:
    """Say whether one move could be made, or what stands in the way; nothing is changed.

    Whoever may see the EOI. It is asked as `POST …/transitions` would be, and besides as of which instant:
    a reason stands in no address.
    """
    asking: Asking = request.state.asking
    told = {"reason": reason_in(body.reason, _along(body) or {})}
    return answer(asking.engine.explain(eoi, body.trigger, asking.actor, data=told, at=_instant(body.at)))


def _along(body: Transition) -> Mapping[str, Any] | None:
    """Return what is given along with a move."""
    return None if body.data is None else body.data.model_dump(exclude_unset=True)


def _instant(words: str | None) -> datetime | None:
    return None if words is None else instant_in(words, field="at")


def _receipt(receipt: Receipt) -> Response:
    return answer(receipt, version=receipt.version)
