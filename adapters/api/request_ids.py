"""A name for each request, the same in its answer and in every line of log about it.

Whoever could not do what they wanted tells it to the council, and who looks into the log finds what happened.
It is ours alone: what a sender calls their request is theirs, and is neither believed nor logged.
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow.ids import new_id
from workflow.log import told_with

#: In which header an answer has it.
REQUEST_ID: Final = "X-Request-Id"


class RequestIds:
    """Stands around all that answers, and all that logs."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, under a name."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with told_with(request_id=request_id):
            await self._app(scope, receive, sending)
