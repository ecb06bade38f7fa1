"""The client, put together."""

import time
from collections.abc import Callable
from typing import Final, Self

from adapters.client import again
from adapters.client.address import address_of
from adapters.client.asker import Asker
from adapters.client.deliveries import Deliveries
from adapters.client.endpoints import Endpoints
from adapters.client.eois import Eois
from adapters.client.events import Events
from adapters.client.jobs import Jobs
from adapters.client.unasked import Unasked
from adapters.client.wire import TIMEOUT_S, Wire
from states.errors import BadInput
from workflow.clock import SystemClock
from workflow.inputs import span
from workflow.ports import Clock

#: The longest that a request may take, in seconds.
_HOUR_S: Final = 3600


class Client(Eois, Endpoints, Deliveries, Events, Jobs, Asker, Unasked):
    """The engine's face over HTTP. Synchronous, thread-safe; build it after a fork.

    Methods have the names, arguments and answers of `Engine`'s, and raise what it raises. Who asks, the key
    says: of an `actor` only the person goes out on whose behalf it is done. A command goes out under an
    idempotency key, given or made up, and is sent again where its answer is lost; commands on endpoints and
    deliveries take none, and are sent again only where nothing was done. What a server has no route for
    raises `NeedsDatabase`. A page's `next` is the server's own; its clock is this machine's. Besides,
    `who_asks` returns whom the key stands for, and `wait_for_job` a job once it has ended.
    """

    def __init__(
        self,
        server: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        insecure_http: bool = False,
        pause: Callable[[float], object] = time.sleep,
        dice: Callable[[], float] = again.cast,
    ) -> None:
        """Prepare; nobody is asked yet.

        Args:
            server: its URL: https://eoi.council.example; http only to this machine.
            key: as `eoi key create` showed it, or a token.
            timeout_s: how long each try of a request may take, in seconds.
            insecure_http: let the key go in clear text to another machine.
            pause: waits so many seconds before a request is sent again.
            dice: spreads those waits; returns a number from 0 to 1.

        Raises:
            BadInput: no address that a key may be sent to, no key, no span of time.
        """
        if not span(timeout_s, field="timeout_s", unit="seconds", greatest=_HOUR_S):
            msg = "timeout_s must be over 0."
            raise BadInput(msg, field="timeout_s")
        address = address_of(server, key, insecure_http=insecure_http)
        self._wire = Wire(address, timeout_s=timeout_s, pause=pause, dice=dice)
        self._place = address.place
        self._pause = pause
        #: This machine's.
        self.clock: Clock = SystemClock()

    def __repr__(self) -> str:
        """Say which server; never the key."""
        return f"Client({self._place})"

    def close(self) -> None:
        """Close every connection."""
        self._wire.close()

    def __enter__(self) -> Self:
        """Lend it."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()
