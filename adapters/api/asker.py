"""The route that says who asks: whom a key or a token stands for."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.door import Asking
from adapters.api.entering import enter_route
from adapters.api.replies import WhoAsks

TAG: Final = "Who asks"


def enter(router: APIRouter) -> None:
    """Enter the route."""
    enter_route(router, "GET", "/actor", show_actor, tag=TAG, answer=WhoAsks)


def show_actor(request: Request) -> Response:
    """Show who asks: the name by which history knows them, their roles and organisations.

    Anybody, of themselves.
    """
    asking: Asking = request.state.asking
    actor = asking.actor
    told = WhoAsks(
        id=actor.id,
        roles=sorted(actor.roles),
        organisations=sorted(actor.organisations),
        on_behalf_of=actor.on_behalf_of,
    )
    return answer(told.model_dump())
