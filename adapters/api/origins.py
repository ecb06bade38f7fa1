"""Which programs in browsers may ask: those of the origins that the settings name.

Source: the Fetch standard, 3.2 (CORS).
"""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

#: What such a program may send and read.
SENT: Final = (
    "Authorization",
    "Content-Type",
    "EOI-On-Behalf-Of",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
)
READ: Final = ("Content-Disposition", "ETag", "Link", "Location", "Retry-After", "X-Request-Id")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: How long a browser may believe what it was told of that, in seconds.
BELIEVED_S: Final = 600
_OK: Final = 200


class Origins(CORSMiddleware):
    """Tells browsers what programs of other origins may do; whoever may not is told nothing."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        """Stand in front of `app`.

        Args:
            app: who answers.
            origins: exactly as browsers say them: https://council.example.
        """
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=READ,
            max_age=BELIEVED_S,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the answer to a browser that asks whether it may; without a word of leave, it may not."""
        told = super().preflight_response(request_headers)
        kept = ("vary", "access-control-") if told.status_code == _OK else ("vary",)
        names = {name: value for name, value in told.headers.items() if name.startswith(kept)}
        return Response(status_code=204, headers=names)
