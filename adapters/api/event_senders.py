"""Which senders of events are told that theirs are wanted here.

Whoever lets others choose where events go asks there first, so that nobody can be made to flood a stranger.
The answer gives no right: each event needs its key as before. Nobody is ever called back: that address would
be whoever's asks, and could lead anywhere inside.

Source: CloudEvents, HTTP 1.1 Web Hooks for Event Delivery, 4 (abuse protection).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

#: What may be done with the place that events go to.
_ALLOW: Final = "OPTIONS, POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """Whose events are wanted, and how many."""

    #: By the names that they call themselves, in small letters: eventgrid.azure.net.
    names: Collection[str]
    #: How many requests one key has in a minute.
    rate: int

    def answer(self, request: Request) -> Response:
        """Return the leave of who is named; to anybody else what any `OPTIONS` is told, which is none."""
        asked = request.headers.getlist("WebHook-Request-Origin")
        headers = {"Allow": _ALLOW}
        if len(asked) == 1 and asked[0].lower() in self.names:
            headers |= {"WebHook-Allowed-Origin": asked[0], "WebHook-Allowed-Rate": str(self.rate)}
        return Response(status_code=204, headers=headers)


def enter_senders(router: APIRouter, path: str, senders: Senders) -> None:
    """Enter the route by which they ask: open to anybody, since who asks has no key yet."""

    async def ask_leave(request: Request) -> Response:
        return senders.answer(request)

    router.add_api_route(
        path, ask_leave, methods=["OPTIONS"], include_in_schema=False, route_class_override=APIRoute
    )
