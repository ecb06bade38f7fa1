"""What the HTTP door is given: the engine, who says who asks, and the limits."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from adapters.api.bodies import LARGEST, PATIENCE_S
from workflow import Actor, Arrival, Engine

#: Says who asks, or raises `Unauthenticated`; asked in a thread, so it may wait for a database.
Authenticate = Callable[[Request], Actor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Through which requests come in."""

    engine: Engine
    authenticate: Authenticate
    #: The largest body, in bytes.
    largest_body: int = LARGEST
    #: How long a body may take to come, in seconds.
    body_within_s: float = PATIENCE_S
    #: Whether a change must name the version that it is of (`If-Match`).
    needs_version: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, and what every command is told besides."""

    engine: Engine
    actor: Actor
    #: When the whole request was there: before anybody was authenticated, and before any queue.
    arrival: Arrival
    idempotency_key: str | None = None
    #: The version that `If-Match` names.
    expected_version: int | None = None
