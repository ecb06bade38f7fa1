"""W6: schools submit through HTTP, many at once, as they do in the last minute.

16 clients, each on a connection that is kept alive, submit one draft after the other; `eoi serve` runs as it
does for everybody, with its scheduler and its couriers in the same process, and each client has its own key.
The floor is a bare FastAPI route on the same server (uvicorn) that does the transaction of W1's floor: it
knows no keys, no roles, no versions, no deadline but the call's own. What is late, lost or refused is counted
elsewhere: `./run test tests/last_minute --long`.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import IO, Final

from bench.contest import Contender, Place, Prepare, Target, Workload
from bench.w1_floor import drafts
from workflow import Engine
from workflow.testing import admin

#: How many clients there are at once.
CLIENTS: Final = 16
#: How many EOIs are submitted in a turn.
PER_TURN: Final = 320

_EOI: Final = "from adapters.cli import main; main()"

#: A path, headers and a body.
Request = tuple[str, dict[str, str], bytes]


@contextmanager
def floor(place: Place) -> Iterator[Prepare]:
    """Submit by the bare route."""
    command = [sys.executable, "-m", "bench.w6_floor", place.database, place.url]
    with drafts(place) as more, _served(command, int) as port:
        yield _submitting(port, lambda count: [(f"/submit/{eoi_id}", {}, b"") for eoi_id in more(count)])


@contextmanager
def ours(place: Place) -> Iterator[Prepare]:
    """Submit by `POST /v1/eois/{eoi}/transitions`, each school by its own key."""
    command = [sys.executable, "-c", _EOI, "serve", "--db", place.url, "--port", "0", "--json"]
    with drafts(place) as more, _served(command, _port_of) as port, Engine(place.url) as engine:
        keys = [
            engine.create_key(
                f"school-{number}", roles=["applicant"], organisations=[f"URN:{number}"], actor=admin()
            ).key
            for number in range(1, PER_TURN + 1)
        ]
        body = json.dumps({"trigger": "submit"}).encode()

        def requests(count: int) -> list[Request]:
            headers = {"Content-Type": "application/json"}
            return [
                (f"/v1/eois/{eoi_id}/transitions", headers | {"Authorization": f"Bearer {key}"}, body)
                for eoi_id, key in zip(more(count), keys, strict=False)
            ]

        yield _submitting(port, requests)


def _port_of(said: str) -> int:
    return int(json.loads(said)["url"].rpartition(":")[2])


@contextmanager
def _served(command: Sequence[str], port_of: Callable[[str], int]) -> Iterator[int]:
    with subprocess.Popen(  # noqa: S603 -- ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield port_of(_first_document(process.stdout))
        finally:
            process.stdin.close()
            process.terminate()


def _first_document(stdout: IO[bytes]) -> str:
    """Return what it says first: a number on a line, or a JSON document on several."""
    said = ""
    for line in stdout:
        said += line.decode()
        try:
            json.loads(said)
        except ValueError:
            continue
        return said
    raise ValueError("It ended before it said where it serves.")


def _submitting(port: int, requests: Callable[[int], list[Request]]) -> Prepare:
    def prepare(count: int) -> Callable[[], None]:
        waiting = requests(count)
        shares = [waiting[first::CLIENTS] for first in range(CLIENTS)]

        def go() -> None:
            with ThreadPoolExecutor(CLIENTS) as clients:
                done = sum(clients.map(lambda share: _post(port, share), shares))
            if done != count:
                raise ValueError(f"{count - done} of {count} were not taken.")

        return go

    return prepare


def _post(port: int, share: Sequence[Request]) -> int:
    connection, done = HTTPConnection("127.0.0.1", port, timeout=30), 0
    for path, headers, body in share:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        done += answer.status == 200  # noqa: PLR2004 -- HTTP's
    connection.close()
    return done


WORKLOAD: Final = Workload(
    name="W6",
    module=__name__,
    title="submissions through HTTP, many clients at once",
    unit="a submission",
    per_turn=PER_TURN,
    rounds=7,
    contenders=(
        Contender(
            name="floor",
            title="a bare FastAPI route that does W1's floor",
            play=floor,
            package="fastapi",
            floor=True,
        ),
        Contender(name="ours", title="eoi serve", play=ours, package="eoi-workflow"),
    ),
    targets=(Target(says="at most 1.6 × the floor", at_most=1.6),),
    elsewhere=True,
    as_rate=True,
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
    between="what a bare route does not do: a key looked up, a body checked, every rule and its evidence.",
)
