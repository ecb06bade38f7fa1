"""The HTTP program: every route, and what stands around them."""

from fastapi import APIRouter, FastAPI

from adapters.api import calls
from adapters.api.door import Door
from adapters.api.route import through
from adapters.version import own_version


def eoi_router(door: Door) -> APIRouter:
    """Return the routes of `/v1`, for a program of one's own."""
    router = APIRouter(prefix="/v1", route_class=through(door))
    calls.enter(router)
    return router


def build_api(door: Door) -> FastAPI:
    """Return the whole program."""
    api = FastAPI(title="eoi-workflow", version=own_version(), docs_url=None, redoc_url=None)
    api.include_router(eoi_router(door))
    return api
