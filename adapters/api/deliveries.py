"""Routes of deliveries: what is on its way to whichever receiver, and what was."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.door import Asking
from adapters.api.entering import enter_route
from adapters.api.instants import CODES, instant_in
from adapters.api.paging import NUMBERS, USUAL, Cursor, Limit, page, place_of, whole
from adapters.api.places import number_in
from adapters.api.replies import Deliveries, Dropped, Redriven, Retried, Stats
from adapters.api.schemas import Drop, Redrive, RedriveOfAny
from workflow import DeliveryDetail, DeliveryView, Page

TAG: Final = "Deliveries"
#: What stands for the endpoint of what nobody received but the log.
LOG: Final = "log"

State = Annotated[
    str | None,
    Query(
        description="Only those in this state.",
        json_schema_extra={"enum": ["pending", "delivered", "parked"]},
    ),
]
Endpoint = Annotated[str | None, Query(description="Only those to this endpoint: its id, or `log`.")]


def enter(router: APIRouter) -> None:
    """Enter the routes; what is of no delivery in particular is of the outbox, so that no path is both."""
    enter_route(
        router,
        "GET",
        "/deliveries",
        list_all_deliveries,
        tag=TAG,
        answer=Deliveries,
        refuses=["bad-cursor", "not-found"],
        tells=["Link"],
    )
    enter_route(router, "GET", "/outbox/stats", list_delivery_stats, tag=TAG, answer=Stats)
    enter_route(
        router,
        "POST",
        "/outbox/redrive",
        redrive_deliveries,
        tag=TAG,
        answer=Redriven,
        refuses=["not-found", *CODES],
    )
    enter_route(
        router, "POST", "/outbox/drop", drop_deliveries, tag=TAG, answer=Dropped, refuses=["not-found"]
    )
    for method, path, endpoint, model, refuses in (
        ("GET", "", show_delivery, DeliveryDetail, ["not-found"]),
        ("DELETE", "", drop_delivery, Dropped, ["not-found"]),
        ("POST", "/retry", retry_delivery, Retried, ["not-found", "nobody-to-tell"]),
    ):
        enter_route(
            router,
            method,
            f"/deliveries/{{delivery}}{path}",
            endpoint,
            tag=TAG,
            answer=model,
            refuses=refuses,
        )


def list_all_deliveries(
    request: Request,
    *,
    state: State = None,
    endpoint: Endpoint = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> Response:
    """List what is on its way to receivers, and what was, the newest first.

    Officer, admin or auditor. Of one receiver, `GET /v1/endpoints/{endpoint}/deliveries` tells also whether
    it is there.
    """
    asking: Asking = request.state.asking
    question = {"of": "deliveries", "endpoint": endpoint, "state": state}
    found = listed(asking, question, limit=limit, cursor=cursor)
    return page(request, found.items, after=found.next, question=question)


def list_delivery_stats(request: Request) -> Response:
    """Count what there is for each endpoint: what waits, is parked, has arrived.

    Officer, admin or auditor.
    """
    asking: Asking = request.state.asking
    return whole(asking.engine.delivery_stats(actor=asking.actor))


def redrive_deliveries(request: Request, body: RedriveOfAny | None = None) -> Response:
    """Put what is parked back into its line, for one receiver or for all of them.

    Officer or admin. With `delivered`, what was delivered since an instant goes out again, too.
    """
    asking: Asking = request.state.asking
    wanted = body or RedriveOfAny()
    if wanted.endpoint not in (None, LOG):
        asking.engine.endpoint(str(wanted.endpoint), actor=asking.actor)
    return redriven(asking, wanted, endpoint=wanted.endpoint)


def drop_deliveries(request: Request, body: Drop) -> Response:
    """Forget what is parked and nobody needs any more, for one receiver or for all of them.

    Officer or admin. The events themselves stay. Also of a receiver that is removed; of all only where
    `endpoint` is said to be null.
    """
    asking: Asking = request.state.asking
    return answer({"dropped": asking.engine.drop_delivery(endpoint=body.endpoint, actor=asking.actor)})


def show_delivery(request: Request, delivery: str) -> Response:
    """Show a delivery with every attempt.

    Officer, admin or auditor.
    """
    asking: Asking = request.state.asking
    return answer(asking.engine.delivery(number_in(delivery), actor=asking.actor))


def drop_delivery(request: Request, delivery: str, *, endpoint: Endpoint = None) -> Response:
    """Forget a parked delivery that nobody needs any more, with its attempts.

    Officer or admin. The event itself stays: only this receiver does not get it.
    """
    asking: Asking = request.state.asking
    number = number_in(delivery)
    return answer({"dropped": asking.engine.drop_delivery(number, endpoint=endpoint, actor=asking.actor)})


def retry_delivery(request: Request, delivery: str) -> Response:
    """Put a parked delivery back into its line.

    Officer or admin. What is for people goes to those who are there now.
    """
    asking: Asking = request.state.asking
    return answer({"retried": asking.engine.retry(number_in(delivery), actor=asking.actor)})


def listed(
    asking: Asking, question: Mapping[str, str | None], *, limit: int, cursor: str | None
) -> Page[DeliveryView]:
    """Return a page of the deliveries in the state and to the endpoint that a question names."""
    place = place_of(cursor, question, places=NUMBERS)
    found = asking.engine.deliveries(
        state=question["state"],
        endpoint=question["endpoint"],
        before=None if place is None else int(place),
        limit=limit + 1,
        actor=asking.actor,
    )
    items = tuple(found[:limit])
    return Page(items, str(items[-1].id) if len(found) > limit else None)


def redriven(asking: Asking, wanted: Redrive, *, endpoint: str | None) -> Response:
    """Send again what is wanted, to one endpoint or to all; return how much."""
    since = None if wanted.since is None else instant_in(wanted.since, field="since")
    count = asking.engine.redrive(
        since=since, endpoint=endpoint, delivered=wanted.delivered, actor=asking.actor
    )
    return answer({"redriven": count})
