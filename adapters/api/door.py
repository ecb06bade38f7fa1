"""What the HTTP door is given: the engine, who says who asks, and the limits."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from starlette.requests import Request

from adapters.api.bodies import PATIENCE_S, Held
from adapters.api.conditions import acting, fits_none, key_given, versions_named
from adapters.api.errors import VersionRequired
from adapters.api.event_senders import Senders
from adapters.bounds import LARGEST_BODY
from workflow import Actor, Arrival, Engine, KeyReused, StaleVersion
from workflow.ports import Outcome

T = TypeVar("T")

#: Says who asks, or raises `Unauthenticated`; asked in a thread, so it may wait for a database.
Authenticate = Callable[[Request], Actor]
#: Passes a webhook's URL, or raises `BadInput`; may look its name up, and return what to warn of.
LookAt = Callable[[str], str | None]


#: Passes a request's headers and its body, as it came, or raises `BadSignature`.
Verify = Callable[[Mapping[str, str], bytes], None]


class TryEndpoint(Protocol):
    """Sends a ping to a webhook: `App.try_endpoint`."""

    def __call__(self, endpoint_id: str, *, actor: Actor) -> tuple[Outcome, float]:
        """Return how that ended, and how long it took, in seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Through which requests come in."""

    engine: Engine
    authenticate: Authenticate
    #: Whether its routes stand in a program of ours, where nothing that a host adds to them may wait.
    is_alone: bool = False
    #: Asked on the loop before that, where a host says who asks; raises as it does. None: nobody is.
    ahead: Callable[[Request], Awaitable[None]] | None = None
    #: The largest body, in bytes.
    largest_body: int = LARGEST_BODY
    #: How long a body may take to come, in seconds.
    body_within_s: float = PATIENCE_S
    #: Counts what is held of bodies that are still coming.
    held: Held = field(default_factory=Held)
    #: Whether a change must name the version that it is of (`If-Match`).
    needs_version: bool = False
    #: Looks at a webhook's URL before it is added; None: only its form is looked at.
    look_at: LookAt | None = None
    #: Lets pass an event that is signed as it should be; None: they need not be.
    verify: Verify | None = None
    #: Tells senders of events whether theirs are wanted; None: nobody's are, and there is no route for it.
    senders: Senders | None = None
    #: Tries an endpoint; None: there are no couriers here, and no route for it.
    try_endpoint: TryEndpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, and what every command is told besides."""

    engine: Engine
    actor: Actor
    #: When the whole request was there: before anybody was authenticated, and before any queue.
    arrival: Arrival
    idempotency_key: str | None = None
    #: The versions that `If-Match` names; empty: whichever it is; None: it is not given.
    versions: tuple[int, ...] | None = None
    #: Whether a change must name the version that it is of.
    needs_version: bool = False

    def begin(self, command: Callable[..., T], *named: object, **given: Any) -> T:  # noqa: ANN401 -- the command's
        """Carry out a command that makes something new, under the request's key."""
        terms = {"actor": self.actor, "arrival": self.arrival, "idempotency_key": self.idempotency_key}
        return command(*named, **given, **terms)

    def change(self, command: Callable[..., T], *named: object, **given: Any) -> T:  # noqa: ANN401 -- the command's
        """Carry out a command that changes what is there, if it is at one of the versions named.

        Under its key each is tried as on the first time, so that a replay finds its answer.

        Raises:
            StaleVersion: it is at none of them.
            VersionRequired: none is named, and one must be.
        """
        if self.versions is None and self.needs_version:
            msg = "Say which version this is a change of: If-Match, with the ETag that you have seen."
            raise VersionRequired(msg)
        *others, last = self.versions or (None,)
        for version in others:
            try:
                return self.begin(command, *named, **given, expected_version=version)
            except (StaleVersion, KeyReused):
                continue
        try:
            return self.begin(command, *named, **given, expected_version=last)
        except StaleVersion as exc:
            raise fits_none(exc.facts["version"], self.versions or ()) from None


def asking_of(door: Door, request: Request, arrival: Arrival) -> Asking:
    """Return who asks, and on which conditions.

    Raises:
        Unauthenticated: nobody knows who it is.
        BadHeader: a condition that is none.
    """
    actor = door.authenticate(request)
    request.state.actor = actor  # for the log, whatever becomes of the request
    return Asking(
        engine=door.engine,
        actor=acting(request, actor),
        arrival=arrival,
        idempotency_key=key_given(request),
        versions=versions_named(request),
        needs_version=door.needs_version,
    )
