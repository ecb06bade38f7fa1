"""Somebody else's systems, at their worst: each at a port of its own, all in one thread of the tests."""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.chaos import faults
from tests.chaos.faults import Fate

_END_OF_HEAD: Final = b"\r\n\r\n"
#: After how many POSTs a receiver is gone for a while, at the least and at the most; and for how long.
UP: Final = (30, 600)
DOWN_S: Final = (0.3, 1.2)
#: A close with this is a reset.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True, eq=False)
class Came:
    """One POST, as it was read, and what was done with it."""

    #: The receiver's number.
    door: int
    #: On the monotonic clock, in seconds.
    at_s: float
    id: str
    body: bytes
    #: What stands behind the product's name in its User-Agent.
    sender: str
    fate: Fate
    subject: str = ""
    version: int = 0
    #: Whether the whole answer went out.
    answered: bool = False

    @property
    def accepted(self) -> bool:
        """Whether its sender could know that it arrived."""
        return self.answered and self.fate.accepts

    @property
    def refused(self) -> bool:
        """Whether its sender could know that it was not taken."""
        return self.answered and self.fate.refuses


@dataclass(slots=True, eq=False)
class Door:
    """One receiver: where it is, whose events it takes, and its dice."""

    number: int
    port: int
    dice: Random
    #: Checks who has sent something; set once the secret is known.
    webhook: Webhook | None = None
    #: Event -> what it answers to it for good.
    poisons: dict[str, Fate] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    lines: set["_Line"] = field(default_factory=set)
    #: What listens; None: it is gone for a while.
    listening: socket.socket | None = None
    #: How many POSTs come until it is gone for a while.
    until_down: int = 0
    outages: int = 0
    unheard: int = 0

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self.port}/eoi"

    def fate(self, event_id: str) -> Fate:
        """Draw what becomes of a POST."""
        if event_id not in self.known:
            self.known.add(event_id)
            if found := faults.poison(self.dice):
                self.poisons[event_id] = found
        return self.poisons.get(event_id) or faults.drawn(self.dice)


class Receivers:
    """So many receivers, while they are used in a `with`."""

    def __init__(self, count: int, dice: Random) -> None:
        """Take their ports; nobody listens yet."""
        # Bound and never listening: the port stays ours while its receiver is gone.
        self._held = [_bound(0) for _ in range(count)]
        self.doors = [
            Door(number, each.getsockname()[1], Random(dice.random()))  # noqa: S311 -- to be drawn again
            for number, each in enumerate(self._held)
        ]
        #: All that was read, in its order.
        self.came: list[Came] = []
        #: What came without a signature of ours, or with a wrong one.
        self.unsigned: list[Came] = []
        #: Is told of each POST before anything is done with it.
        self.before_answer: Callable[[Came], object] = id
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._tasks = set[asyncio.Task[None]]()

    def take(self, door: Door, head: dict[str, str], body: bytes) -> Came:
        """Look at what came, and draw its fate."""
        event = json.loads(body)
        id_ = str(event["id"])
        came = Came(
            door.number,
            time.monotonic(),
            id_,
            body,
            head["user-agent"].partition("/")[2],
            door.fate(id_),
            subject=event["subject"],
            version=event["data"]["version"],
        )
        self.came.append(came)
        if not _is_signed(door, id_, head, body):
            self.unsigned.append(came)
        self.before_answer(came)
        self._count_down(door)
        return came

    def __enter__(self) -> Self:
        self._thread.start()
        for door in self.doors:
            door.until_down = door.dice.randint(*UP)
            self._do(self._open(door)).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for each in self._held:
            each.close()

    def _do(self, what: Coroutine[Any, Any, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(what, self._loop)

    async def _open(self, door: Door) -> None:
        door.listening = _bound(door.port)
        door.listening.listen(256)
        door.listening.setblocking(False)
        # asyncio's own server would lose a connection that comes just as it is closed.
        self._loop.add_reader(door.listening, self._accept, door, door.listening)

    def _accept(self, door: Door, listening: socket.socket) -> None:
        connection, _ = listening.accept()
        self._start(self._serve(door, connection))

    async def _serve(self, door: Door, connection: socket.socket) -> None:
        await self._loop.connect_accepted_socket(partial(_Line, self, door), connection)

    def _start(self, what: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self) -> None:
        for door in self.doors:
            self._go(door)
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.sleep(0)  # what was broken off is closed in the loop's next round

    def _count_down(self, door: Door) -> None:
        door.until_down -= 1
        if door.until_down == 0 and door.listening is not None:
            door.outages += 1
            self._start(self._away(door))

    async def _away(self, door: Door) -> None:
        """Be gone for a while: connections are refused, those that there are break."""
        self._go(door)
        await asyncio.sleep(door.dice.uniform(*DOWN_S))
        door.until_down = door.dice.randint(*UP)
        await self._open(door)

    def _go(self, door: Door) -> None:
        if door.listening is not None:
            self._loop.remove_reader(door.listening)
            door.listening.close()
            door.listening = None
        for line in list(door.lines):
            line.reset()


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, receivers: Receivers, door: Door) -> None:
        self._receivers, self._door = receivers, door
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._door.lines.add(self)
        if self._door.listening is None or self._door.dice.random() < faults.UNHEARD:
            self._door.unheard += 1
            self.reset()

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(_END_OF_HEAD)
        if end < 0:
            return
        head = _fields(self._read[:end])
        whole = end + len(_END_OF_HEAD) + int(head["content-length"])
        if len(self._read) < whole or self.transport.is_closing():
            return
        body, self._read = self._read[end + len(_END_OF_HEAD) : whole], self._read[whole:]
        came = self._receivers.take(self._door, head, body)
        asyncio.get_running_loop().call_later(self._door.dice.uniform(*came.fate.after_s), self._answer, came)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.lines.discard(self)

    def reset(self) -> None:
        """Break it off."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def _answer(self, came: Came) -> None:
        if self.transport.is_closing():
            return
        if came.fate.answer:
            self.transport.write(came.fate.answer)
        came.answered = True
        match came.fate.then:
            case "closed":
                self.transport.close()
            case "reset":
                self.reset()


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind(("127.0.0.1", port))
    return found


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}


def _is_signed(door: Door, event_id: str, head: dict[str, str], body: bytes) -> bool:
    """Return whether the field's own library takes it for ours, under the event's own id."""
    assert door.webhook is not None
    try:
        door.webhook.verify(body, head)
    except WebhookVerificationError:
        return False
    return head["webhook-id"] == event_id
