"""Routes of calls."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.door import Asking


def enter(router: APIRouter) -> None:
    """Enter the routes."""
    router.get("/calls/{call}")(show)


def show(request: Request, call: str) -> Response:
    """Return a call."""
    asking: Asking = request.state.asking
    view = asking.engine.call(call, actor=asking.actor)
    return answer(view, version=view.version)
