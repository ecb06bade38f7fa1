"""A span for each request, where anybody traces (OpenTelemetry): its use case, its ids, how it ended."""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.places import path_in
from adapters.api.requests import QUIET, method_of, template_of
from adapters.spans import Spans
from workflow.ids import is_id

#: Place in a route's template -> what it is told as. What stands there is told only where it is an id.
_TOLD: Final = {"call": "eoi.call_id", "eoi": "eoi.eoi_id"}


class Traced:
    """Stands around what answers; lets probes, which come every few seconds, go without a span."""

    def __init__(self, app: ASGIApp, *, spans: Spans) -> None:
        """Stand around `app`."""
        self._app = app
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, within a span."""
        if scope["type"] != "http" or path_in(scope) in QUIET or not self._spans.are_wanted:
            await self._app(scope, receive, send)
            return
        with self._spans.request(method_of(scope), scope["headers"]) as answered:

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered.status = message["status"]
                await send(message)

            try:
                await self._app(scope, receive, sending)
            finally:
                answered.route, answered.ids = template_of(scope), _ids(scope)


def _ids(scope: Scope) -> Mapping[str, str]:
    given = scope.get("path_params", {})
    return {told: given[name] for name, told in _TOLD.items() if name in given and is_id(given[name])}
