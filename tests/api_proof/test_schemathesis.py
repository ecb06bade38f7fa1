"""schemathesis over the whole API, all of its checks, with the key of each role."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from tests.api_proof.conftest import MakeWorld
from tests.api_proof.fuzzed import ALL_CHECKS, Tried, tried
from tests.api_proof.world import ROLES, World
from tests.databases.sqlite import SqliteFiles

pytestmark = pytest.mark.slow
#: How many are drawn at random for each operation: in the plain run (by one key), and in the long one.
FEW: Final = 2
MANY: Final = 100
#: Checks that find something to look at only where an answer leads to another request.
STATEFUL: Final = {"use_after_free", "ensure_resource_availability", "object_level_authorization"}


@pytest.fixture
def sqlite_world(tmp_path: Path, sqlite_template: Path, make_world: MakeWorld) -> World:
    """Return a program on a file of SQLite's."""
    with SqliteFiles(tmp_path, sqlite_template) as files:
        return make_world(files.new())


@pytest.mark.parametrize("role", sorted(ROLES.keys() - {"several"}))
def test_each_role_is_answered_as_promised(
    sqlite_world: World, role: str, *, long: bool, tell: Callable[[str], None]
) -> None:
    """No 5xx, and no answer, header, type or status that openapi.json does not say, whatever a role asks."""
    found = tried(sqlite_world.api, sqlite_world.keys[role], examples=MANY if long else 0, stateful=long)
    _hold(found, tell, role)


def test_who_may_everything_is_answered_as_promised(
    world: World, *, long: bool, tell: Callable[[str], None]
) -> None:
    """The same for one key of all roles, whose requests get furthest; on each kind of database."""
    found = tried(world.api, world.keys["several"], examples=MANY if long else FEW, stateful=long)
    _hold(found, tell, "several roles")
    assert {200, 201, 404, 409, 422} <= found.statuses.keys()
    missed = {name for name in ALL_CHECKS if not found.checks[name]}
    assert missed <= (set() if long else STATEFUL)


def _hold(found: Tried, tell: Callable[[str], None], who: str) -> None:
    assert not found.failures, "\n\n".join(found.failures[:10])
    assert not [status for status in found.statuses if status >= 500]
    statuses = ", ".join(f"{count} × {status}" for status, count in sorted(found.statuses.items()))
    made = f"{found.requests} requests, {sum(found.checks.values())} checks"
    tell(f"{who}: {made}; {statuses}; excused: {dict(found.excused)}")


@pytest.mark.parametrize("status", [200, 500, 418])
def test_a_broken_promise_is_found(sqlite_world: World, status: int) -> None:
    """A route that answers in another form than it says, that falls over, or says what is not listed."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        app = JSONResponse({"items": 1}, status) if scope["path"] == "/v1/endpoints" else sqlite_world.api
        await app(scope, receive, send)

    found = tried(broken, sqlite_world.keys["auditor"], examples=0, only="/v1/endpoints")
    assert any(failure.startswith("GET /v1/endpoints: ") for failure in found.failures)


def test_a_code_that_is_not_promised_is_found(sqlite_world: World) -> None:
    """A problem that is one in all but its code, which that route does not list."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        said = {"type": "urn:eoi:problem:call-closed", "title": "No.", "detail": "No.", "status": 422}
        answer = JSONResponse({**said, "code": "call-closed"}, 422, media_type="application/problem+json")
        await (answer if scope["path"] == "/v1/endpoints" else sqlite_world.api)(scope, receive, send)

    found = tried(broken, sqlite_world.keys["auditor"], examples=0, only="/v1/endpoints")
    assert any('"call-closed" is not one of' in failure for failure in found.failures)
