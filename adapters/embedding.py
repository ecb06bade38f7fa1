"""The HTTP door in a host's own FastAPI, or mounted in any ASGI program. Needs the extra `api`.

What our routes answer is ours, errors as problems (RFC 9457); who asks is the host's to say; and its
handlers, its middleware, its routes and their documentation stay as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

try:
    from fastapi import APIRouter, FastAPI
except ImportError as exc:
    msg = "The HTTP door needs its extra: pip install 'eoi-workflow[api]'."
    raise ImportError(msg) from exc
from starlette.requests import Request

from adapters.api.app import Surroundings, build_api, door_router
from adapters.api.auth import Bearer
from adapters.api.door import Door
from adapters.api.hosts import AskedHost, SaysWho
from adapters.api.openapi import completed
from adapters.api.rates import Rates
from adapters.bootstrap import App, build
from adapters.serving import bearer_of, door_of, running, surroundings_of
from adapters.settings import Settings
from workflow import Actor, BadInput, Engine

__all__ = [
    "App",
    "SaysWho",
    "Settings",
    "build",
    "by_key",
    "eoi_asgi",
    "eoi_router",
    "running",
    "tell_openapi",
]


def eoi_router(
    app_or_engine: App | Engine, *, authenticate: SaysWho, origins: tuple[str, ...] = ()
) -> APIRouter:
    """Return the routes of `/v1`, to be included in a host's program, below any prefix.

    Of an App they heed its settings; with an Engine there are none: nothing tries endpoints, and no event
    need be signed. Nothing is started by it.

    Args:
        app_or_engine: what they ask.
        authenticate: request -> who asks. None, or an HTTPException, where it knows nobody or lets nobody in.
            A function is called in a thread, a coroutine on the loop.
        origins: of which other sites pages may send what changes something: `https://app.council.example`.

    Raises:
        BadInput: it is neither an App nor an Engine of ours, or `authenticate` cannot be called.
    """
    return door_router(_door(app_or_engine, authenticate, origins))


def eoi_asgi(app_or_engine: App | Engine, *, authenticate: SaysWho, origins: tuple[str, ...] = ()) -> FastAPI:
    """Return the whole program, to be mounted: with its documentation, its headers, and its own 404.

    Of an App also its probes and metrics, and overload is told as `eoi serve` tells it. A program that is
    mounted is not told of the server's start: who mounts an App starts it (`running`).

    Args:
        app_or_engine: see `eoi_router`.
        authenticate: see `eoi_router`.
        origins: see `eoi_router`.

    Raises:
        BadInput: see `eoi_router`.
    """
    around = Surroundings()
    if isinstance(app_or_engine, App):
        around = surroundings_of(app_or_engine, app_or_engine.settings)
    return build_api(_door(app_or_engine, authenticate, origins), around)


def by_key(app_or_engine: App | Engine) -> Callable[[Request], Actor]:
    """Return an `authenticate` that knows who asks by the engine's own keys, as `eoi serve` does.

    It raises `Unauthenticated`; a host that has users of its own besides asks it for whoever is none of them.
    """
    if isinstance(app_or_engine, App):
        return bearer_of(app_or_engine.engine, app_or_engine.settings)
    return Bearer(app_or_engine.authenticate, Rates())


def tell_openapi(api: FastAPI, *, security: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Let a host's document tell all of our routes: every problem, every header, each field's meaning.

    Without it, it has their paths, bodies and answers. What is the host's own in it stays as it is.

    Args:
        api: the host's program.
        security: by what who asks is known, as OpenAPI has it: name -> scheme. None: nothing is said.
    """
    made = api.openapi

    def openapi() -> dict[str, Any]:
        return completed(made(), security=security or {})

    api.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way of extending it


def _door(app_or_engine: App | Engine, authenticate: SaysWho, origins: tuple[str, ...]) -> Door:
    if isinstance(app_or_engine, App):
        settings = app_or_engine.settings
        host = AskedHost(authenticate, (*origins, *settings.api_origins))
        return door_of(app_or_engine, settings, host.told, ahead=host.ask)
    if not isinstance(app_or_engine, Engine):  # SQLAlchemy has engines, too
        given = type(app_or_engine)
        msg = (
            "The routes ask an App (of `build`) or an Engine (of `workflow`), "
            f"not {given.__module__}.{given.__qualname__}."
        )
        raise BadInput(msg, field="app_or_engine")
    host = AskedHost(authenticate, origins)
    return Door(engine=app_or_engine, authenticate=host.told, ahead=host.ask)
