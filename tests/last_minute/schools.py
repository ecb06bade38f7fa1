"""Schools that save and submit through HTTP around a deadline, and come again until they are answered."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, NamedTuple
from uuid import uuid4

from tests.clock import now, sleep_until

#: How long a client waits for an answer, in seconds.
PATIENCE_S: Final = 60.0
#: How long a client that lost its connection waits before it comes again, in seconds.
AGAIN_S: Final = 0.05
#: After so many tries a client gives up: then something is wrong.
MOST: Final = 400
#: What a try comes to that nobody answered.
LOST: Final = "connection lost"

#: A server's host and port.
Address = tuple[str, int]


class Job(NamedTuple):
    """Something to be asked for, at an instant."""

    instant: datetime
    eoi_id: str
    #: The school's key.
    key: str
    #: `save` or `submit`.
    trigger: str


class Try(NamedTuple):
    """One time of asking: the client's own clock around it, whom it asked, and what it was told."""

    before: datetime
    after: datetime
    #: Which of the servers.
    server: int
    #: `done`, the code of a problem, or `LOST`.
    code: str
    #: The receipt's instant.
    at: datetime | None = None
    #: How long it was told to wait, in seconds.
    wait_s: float = 0.0
    #: When the whole of it had been sent; None: it was not.
    sent: datetime | None = None
    #: Whether the connection was a new one.
    new: bool = False

    @property
    def is_final(self) -> bool:
        """Whether it is an answer, after which nobody comes again."""
        return self.code != LOST and not self.wait_s


@dataclass
class Asked:
    """What came of a job, however often it was asked for, each time under the same idempotency key."""

    job: Job
    tries: list[Try] = field(default_factory=list)

    @property
    def answer(self) -> Try:
        """Return the last word."""
        return self.tries[-1]

    @property
    def took_s(self) -> float:
        """Return how long it took from the first try to the last word, in seconds."""
        return (self.answer.after - self.tries[0].before).total_seconds()


class Client:
    """Works for several schools, one job after the other, each server on a connection that is kept alive."""

    def __init__(self, servers: Sequence[Address], number: int) -> None:
        """Ask this one of the servers first."""
        self._servers, self._server = servers, number % len(servers)
        self._lines = dict[int, HTTPConnection]()
        self._rest = threading.Event()

    def work(self, jobs: Sequence[Job]) -> list[Asked]:
        """Do every job at its instant, or as soon after it as can be; what was lost stays lost in all."""
        done = []
        for job in jobs:
            sleep_until(job.instant)
            done.append(self._ask(job))
        for line in self._lines.values():
            line.close()
        return done

    def _ask(self, job: Job) -> Asked:
        asked, request = Asked(job), _request(job)
        while len(asked.tries) < MOST:
            asked.tries.append(told := self._try(*request))
            if told.is_final:
                break
            # Whoever is not answered has nobody to tell them when to come again: they wait, as clients do.
            self._rest.wait(told.wait_s or AGAIN_S)
            self._server = (self._server + 1) % len(self._servers)
        return asked

    def _try(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Try:
        line = self._line(self._server)
        asked = Try(now(), now(), self._server, LOST, new=line.sock is None)
        try:
            line.request(method, path, body, headers)
            asked = asked._replace(sent=now())
            answer = line.getresponse()
            told = json.loads(answer.read())
        except (OSError, HTTPException):
            self._lines.pop(self._server).close()
            return asked._replace(after=now())
        return _told(asked, answer.status, told, answer.headers.get("Retry-After"))

    def _line(self, server: int) -> HTTPConnection:
        if server not in self._lines:
            self._lines[server] = HTTPConnection(*self._servers[server], timeout=PATIENCE_S)
        return self._lines[server]


def _request(job: Job) -> tuple[str, str, bytes, dict[str, str]]:
    headers = {
        "Authorization": f"Bearer {job.key}",
        "Content-Type": "application/json",
        "Idempotency-Key": f'"{uuid4()}"',
    }
    if job.trigger == "save":
        return "PUT", f"/v1/eois/{job.eoi_id}/answers", b'{"answers": {"places": 8}}', headers
    return "POST", f"/v1/eois/{job.eoi_id}/transitions", b'{"trigger": "submit"}', headers


def _told(asked: Try, status: int, told: Any, retry_after: str | None) -> Try:
    if status == 200:
        return asked._replace(after=now(), code="done", at=datetime.fromisoformat(told["at"]))
    wait_s = float(retry_after or 1) if status == 503 else 0.0
    return asked._replace(after=now(), code=told["code"], wait_s=wait_s)
