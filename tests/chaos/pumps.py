"""Several nodes that deliver, and somebody who kills and freezes them amid their POSTs, by the dice."""

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from random import Random
from typing import Any, Final, Self

from tests.chaos import faults
from tests.chaos.receiver import Came
from tests.servers.scripts import ROOT
from tests.servers.talking import Program

#: How long a killed node keeps what it was about to deliver, in seconds.
LEASE_S: Final = 3.0
#: How long one that stands still does, in seconds: what it had is lent to others meanwhile.
FROZEN_S: Final = LEASE_S + 1.0
#: How soon what has ended is started again, in seconds.
LOOK_S: Final = 0.1

#: As in reality, a hundred times as fast: how often something is tried stays as it is.
_ODD: Final[dict[str, Any]] = {
    "backoff": {"QUICK_S": [0.02, 0.05], "LONGEST_S": 0.08, "LONGEST_REST_S": 0.3},
    "lease_s": LEASE_S,
    "pump_period_s": 0.05,
}
_PAIR: Final = re.compile(r"(\w+)=(\S+)")


class Pump(Program):
    """A process that serves; a `with` ends it."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        #: When it was killed, on the monotonic clock; None: it was not.
        self.killed_at_s: float | None = None
        #: When it was told to stand still.
        self.frozen_at_s: list[float] = []
        self.stands_still = False
        super().__init__(
            [
                sys.executable,
                "-m",
                "tests.chaos.machine",
                json.dumps(_ODD | {"name": name}),
                "serve",
                "--no-api",
            ],
            folder=ROOT,
            env={
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(ROOT),
                "EOI_DATABASE_URL": url,
                "EOI_WEBHOOK_ALLOW": "127.0.0.1",
                "EOI_WEBHOOK_TIMEOUT_S": f"{faults.TIMEOUT_S}",
            },
        )

    @property
    def serves(self) -> bool:
        """Whether it has said that it serves, and nothing has happened to it since."""
        harmed = self.killed_at_s is not None or self.stands_still
        return not harmed and any(line.startswith("Serving") for line in self.lines)

    @cached_property
    def logged(self) -> set[tuple[str, int]]:
        """What became of deliveries, by its log: `delivered`, `postponed`, `overtaken`, each with its id.

        Asked for once it has ended.
        """
        pairs = (dict(_PAIR.findall(line)) for line in self.lines if " event=delivery." in f" {line}")
        return {(pair["event"].partition(".")[2], int(pair["delivery_id"])) for pair in pairs}

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self.killed_at_s = time.monotonic()
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Let it stand still."""
        self.stands_still = True
        self.frozen_at_s.append(time.monotonic())
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)
        self.stands_still = False


class Pumps:
    """Nodes in their places; who was killed is followed by another one."""

    def __init__(self, url: str, size: int, dice: Random, *, blows: int, over: int) -> None:
        """Prepare.

        Args:
            url: of the database.
            size: how many nodes there are.
            dice: decides when a blow falls, and on whom.
            blows: how many there are.
            over: they fall within so many POSTs.
        """
        self._url, self._size, self._dice = url, size, dice
        self._blows_at = sorted(dice.sample(range(over // 10, over), blows), reverse=True)
        self._kinds = list[str]()
        self._posts = 0
        #: Every node that ever was, by its name.
        self.all: dict[str, Pump] = {}
        self._places: list[Pump] = []
        #: How many were killed before the answer came to what they had sent; how many at any moment.
        self.amid_posts = 0
        self.anywhere = 0
        self.frozen = 0
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def on_post(self, came: Came) -> None:
        """Deal a blow, if it is time for one."""
        self._posts += 1
        if not self._blows_at or self._posts < self._blows_at[-1]:
            return
        with self._lock:
            if sum(pump.serves for pump in self._places) > 1 and self.all[came.sender].serves:
                self._blows_at.pop()
                self._strike(self.all[came.sender])

    def tend(self, until: Callable[[], bool]) -> None:
        """Start again whatever was killed, and let go on what stands still, until something is true."""
        while not until():
            time.sleep(LOOK_S)  # Other processes tell nobody of what they do: it is looked for.
            self._look_after()
        assert self._blows_at == [], "there was too little to do for all blows"

    def end(self) -> list[int]:
        """Tell all of them to end; return how each did: its exit status."""
        for pump in self._places:
            pump.thaw()
            pump.signal(signal.SIGTERM)
        return [pump.end() for pump in self._places]

    def __enter__(self) -> Self:
        for place in range(self._size):
            self._places.append(self._started(f"{place}.0"))
        for pump in self._places:
            pump.wait_for("Serving")
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _started(self, name: str) -> Pump:
        self.all[name] = self._stack.enter_context(Pump(name, self._url))
        return self.all[name]

    def _strike(self, sender: Pump) -> None:
        self._kinds = self._kinds or ["the sender", "the sender", "anybody", "freeze"]
        kind = self._kinds.pop(self._dice.randrange(len(self._kinds)))
        if kind == "freeze":
            self.frozen += 1
            sender.freeze()
        elif kind == "anybody":
            self.anywhere += 1
            self._dice.choice([pump for pump in self._places if pump.serves]).kill()
        else:
            self.amid_posts += 1
            sender.kill()

    def _look_after(self) -> None:
        with self._lock:
            for number, pump in enumerate(self._places):
                if pump.killed_at_s is not None:
                    place, _, time_there = pump.name.partition(".")
                    self._places[number] = self._started(f"{place}.{int(time_there) + 1}")
                elif pump.stands_still and time.monotonic() > pump.frozen_at_s[-1] + FROZEN_S:
                    pump.thaw()
