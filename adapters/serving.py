"""The HTTP door, put together as the settings say. Needs the extra `api`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from adapters.api.app import Surroundings, build_api
from adapters.api.auth import Bearer
from adapters.api.door import Door
from adapters.api.operation import Operation
from adapters.api.rates import Rates
from adapters.api.server import ApiServer
from adapters.bootstrap import App
from adapters.inbound.event_signature import Signatures
from adapters.metrics import CONTENT_TYPE
from adapters.receivers import look_at
from adapters.settings import Settings

#: The shortest wait for which anybody is refused, in seconds, however soon calls are closed.
SHORTEST_WAIT_S: Final = 1.0


def api_of(app: App, settings: Settings, **around: Any) -> FastAPI:  # noqa: ANN401 -- what `build_api` takes
    """Return the HTTP program in front of `app`, which is started and closed by somebody else."""
    rates = Rates(requests=settings.api_rate, failures=settings.api_failures)
    door = Door(
        engine=app.engine,
        authenticate=Bearer(app.engine.authenticate, rates),
        largest_body=settings.api_largest_body,
        needs_version=settings.api_needs_version,
        look_at=lambda url: look_at(url, settings),
        verify=Signatures.parse(settings.events_secret.get_secret_value()),
        try_endpoint=app.try_endpoint,
    )
    operation = Operation(
        health=app.runner.health,
        metrics=app.metrics.text,
        counted=app.metrics.counted,
        metrics_type=CONTENT_TYPE,
        metrics_open=settings.api_metrics_open,
    )
    surroundings = Surroundings(
        operation=operation,
        wait_s=max(SHORTEST_WAIT_S, settings.settle_s),
        origins=settings.api_origins,
        docs=settings.api_docs,
    )
    return build_api(door, surroundings, **around)


def program_of(app: App, settings: Settings) -> FastAPI:
    """Return the HTTP program together with `app`: the server that runs it starts and closes both."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await run_in_threadpool(app.start)
            yield
        finally:
            await run_in_threadpool(app.close)

    return api_of(app, settings, lifespan=lifespan)


def server_of(app: App, settings: Settings, *, host: str, port: int) -> ApiServer:
    """Return what serves `app` there; the port is taken already.

    Raises:
        CannotListen: no such host, the port is taken, or this user may not use it.
    """
    api = api_of(app, settings)
    return ApiServer(api, host=host, port=port, trusted_proxies=settings.api_trusted_proxies)
