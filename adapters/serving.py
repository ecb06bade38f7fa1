"""The HTTP door, put together as the settings say. Needs the extra `api`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from adapters.api.app import Surroundings, build_api
from adapters.api.auth import Bearer
from adapters.api.door import Authenticate, Door
from adapters.api.event_senders import Senders
from adapters.api.operation import Operation
from adapters.api.rates import Rates
from adapters.api.server import ApiServer
from adapters.bootstrap import App
from adapters.inbound.event_signature import Signatures
from adapters.metrics import CONTENT_TYPE
from adapters.receivers import look_at
from adapters.settings import Settings
from states.errors import BadInput
from workflow import Actor, Engine

#: The shortest wait for which anybody is refused, in seconds, however soon calls are closed.
SHORTEST_WAIT_S: Final = 1.0


def api_of(app: App, settings: Settings, **around: Any) -> FastAPI:  # noqa: ANN401 -- what `build_api` takes
    """Return the HTTP program in front of `app`, which is started and closed by somebody else."""
    door = door_of(app, settings, bearer_of(app.engine, settings))
    return build_api(door, surroundings_of(app, settings), **around)


def door_of(app: App, settings: Settings, authenticate: Authenticate, **asked: Any) -> Door:  # noqa: ANN401 -- as above
    """Return the door to `app`, by which `authenticate` says who asks."""
    return Door(
        engine=app.engine,
        authenticate=authenticate,
        largest_body=settings.api_largest_body,
        needs_version=settings.api_needs_version,
        look_at=lambda url: look_at(url, settings),
        verify=Signatures.parse(settings.events_secret.get_secret_value()),
        senders=_senders(settings),
        try_endpoint=app.try_endpoint,
        **asked,
    )


def bearer_of(engine: Engine, settings: Settings) -> Bearer:
    """Return what says who asks by key, and by token where an issuer is set; it counts requests."""
    rates = Rates(requests=settings.api_rate, failures=settings.api_failures)
    return Bearer(_knows(engine, settings), rates)


def surroundings_of(app: App, settings: Settings) -> Surroundings:
    """Return what stands around the routes to `app`."""
    operation = Operation(
        health=app.runner.health,
        metrics=app.metrics.text,
        counted=app.metrics.counted,
        metrics_type=CONTENT_TYPE,
        metrics_open=settings.api_metrics_open,
    )
    return Surroundings(
        operation=operation,
        wait_s=max(SHORTEST_WAIT_S, settings.settle_s),
        origins=settings.api_origins,
        docs=settings.api_docs,
        count=app.metrics.request,
    )


def program_of(app: App, settings: Settings) -> FastAPI:
    """Return the HTTP program together with `app`: the server that runs it starts and closes both."""
    return api_of(app, settings, lifespan=running(app))


def running(app: App) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Return a lifespan that starts `app` and closes it: a server begins it in each process, after a fork."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        try:
            await run_in_threadpool(app.start)
            yield
        finally:
            await run_in_threadpool(app.close)

    return lifespan


def server_of(app: App, settings: Settings, *, host: str, port: int) -> ApiServer:
    """Return what serves `app` there; the port is taken already.

    Raises:
        CannotListen: no such host, the port is taken, or this user may not use it.
    """
    api = api_of(app, settings)
    return ApiServer(api, host=host, port=port, trusted_proxies=settings.api_trusted_proxies)


def _senders(settings: Settings) -> Senders | None:
    """Return who is told that events are wanted; None: nobody is named."""
    if not settings.events_origins:
        return None
    return Senders(names=frozenset(settings.events_origins), rate=settings.api_rate)


def _knows(engine: Engine, settings: Settings) -> Callable[[str], Actor]:
    """Return what knows keys, and tokens where an issuer is set."""
    if not settings.oidc_issuer:
        if settings.oidc_audience or settings.oidc_roles:
            msg = "EOI_OIDC_ISSUER must say whose tokens are meant: others of EOI_OIDC_… are set."
            raise BadInput(msg, field="oidc_issuer")
        return engine.authenticate
    # What checks tokens brings all of `cryptography` along.
    from adapters.api.oidc import ClaimRules, Oidc, parsed_roles  # noqa: PLC0415 -- as above

    rules = ClaimRules(
        roles=parsed_roles(settings.oidc_roles),
        roles_claim=settings.oidc_roles_claim,
        organisations_claim=settings.oidc_organisations_claim or None,
        organisations_prefix=settings.oidc_organisations_prefix,
        actor_claim=settings.oidc_actor_claim,
    )
    oidc = Oidc(
        settings.oidc_issuer,
        settings.oidc_audience,
        rules,
        algorithms=settings.oidc_algorithms,
        jwks_url=settings.oidc_jwks_url or None,
    )
    return oidc.beside(engine.authenticate)
