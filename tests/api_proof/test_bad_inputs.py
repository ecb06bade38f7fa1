"""More than five hundred bad requests: each is told so as a problem, and every row is as it was before."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.answers import PROBLEM, STATUSES
from tests.api_proof.bad_inputs import Bad, every
from tests.api_proof.conftest import MakeWorld
from tests.api_proof.world import World
from tests.databases.raw import RawDatabase

#: How many there must be.
AT_LEAST: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, unread."""

    status: int
    headers: dict[str, str]
    body: bytes


async def send(api: ASGIApp, bad: Bad, key: str) -> Answer:
    """Send a request as a server hands it on: byte by byte, with nothing mended by a client."""
    path, _, query = bad.path.partition("?")
    headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {key}".encode())]
    headers += [
        (name.lower().encode(), value if isinstance(value, bytes) else value.encode("latin-1", "replace"))
        for name, value in bad.headers
    ]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": bad.method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode(errors="replace"), "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": bad.body, "more_body": False}

    async def tell(message: Message) -> None:
        said.append(message)

    await api(scope, receive, tell)
    told = {name.decode(): value.decode("latin-1") for name, value in said[0]["headers"]}
    return Answer(said[0]["status"], told, b"".join(each.get("body", b"") for each in said[1:]))


def wrong_with(answer: Answer) -> str | None:
    """Return what is wrong with the answer to a bad request; None: nothing."""
    if not 400 <= answer.status < 500:
        return f"{answer.status}"
    if (
        answer.headers.get("content-type") != PROBLEM
        or answer.headers.get("x-content-type-options") != "nosniff"
    ):
        return f"headers: {answer.headers}"
    told: dict[str, Any] = json.loads(answer.body)
    if told["status"] != answer.status or STATUSES.get(told["code"]) != answer.status:
        return f"{answer.status}, and {told}"
    if told["type"] != f"urn:eoi:problem:{told['code']}" or len(answer.body) > 4_000:
        return f"{told}"
    return None


def rows_of(database: RawDatabase) -> dict[str, list[dict[str, Any]]]:
    """Return every row, but not when keys were used last, nor what is kept of what was refused.

    Both are meant to be written, and grow by no more than a row for each kind of refusal.
    """
    tables = database.tables()
    for row in tables["eoi_api_key"]:
        row.pop("last_used_at")
    attempts = tables.pop("eoi_attempt")
    assert len(attempts) < 100
    return tables


def tried(world: World, database: RawDatabase, api: ASGIApp) -> tuple[Counter[str], list[str]]:
    """Send them all; return how often each code came, and what was wrong."""
    codes, faults, before = Counter[str](), list[str](), rows_of(database)
    key = world.keys["several"]

    async def each_in_turn() -> None:
        for bad in every(world.api.openapi(), world.ids):
            answer = await send(api, bad, key)
            if fault := wrong_with(answer):
                faults.append(
                    f"{bad.what}: {bad.method} {bad.path[:90]} {bad.headers!s:.200} {bad.body[:90]!r}: "
                    f"{fault}"
                )
            else:
                codes[json.loads(answer.body)["code"]] += 1

    asyncio.run(each_in_turn())
    if rows_of(database) != before:
        faults.append("rows changed")
    return codes, faults


@pytest.mark.slow
def test_a_route_that_writes_before_it_checks_is_caught(make_world: MakeWorld, database: RawDatabase) -> None:
    """A planted fault: what keeps something of a request that it then refuses."""
    world = make_world(database)

    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == f"/v1/eois/{world.ids['own']}/transitions":
            database.run("UPDATE eoi_eoi SET updated_at = '2023-03-30 12:00:00+00'")
        await world.api(scope, receive, send)

    _, faults = tried(world, database, hasty)
    assert faults[-1] == "rows changed"
    assert all(fault.startswith("rows changed") for fault in faults)


@pytest.mark.slow
def test_bad_input_is_told_so_and_changes_nothing(
    world: World, database: RawDatabase, tell: Callable[[str], None]
) -> None:
    """Each of them gets a 4xx problem with its code, by a key that may everything; every row stays."""
    codes, faults = tried(world, database, world.api)
    assert not faults, "\n".join([f"{len(faults)} faults", *faults[:40]])
    assert sum(codes.values()) >= AT_LEAST
    told = ", ".join(f"{count} × {code}" for code, count in codes.most_common())
    tell(f"{database.name}: {sum(codes.values())} bad requests: {told}")
