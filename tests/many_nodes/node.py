"""One node: a process `eoi serve` of its own, what it says, and how it ends."""

import json
import os
import re
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.clock import now
from tests.servers.scripts import ROOT
from tests.servers.talking import Program

_PROGRAM: Final = [str(Path(sys.executable).parent / "eoi")]
_MACHINE: Final = [sys.executable, "-m", "tests.many_nodes.machine"]
_PAIR: Final = re.compile(r"(\w+)=(\S+)")


class Node(Program):
    """A process; a `with` ends it. It is the installed program, unless something is odd about its machine."""

    def __init__(self, *words: str, odd: dict[str, Any] | None = None, **env: str) -> None:
        """Start it.

        Args:
            words: the command line after `eoi`; with something odd, `talk URL` too.
            odd: what `machine.py` knows: `ahead_s`, `grace_s`, `lease_s`, `name`.
            env: of its environment, beside what everybody needs: `EOI_SETTLE_S="1"`.
        """
        surroundings = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        self.name = (odd or {}).get("name", "")
        self.started_at = now()
        #: When it was killed; None: it was not.
        self.killed_at: datetime | None = None
        #: Whether it was told to end, and will.
        self.told_to_end = False
        super().__init__(
            [*([*_MACHINE, json.dumps(odd)] if odd else _PROGRAM), *words],
            folder=ROOT,
            env=surroundings | {"EOI_WEBHOOK_ALLOW": "127.0.0.1"} | env,
        )

    @property
    def runs(self) -> bool:
        """Return whether it has not ended."""
        return self.process.poll() is None

    @property
    def serves(self) -> bool:
        """Return whether it has said that it serves, and nothing has ended it since."""
        going = self.told_to_end or self.killed_at is not None
        return self.runs and not going and any(line.startswith("Serving") for line in self.lines)

    def ask(self, question: str, **facts: Any) -> Any:
        """Ask a node that talks; return what it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"ask": question, **facts}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def freeze(self) -> None:
        """Let it stand still, and come back when all its threads do, which the signal alone does not say."""
        self.signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self.killed_at = now()
        self.process.kill()
        self.process.wait()

    def logged(self, event: str) -> list[dict[str, str]]:
        """Return what its log says of all events of that name."""
        return [dict(_PAIR.findall(line)) for line in self.lines if f" event={event} " in f"{line} "]
