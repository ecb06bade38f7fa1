"""What comes back besides views: pages of them, and counts of what was done; for OpenAPI alone."""

from typing import Generic, TypeVar

from pydantic import BaseModel

from workflow import (
    AttemptView,
    CallView,
    DeliveryView,
    EndpointStats,
    EndpointView,
    EoiView,
    HistoryView,
    JobView,
    Option,
    UnhandledView,
)

T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    #: Give it as `cursor` to get the next page; null on the last.
    next: str | None


class Calls(Listed[CallView]):
    """Calls, the newest first."""


class Eois(Listed[EoiView]):
    """EOIs, the oldest first."""


class Changes(Listed[HistoryView]):
    """Every change, the first one first."""


class Attempts(Listed[AttemptView]):
    """What was tried and refused, the first one first."""


class Options(Listed[Option]):
    """What could be done now, or what stands in the way."""


class Endpoints(Listed[EndpointView]):
    """Receivers of events, the oldest first."""


class Deliveries(Listed[DeliveryView]):
    """Events on their way to a receiver, the newest first."""


class Stats(Listed[EndpointStats]):
    """How it stands with what there is for each endpoint."""


class Unhandled(Listed[UnhandledView]):
    """Events that nothing was done for, the newest first."""


class Jobs(Listed[JobView]):
    """Jobs, the newest first."""


class Retried(BaseModel):
    """How many deliveries were put back into their lines."""

    retried: int


class Redriven(BaseModel):
    """How many deliveries wait that did not before."""

    redriven: int


class Dropped(BaseModel):
    """How many deliveries were forgotten."""

    dropped: int


class WhoAsks(BaseModel):
    """Whom the key or token stands for, and what they may."""

    id: str
    roles: list[str]
    organisations: list[str]
    on_behalf_of: str | None
