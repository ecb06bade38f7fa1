"""Routes of deliveries, one at a time."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.door import Asking
from adapters.api.entering import enter_route
from adapters.api.places import number_in
from adapters.api.schemas import Retried
from workflow import DeliveryDetail

TAG: Final = "Deliveries"


def enter(router: APIRouter) -> None:
    """Enter the routes."""
    enter_route(
        router,
        "GET",
        "/deliveries/{delivery}",
        show_delivery,
        tag=TAG,
        answer=DeliveryDetail,
        refuses=["not-found"],
    )
    enter_route(
        router,
        "POST",
        "/deliveries/{delivery}/retry",
        retry_delivery,
        tag=TAG,
        answer=Retried,
        refuses=["not-found", "nobody-to-tell"],
    )


def show_delivery(request: Request, delivery: str) -> Response:
    """Show a delivery with every attempt.

    Officer, admin or auditor.
    """
    asking: Asking = request.state.asking
    return answer(asking.engine.delivery(number_in(delivery), actor=asking.actor))


def retry_delivery(request: Request, delivery: str) -> Response:
    """Put a parked delivery back into its line.

    Officer or admin. What is for people goes to those who are there now.
    """
    asking: Asking = request.state.asking
    return answer({"retried": asking.engine.retry(number_in(delivery), actor=asking.actor)})
