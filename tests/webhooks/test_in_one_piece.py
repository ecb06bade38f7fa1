"""A request leaves in one piece, head and body together, whatever pieces it is made of."""

from collections.abc import Iterable
from typing import Any

import httpcore

from adapters.outbound.transport import PunctualTransport
from tests.webhooks.making import courier, delivery, trusting_nobody
from tests.webhooks.receivers import Receiver
from workflow.ports import Delayed, Delivered


class Watched(httpcore.NetworkBackend, httpcore.NetworkStream):
    """The system's network, by one connection, which remembers what was sent, and may lose it."""

    def __init__(self, *, loses: bool = False) -> None:
        self.sent: list[bytes] = []
        self._loses = loses
        self._stream = httpcore.NetworkStream()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, and watch."""
        self._stream = httpcore.SyncBackend().connect_tcp(host, port, timeout)
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read on."""
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Remember it, and send it."""
        self.sent.append(buffer)
        if self._loses:
            raise httpcore.WriteError
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """Say what the connection says."""
        return self._stream.get_extra_info(info)


def test_a_request_leaves_in_one_piece(receiver: Receiver) -> None:
    """One trip through the system for each, so that a quick receiver is woken once."""
    network = Watched()
    sender = courier(transport=PunctualTransport(context=trusting_nobody(), network=network))
    for _ in range(2):
        assert sender.deliver(delivery(receiver.url())) == Delivered(status=204)
    first, second = network.sent
    assert first.startswith(b"POST /eoi-events HTTP/1.1\r\n")
    assert first == second
    assert [taken.body for taken in receiver.taken] == [first.partition(b"\r\n\r\n")[2]] * 2
    sender.close()


def test_a_request_that_cannot_be_sent_is_tried_again(receiver: Receiver) -> None:
    """What had been gathered for it is not sent with the next one."""
    network = Watched(loses=True)
    transport = PunctualTransport(context=trusting_nobody(), network=network)
    sender = courier(transport=transport, timeout_s=0.1)
    assert isinstance(sender.deliver(delivery(receiver.url())), Delayed)
    assert receiver.taken == []
    assert len(network.sent) == 1
    sender.close()
