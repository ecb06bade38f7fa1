"""Endpoints over HTTP. They take no key: what may be done is not sent again by itself."""

from collections.abc import Mapping, Sequence
from typing import Final

from adapters.client.asking import Asks, at, given
from adapters.trying import Tried
from workflow import Actor, EndpointView
from workflow.ids import existing_id
from workflow.inputs import reason_or_none

#: How long an old secret signs beside a new one, unless it is said, in seconds.
_KEEP_OLD_S: Final = 86_400.0


class Endpoints(Asks):
    """The part of the engine's face that is receivers of events."""

    def add_endpoint(
        self,
        url: str,
        *,
        events: Sequence[str] | None = None,
        via: str = "webhook",
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        concurrency: int | None = None,
        ordered: bool = True,
        actor: Actor | None = None,
    ) -> EndpointView:
        """Add a receiver; it gets the events from now on. A webhook's secret is shown this once."""
        body = given(
            url=url,
            events=None if events is None else list(events),
            via=via,
            headers=dict(headers) if headers else None,
            timeout_s=timeout_s,
            concurrency=concurrency,
            ordered=ordered,
        )
        return self._plain(EndpointView, "POST", "/endpoints", body, actor=actor)

    def endpoints(self, *, actor: Actor | None = None) -> list[EndpointView]:
        """Return every receiver, the oldest first."""
        return self._every(EndpointView, "/endpoints", actor=actor)

    def endpoint(self, endpoint_id: str, *, actor: Actor | None = None) -> EndpointView:
        """Return one receiver."""
        return self._get(EndpointView, _endpoint(endpoint_id), actor=actor)

    def disable_endpoint(
        self, endpoint_id: str, *, actor: Actor | None = None, reason: str | None = None
    ) -> EndpointView:
        """Send nothing there until it is enabled; what happens meanwhile is kept for it."""
        body, path = given(reason=reason_or_none(reason)), _endpoint(endpoint_id, "disable")
        return self._plain(EndpointView, "POST", path, body, actor=actor, repeatable=True)

    def enable_endpoint(self, endpoint_id: str, *, actor: Actor | None = None) -> EndpointView:
        """Send there again, what was kept first."""
        path = _endpoint(endpoint_id, "enable")
        return self._plain(EndpointView, "POST", path, actor=actor, repeatable=True)

    def rotate_endpoint(
        self, endpoint_id: str, *, actor: Actor | None = None, keep_old_s: float = _KEEP_OLD_S
    ) -> EndpointView:
        """Give a webhook a new secret, shown this once; for `keep_old_s` seconds both sign."""
        path = _endpoint(endpoint_id, "rotate")
        return self._plain(EndpointView, "POST", path, {"keep_old_s": keep_old_s}, actor=actor)

    def remove_endpoint(self, endpoint_id: str, *, actor: Actor | None = None) -> EndpointView:
        """Remove a receiver for good; what waited for it is parked."""
        return self._plain(EndpointView, "DELETE", _endpoint(endpoint_id), actor=actor)

    def try_endpoint(self, endpoint_id: str, *, actor: Actor | None = None) -> Tried:
        """Let the server send a webhook a ping now; return what came of it."""
        return self._plain(Tried, "POST", _endpoint(endpoint_id, "test"), actor=actor)


def _endpoint(endpoint_id: str, *parts: str) -> str:
    return at("endpoints", existing_id(endpoint_id), *parts)
