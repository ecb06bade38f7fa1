"""A network where public addresses lead to receivers on this machine; it remembers what was dialled."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import httpcore


class Dialled(NamedTuple):
    """One connection that was asked for."""

    address: str
    port: int
    timeout_s: float | None


class Network(httpcore.NetworkBackend):
    """Leads each address to a port of 127.0.0.1, or fails in the way that is given.

    All others lead to one port, too, or have no route.
    """

    def __init__(self, leads: Mapping[str, int | Exception], *, others: int | None = None) -> None:
        self.leads = dict(leads)
        self._others = others or httpcore.ConnectError("no route to host")
        self.dialled: list[Dialled] = []
        self._system = httpcore.SyncBackend()

    @property
    def addresses(self) -> list[str]:
        """The addresses that were dialled, in order."""
        return [each.address for each in self.dialled]

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Remember it, and connect to where it leads."""
        self.dialled.append(Dialled(host, port, timeout))
        lead = self.leads.get(host, self._others)
        if isinstance(lead, Exception):
            raise lead
        return self._system.connect_tcp("127.0.0.1", lead, timeout, local_address, socket_options)
