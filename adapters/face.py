"""What the command line asks of an engine, or of a client that has its face: one protocol for both.

Types alone: who imports this takes nothing of the client along. What only an engine can do (keys, contacts,
the feed, upkeep) is not here; whoever needs that, asks for the engine.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, Unpack

from workflow import (
    Actor,
    AttemptView,
    CallView,
    DeliveryDetail,
    DeliveryView,
    EndpointStats,
    EndpointView,
    EoiView,
    Foreseen,
    HistoryView,
    JobFile,
    JobView,
    NewCall,
    Option,
    Page,
    Receipt,
    UnhandledView,
)
from workflow.engine import Terms
from workflow.ports import Clock


class Waiting(Protocol):
    """Knows what waits for the pump."""

    def oldest_waiting(self) -> datetime | None:
        """Return since when the oldest waits; None: nothing does, or nobody knows."""
        ...


class Face(Protocol):
    """What can be asked of calls, EOIs, receivers, events, jobs; see `workflow.Engine`, method by method."""

    clock: Clock

    @property
    def outbox(self) -> Waiting:
        """What waits for the pump."""
        ...

    # ---- calls

    def open_call(self, new: NewCall, *, actor: Actor, **terms: Unpack[Terms]) -> CallView: ...

    def extend_call(
        self, call_id: str, *, closes_at: datetime | None, actor: Actor, reason: str | None = None,
        **terms: Unpack[Terms],
    ) -> CallView: ...  # fmt: skip

    def close_call(
        self, call_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> CallView: ...

    def cancel_call(
        self, call_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> CallView: ...

    def call(self, id_or_reference: str, *, actor: Actor | None = None) -> CallView: ...

    def calls(self, *, actor: Actor | None = None) -> list[CallView]: ...

    # ---- EOIs

    def draft(
        self, call_id: str, *, answers: Mapping[str, Any], actor: Actor, applicant: str | None = None,
        applicant_name: str | None = None, **terms: Unpack[Terms],
    ) -> Receipt: ...  # fmt: skip

    def save(
        self, eoi_id: str, *, answers: Mapping[str, Any], actor: Actor, **terms: Unpack[Terms]
    ) -> Receipt: ...

    def fire(
        self, eoi_id: str, trigger: str, *, actor: Actor, reason: str | None = None,
        data: Mapping[str, Any] | None = None, **terms: Unpack[Terms],
    ) -> Receipt: ...  # fmt: skip

    def allowed(self, eoi_id: str, actor: Actor, *, at: datetime | None = None) -> list[Option]: ...

    def explain(
        self, eoi_id: str, trigger: str, actor: Actor, *, data: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> Option: ...  # fmt: skip

    def get(self, eoi_id: str, *, actor: Actor | None = None) -> EoiView: ...

    def find(
        self, *, call: str | None = None, state: str | None = None, applicant: str | None = None,
        after: str | None = None, limit: int = 50, actor: Actor | None = None,
    ) -> Page[EoiView]: ...  # fmt: skip

    def history(self, eoi_or_call_id: str, *, actor: Actor | None = None) -> list[HistoryView]: ...

    def attempts(self, eoi_or_call_id: str, *, actor: Actor | None = None) -> list[AttemptView]: ...

    # ---- events from elsewhere

    def handle(self, event: Mapping[str, Any], *, actor: Actor) -> Receipt | CallView | UnhandledView: ...

    def explain_event(self, event: Mapping[str, Any], *, actor: Actor) -> Foreseen: ...

    def unhandled(
        self, *, after: str | None = None, limit: int = 50, actor: Actor | None = None
    ) -> Page[UnhandledView]: ...

    # ---- receivers

    def add_endpoint(
        self, url: str, *, events: Sequence[str] | None = None, via: str = "webhook",
        headers: Mapping[str, str] | None = None, timeout_s: float | None = None,
        concurrency: int | None = None, ordered: bool = True, actor: Actor,
    ) -> EndpointView: ...  # fmt: skip

    def endpoints(self, *, actor: Actor | None = None) -> list[EndpointView]: ...

    def endpoint(self, endpoint_id: str, *, actor: Actor | None = None) -> EndpointView: ...

    def disable_endpoint(
        self, endpoint_id: str, *, actor: Actor, reason: str | None = None
    ) -> EndpointView: ...

    def enable_endpoint(self, endpoint_id: str, *, actor: Actor) -> EndpointView: ...

    def rotate_endpoint(self, endpoint_id: str, *, actor: Actor, keep_old_s: float = ...) -> EndpointView: ...

    def remove_endpoint(self, endpoint_id: str, *, actor: Actor) -> EndpointView: ...

    def contact_lists(self, *, actor: Actor | None = None) -> dict[str, int]: ...

    # ---- deliveries

    def deliveries(
        self, *, state: str | None = None, endpoint: str | None = None, before: int | None = None,
        limit: int = 50, actor: Actor | None = None,
    ) -> list[DeliveryView]: ...  # fmt: skip

    def delivery(self, delivery_id: int, *, actor: Actor | None = None) -> DeliveryDetail: ...

    def delivery_stats(self, *, actor: Actor | None = None) -> list[EndpointStats]: ...

    def retry(self, delivery_id: int | None = None, *, actor: Actor) -> int: ...

    def redrive(
        self, *, since: datetime | None = None, endpoint: str | None = None, delivered: bool = False,
        actor: Actor,
    ) -> int: ...  # fmt: skip

    def drop_delivery(
        self, delivery_id: int | None = None, *, endpoint: str | None = None, actor: Actor
    ) -> int: ...

    # ---- jobs

    def start_job(
        self, kind: str, *, parameters: Mapping[str, Any], content: bytes = b"", actor: Actor,
        idempotency_key: str | None = None,
    ) -> JobView: ...  # fmt: skip

    def job(self, job_id: str, *, actor: Actor | None = None) -> JobView: ...

    def jobs(
        self, *, state: str | None = None, kind: str | None = None, after: str | None = None,
        limit: int = 50, actor: Actor | None = None,
    ) -> Page[JobView]: ...  # fmt: skip

    def cancel_job(self, job_id: str, *, actor: Actor | None) -> JobView: ...

    def forget_job(self, job_id: str, *, actor: Actor | None) -> JobView: ...

    def job_result(self, job_id: str, *, actor: Actor | None = None) -> JobFile: ...

    def job_errors(self, job_id: str, *, actor: Actor | None = None) -> JobFile: ...
