"""`eoi` on a machine of which the first argument says what is odd: a program of the tests.

Everything runs as it is; only the machine's clock, the length of the leases and the sender's name differ.
`talk URL` serves as `eoi serve` does, and besides answers what it is asked, a line of JSON each.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final, Self

from adapters import bootstrap
from adapters.cli import app as cli
from adapters.outbound import webhook
from adapters.settings import Settings
from tests.answers import answer
from workflow import Actor
from workflow.clock import SystemClock
from workflow.log import log_to_stderr

#: Where the machine's clock is read: our own files, and all of APScheduler's.
_READERS: Final = ("workflow.clock", "scheduler.alarm", "apscheduler.")


class _Instants(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class MachineTime(datetime, metaclass=_Instants):
    """What `datetime` is on a machine whose clock is wrong."""

    #: How far it is ahead, in seconds.
    ahead_s = 0.0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return what time it is there."""
        return datetime.now(tz) + timedelta(seconds=cls.ahead_s)  # type: ignore[return-value]  # noqa: TID251 -- that is the clock


def main() -> None:
    """Be that machine, and do there what the rest of the command line says."""
    odd = json.loads(sys.argv.pop(1))
    if "ahead_s" in odd:
        _set_clock(odd["ahead_s"])
    if "lease_s" in odd:
        # Without it no lease is shorter than the longest time that an attempt may take.
        vars(bootstrap).update(LEASE_S=odd["lease_s"], _longest_s=lambda _: 0.0)
    if "grace_s" in odd:
        vars(bootstrap).update(GRACE_S=odd["grace_s"])
    if "name" in odd:
        vars(webhook).update(own_version=lambda: odd["name"])
    if sys.argv[1] == "talk":
        _talk(sys.argv[2])
    else:
        cli.main()


def _set_clock(ahead_s: float) -> None:
    """Let the whole process see the machine's clock so."""
    MachineTime.ahead_s = ahead_s
    right = time.time  # noqa: TID251 -- as above
    vars(time).update(time=lambda: right() + MachineTime.ahead_s)
    for name, module in list(sys.modules.items()):
        if name.startswith(_READERS) and vars(module).get("datetime") is datetime:
            vars(module).update(datetime=MachineTime)


def _talk(url: str) -> None:
    log_to_stderr()
    with bootstrap.build(Settings(database_url=url)) as app:
        for line in sys.stdin:
            asked = json.loads(line)
            told = _ANSWERS[asked.pop("ask")](app, asked)
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


def _time(app: bootstrap.App, _: Mapping[str, Any]) -> str:
    return SystemClock().now().astimezone(UTC).isoformat()


def _health(app: bootstrap.App, _: Mapping[str, Any]) -> dict[str, Any]:
    health = app.runner.health()
    return {"ok": health.ok, "skew_s": health.clock_skew_s, "said": health.last_error}


def _submit(app: bootstrap.App, asked: Mapping[str, Any]) -> str:
    head = Actor(asked["actor"], {"applicant"}, {asked["applicant"]})
    return answer(lambda: app.engine.submit(asked["eoi_id"], actor=head))


def _set(app: bootstrap.App, asked: Mapping[str, Any]) -> None:
    MachineTime.ahead_s = asked["ahead_s"]


_ANSWERS: Final[dict[str, Callable[[bootstrap.App, dict[str, Any]], Any]]] = {
    "health": _health,
    "set clock": _set,
    "submit": _submit,
    "time": _time,
}

if __name__ == "__main__":
    main()
