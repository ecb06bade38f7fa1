"""Our routes in a host's FastAPI: the host says who asks, and all that is its own stays as it is."""

import json
import re
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import pytest
import schemathesis
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyQuery
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount

from adapters.bootstrap import build
from adapters.embedding import by_key, eoi_asgi, eoi_router, running, tell_openapi
from adapters.settings import Settings
from tests.hosts.conftest import HEAD, NEW_CALL, OLGA, USERS, user
from workflow import Actor, BadInput, Engine
from workflow.testing import admin

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
Host = Callable[..., TestClient]
Ask = Callable[[Any], TestClient]


async def user_later(request: Request) -> Actor | None:
    """Return who asks, from a coroutine."""
    return user(request)


class Users:
    """An object that is asked who asks, and answers with something to await."""

    def __call__(self, request: Request) -> Any:
        """Return who asks."""
        return user_later(request)


@pytest.mark.parametrize("authenticate", [user, user_later, Users()])
def test_the_host_says_who_asks(host: Host, authenticate: Any) -> None:
    """A function or a coroutine of the host's gives the actor; history has it, and that it came by HTTP."""
    client = host(authenticate)
    made = client.post("/council/v1/calls", json=NEW_CALL, headers=OLGA)
    assert made.status_code == 201
    history = client.get(f"{made.headers['location']}/history", headers=OLGA).json()["items"]
    assert [(each["actor"], each["via"]) for each in history] == [(USERS["olga"].id, "http")]
    nobody = client.get("/council/v1/calls")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")


def test_who_asks_may_be_told_by_the_body(host: Host) -> None:
    """A host whose machines sign what they send looks at the bytes, and the route reads them all the same."""

    async def signed(request: Request) -> Actor | None:
        body = await request.body()
        return USERS["olga"] if sha256(body).hexdigest() == request.headers.get("signature") else None

    client, body = host(signed), json.dumps(NEW_CALL).encode()
    for sent, status in ((body, 201), (body + b" ", 401)):
        headers = {"content-type": "application/json", "signature": sha256(body).hexdigest()}
        assert client.post("/council/v1/calls", content=sent, headers=headers).status_code == status
    nothing = client.get("/council/v1/calls", headers={"signature": sha256(b"").hexdigest()})
    assert [each["reference"] for each in nothing.json()["items"]] == ["46/24"]


@pytest.mark.parametrize("prefix", ["", "/council", "/api/v1", "/a/b c", "/t/{tenant}"])
@pytest.mark.parametrize(("root_path", "shown"), [("", False), ("/behind", False), ("/behind", True)])
def test_what_is_made_is_found_where_it_is_said_to_be(
    engine: Engine, ask: Ask, prefix: str, root_path: str, shown: bool
) -> None:
    """`Location` leads to what was made and `Link` to the next page, below any prefix and proxy.

    A server says behind which path it stands, and shows it in each request's, or a proxy has cut it off.
    """
    api = FastAPI()
    api.include_router(eoi_router(engine, authenticate=user), prefix=prefix)
    client = TestClient(api, root_path=root_path)
    at = (root_path if shown else "") + prefix.format(tenant="norfolk")
    for number in range(2):
        body = NEW_CALL | {"reference": f"46/{number}"}
        made = client.post(f"{at}/v1/calls", json=body, headers=OLGA)
        location = made.headers["location"]
        below = f"{at.removeprefix(root_path)}/v1/calls/{made.json()['id']}"
        assert location == f"{root_path}{below.replace(' ', '%20')}"
        seen = location if shown else location.removeprefix(root_path)
        assert client.get(seen, headers=OLGA).json()["id"] == made.json()["id"]
    first = client.get(f"{at}/v1/calls?limit=1", headers=OLGA)
    found = re.fullmatch(r'<(\?.*)>; rel="next"', first.headers["link"])
    assert found is not None
    second = client.get(f"{at}/v1/calls{found[1]}", headers=OLGA)
    assert [each["reference"] for each in second.json()["items"]] == ["46/0"]


def test_names_of_the_hosts_routes_lead_nowhere_else(engine: Engine, ask: Ask) -> None:
    """A host has a route that is called as one of ours, and ours twice: each Location is of where it came."""
    api = FastAPI()

    @api.get("/mine/{call}")
    def show_call(call: str) -> str:
        return call

    for prefix in ("/one", "/two"):
        api.include_router(eoi_router(engine, authenticate=user), prefix=prefix)
    made = ask(api).post("/two/v1/calls", json=NEW_CALL, headers=OLGA)
    assert made.headers["location"].startswith("/two/v1/calls/")


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (401, {"WWW-Authenticate": "Cookie"}, "unauthenticated"),
        (403, None, "turned-away"),
        (429, {"Retry-After": "7"}, "turned-away"),
        (307, {"Location": "/login"}, "turned-away"),
        (503, {"Content-Type": "text/html"}, "turned-away"),
    ],
)
def test_what_the_host_says_instead_goes_out_as_a_problem(
    host: Host, status: int, headers: dict[str, str] | None, code: str
) -> None:
    """An HTTPException keeps its status, its words and its headers, and becomes a problem of ours."""

    async def refuse(_: Request) -> Actor:
        raise HTTPException(status, "Not today.", headers)

    answer = host(refuse).get("/council/v1/calls", follow_redirects=False)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert (told["code"], told["status"], told["detail"]) == (code, status, "Not today.")
    for name, value in (headers or {}).items():
        assert name == "Content-Type" or answer.headers.get_list(name) == [value]


def test_nobody_is_told_how_to_say_who_they_are(host: Host) -> None:
    """A 401 has a challenge, as RFC 9110 asks, where the host has none of its own."""
    answer = host(lambda _: None).get("/council/v1/calls")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="eoi"')


@pytest.mark.parametrize("odd", ["olga", {"id": "olga"}, 7, Actor])
def test_what_is_no_actor_is_the_hosts_own_fault(host: Host, odd: Any) -> None:
    """A callable that returns something else lets nobody in; the host's own handling of errors has it."""
    client = host(lambda _: odd)
    assert client.get("/council/v1/calls").status_code == 500
    assert client.get("/council/v1/calls").text == "Internal Server Error"


@pytest.mark.parametrize("odd", [None, Depends(user), USERS["olga"]])
def test_what_cannot_say_who_asks_is_told_at_once(engine: Engine, odd: Any) -> None:
    """A host that gives FastAPI's own form, or no function at all, learns it before its first user does."""
    with pytest.raises(BadInput, match="must be a function of the request, not ") as told:
        eoi_router(engine, authenticate=odd)
    assert told.value.field == "authenticate"


@pytest.mark.parametrize("ours", [eoi_router, eoi_asgi])
def test_another_librarys_engine_is_told_at_once(engine: Engine, ours: Any) -> None:
    """A host has an engine of SQLAlchemy's, too; which one is meant is said when the routes are made."""
    theirs: Any = create_engine("sqlite://")
    ours(engine, authenticate=user)
    with pytest.raises(BadInput, match=r"an Engine \(of `workflow`\), not sqlalchemy\.engine") as told:
        ours(theirs, authenticate=user)
    assert told.value.field == "app_or_engine"


@pytest.mark.parametrize("status", [200, 204, 304])
def test_a_status_that_turns_nobody_away_is_the_hosts_own_fault(host: Host, status: int) -> None:
    """Who is not let in is never told that all is well, or sent a body where there may be none."""

    def refuse(_: Request) -> Actor:
        raise HTTPException(status)

    assert host(refuse).post("/council/v1/calls", json=NEW_CALL).status_code == 500


def test_an_actor_for_whom_there_is_nothing_is_told_so(host: Host) -> None:
    """A user of the host's without a role, or a school's without a school, is known, and refused in words."""
    client, told = host(), dict[str, tuple[int, str]]()
    for name in ("odd", "lost"):
        answer = client.get("/council/v1/calls", headers={"cookie": f"user={name}"})
        told[name] = (answer.status_code, answer.json().get("code", ""))
    assert told == {"odd": (403, "role-missing"), "lost": (403, "not-your-organisation")}


def test_what_others_raise_is_for_the_hosts_own_handlers(engine: Engine, ask: Ask) -> None:
    """An exception of the host's from its authentication reaches the handler that the host has for it."""

    class Expired(Exception):
        pass

    def refuse(_: Request) -> Actor:
        raise Expired

    api = FastAPI()
    api.add_exception_handler(Expired, lambda *_: JSONResponse({"mine": True}, 440))
    api.include_router(eoi_router(engine, authenticate=refuse))
    answer = ask(api).get("/v1/calls")
    assert (answer.status_code, answer.json()) == (440, {"mine": True})


def test_what_is_the_hosts_stays_as_it_is(engine: Engine, ask: Ask) -> None:
    """Its handlers, middleware, 404 and bad bodies are the host's, and problems stay with our routes."""

    class Stamp(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Any:
            answer = await call_next(request)
            answer.headers["x-host"] = "yes"
            return answer

    class Body(BaseModel):
        number: int

    def hosts_own() -> FastAPI:
        api = FastAPI()
        api.add_middleware(Stamp)
        api.add_exception_handler(404, lambda *_: JSONResponse({"host": "no such page"}, 404))

        @api.post("/own")
        def own(body: Body) -> Body:
            return body

        return api

    bare, with_ours = hosts_own(), hosts_own()
    with_ours.include_router(eoi_router(engine, authenticate=user), prefix="/council")
    for method, path, body in (
        ("POST", "/own", {"number": "x"}),
        ("GET", "/nowhere", None),
        ("GET", "/own", None),
    ):
        without, beside = (ask(api).request(method, path, json=body) for api in (bare, with_ours))
        assert (beside.status_code, beside.json(), dict(beside.headers)) == (
            without.status_code, without.json(), dict(without.headers),
        )  # fmt: skip
    ours = ask(with_ours).get("/council/v1/calls/none", headers=OLGA)
    assert (ours.json()["code"], ours.headers["x-host"]) == ("not-found", "yes")
    assert (ours.headers["cache-control"], ours.headers["x-content-type-options"]) == ("no-store", "nosniff")
    bad = ask(with_ours).post("/council/v1/calls", json={"reference": 7}, headers=OLGA)
    assert bad.headers["content-type"] == "application/problem+json"


def test_a_dependency_of_the_hosts_is_heeded(engine: Engine, ask: Ask) -> None:
    """A host puts its own dependency in front of the routes; what it raises is the host's to tell."""

    def closed_at_night() -> None:
        raise HTTPException(418, "At night we sleep.")

    api = FastAPI()
    api.include_router(eoi_router(engine, authenticate=user), dependencies=[Depends(closed_at_night)])
    answer = ask(api).get("/v1/calls", headers=OLGA)
    assert (answer.status_code, answer.json()) == (418, {"detail": "At night we sleep."})


def test_what_a_dependency_of_the_hosts_asks_is_no_mistake(engine: Engine, ask: Ask) -> None:
    """A host's dependency reads the query, wherever it stands; what nobody reads is refused as before."""
    told = list[tuple[str, list[str]]]()

    class Asked(BaseModel):
        tenant: str
        t: list[str]

    def of_tenant(tenant: str, tag: Annotated[list[str], Query(alias="t")]) -> None:
        told.append((tenant, tag))

    def by_model(asked: Annotated[Asked, Query()]) -> None:
        told.append((asked.tenant, asked.t))

    api, around = FastAPI(), APIRouter(dependencies=[Depends(of_tenant)])
    around.include_router(eoi_router(engine, authenticate=user))
    api.include_router(around, prefix="/nested")
    for prefix, asks in (("/one", of_tenant), ("/model", by_model)):
        ours = eoi_router(engine, authenticate=user)
        api.include_router(ours, prefix=prefix, dependencies=[Depends(asks)])
    client = ask(api)
    for prefix in ("/nested", "/one", "/model"):
        at = f"{prefix}/v1/calls?limit=1&tenant=norfolk&t=a&t=b"
        assert client.get(at, headers=OLGA).json() == {"items": [], "next": None}
        assert told.pop() == ("norfolk", ["a", "b"])
        assert client.get(f"{at}&tennant=x", headers=OLGA).json()["field"] == "query"
        assert client.get(f"{at}&limit=2", headers=OLGA).json()["field"] == "limit"


def test_a_key_in_the_query_is_the_hosts_to_ask_for(engine: Engine, ask: Ask) -> None:
    """A host's scheme takes its key from the query, wherever it stands; what nobody reads is refused."""
    scheme = APIKeyQuery(name="key")

    def whoever(key: Annotated[str, Security(scheme)], tenant: str) -> None:
        if (key, tenant) != ("open", "norfolk"):
            raise HTTPException(403)

    of_all, around = FastAPI(dependencies=[Security(scheme), Depends(whoever)]), APIRouter()
    around.include_router(eoi_router(engine, authenticate=user), dependencies=[Depends(whoever)])
    of_all.include_router(eoi_router(engine, authenticate=user))
    of_router = FastAPI()
    of_router.include_router(around)
    for client in map(ask, (of_all, of_router)):
        at = "/v1/calls?limit=1&tenant=norfolk"
        assert client.get(f"{at}&key=open", headers=OLGA).json() == {"items": [], "next": None}
        assert client.get(f"{at}&key=shut", headers=OLGA).status_code == 403
        assert client.get(at, headers=OLGA).status_code == 401
        assert client.get(f"{at}&key=open&kee=x", headers=OLGA).json()["field"] == "query"


def test_two_of_them_in_one_program_have_each_their_ids(engine: Engine, tmp_path: Path) -> None:
    """Clients are generated by operations' ids: below each prefix they are others, and below none, bare."""
    api = FastAPI()
    with Engine(f"sqlite:///{tmp_path / 'other.db'}") as other:
        for prefix, each in (("", engine), ("/north", engine), ("/api/v1", other), ("/t/{tenant}", other)):
            api.include_router(eoi_router(each, authenticate=user), prefix=prefix)
        tell_openapi(api)
        with warnings.catch_warnings(action="ignore"):  # FastAPI's own, where an id is there twice
            document = api.openapi()
    schemathesis.openapi.from_dict(document).validate()
    told = [(path, each["operationId"]) for path, item in document["paths"].items() for each in item.values()]
    ids = dict(each for each in told if each[0].endswith("/calls/{call}/extend"))
    assert ids == {
        "/v1/calls/{call}/extend": "extend_call",
        "/north/v1/calls/{call}/extend": "north_extend_call",
        "/api/v1/v1/calls/{call}/extend": "api_v1_extend_call",
        "/t/{tenant}/v1/calls/{call}/extend": "t_tenant_extend_call",
    }
    assert len({each for _, each in told}) == len(told)


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "https://blog.council.example"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://app.council.example"}, 201),
        ({"sec-fetch-site": "same-origin", "origin": "http://testserver"}, 201),
        ({"sec-fetch-site": "none"}, 201),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "//testserver"}, 403),
        ({"origin": "http://testserver"}, 201),
        ({"sec-fetch-site": "cross-site", "authorization": "Bearer abc"}, 201),
        ({"sec-fetch-site": "cross-site", "authorization": "Basic abc"}, 403),
        ({}, 201),
    ],
)
def test_pages_of_other_sites_change_nothing(host: Host, says: dict[str, str], status: int) -> None:
    """What a browser sends with the host's cookie because of another site's page is refused; unless named."""
    client = host(origins=("https://app.council.example/",))
    made = client.post("/council/v1/calls", json=NEW_CALL, headers=OLGA | says)
    assert made.status_code == status
    if status == 403:
        assert made.json()["code"] == "cross-site"
        assert client.get("/council/v1/calls", headers=OLGA | says).json()["items"] == []


def test_the_engines_own_keys_open_it_beside_the_hosts_users(host: Host, engine: Engine) -> None:
    """A host lets in its users by cookie and machines by key, with one line of its own."""
    key = engine.create_key("feeder", roles={"officer"}, actor=admin())
    keys = by_key(engine)
    client = host(lambda request: user(request) or keys(request))
    assert client.get("/council/v1/calls", headers=HEAD).status_code == 200
    assert client.get("/council/v1/calls", headers={"authorization": f"Bearer {key.key}"}).status_code == 200
    assert client.get("/council/v1/calls", headers={"authorization": "Bearer no"}).status_code == 401


def test_the_hosts_document_is_as_it_was_beside_ours(engine: Engine) -> None:
    """Its own paths and schemas are the same with ours beside them, though names of ours are taken."""

    class Problem(BaseModel):
        """The host's own."""

        mine: int

    class CallView(BaseModel):
        """The host's own."""

        telephone: str

    class Refusal(BaseModel):
        """The host's own."""

        mine: bool

    def program() -> FastAPI:
        api = FastAPI()
        for number, model in enumerate((Problem, CallView, Refusal)):
            api.get(f"/own/{number}", response_model=model)(lambda: None)
        return api

    bare, both = program(), program()
    both.include_router(eoi_router(engine, authenticate=user), prefix="/t/{tenant}")
    tell_openapi(both, security={"session": {"type": "apiKey", "in": "cookie", "name": "user"}})
    document = both.openapi()
    assert both.openapi() == document
    schemathesis.openapi.from_dict(document).validate()
    for path in bare.openapi()["paths"]:
        own = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        properties = document["components"]["schemas"][own["$ref"].rpartition("/")[2]]["properties"]
        before = bare.openapi()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"][
            "schema"
        ]
        expected = bare.openapi()["components"]["schemas"][before["$ref"].rpartition("/")[2]]["properties"]
        assert properties == expected
    ours = document["paths"]["/t/{tenant}/v1/calls"]["post"]
    assert ours["security"] == [{"session": []}]
    assert ours["responses"]["409"]["content"]["application/problem+json"]
    assert set(document["components"]["securitySchemes"]) == {"session"}
    problem = document["components"]["schemas"]["EoiProblem"]
    told = {"type": "urn:x", "status": 409, "title": "x", "code": "x", "detail": "x"}
    errors = [{"code": "x", "message": "y", "field": None, "until": None}]
    jsonschema_rs.validator_for({**problem, "components": document["components"]}).validate(
        {**told, "errors": errors}
    )


def test_nothing_is_said_of_who_asks_where_the_host_does_not(engine: Engine) -> None:
    """Without a scheme the document has none of ours: keys may open nothing there."""
    api = FastAPI()
    api.include_router(eoi_router(engine, authenticate=user))
    tell_openapi(api)
    document = api.openapi()
    assert "securitySchemes" not in document["components"]
    assert "security" not in json.dumps(document["paths"])


def test_a_mounted_program_is_whole_where_it_is(tmp_path: Any, ask: Ask, database: Any) -> None:
    """Mounted, everything leads back below the mount: places, documentation, probes; errors are problems."""
    app = build(Settings(database_url=database.url, api_metrics_open=True))
    for outer in (FastAPI(lifespan=running(app)), Starlette(lifespan=running(app))):
        outer.router.routes.append(Mount("/eoi", app=eoi_asgi(app, authenticate=user_later)))
        client = ask(outer)
        body = NEW_CALL | {"reference": f"46/{type(outer).__name__}"}
        made = client.post("/eoi/v1/calls", json=body, headers=OLGA)
        assert made.headers["location"] == f"/eoi/v1/calls/{made.json()['id']}"
        assert client.get(made.headers["location"], headers=OLGA).status_code == 200
        document = client.get("/eoi/openapi.json").json()
        assert (document["servers"], "/v1/calls" in document["paths"]) == ([{"url": "/eoi"}], True)
        page = client.get("/eoi/docs")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        for found in re.findall(r'(?:src|href)="\.(/[^"]+)"', page.text):
            assert client.get(f"/eoi{found}").status_code == 200
        assert client.get("/eoi/readyz").json() == {"ok": True}
        assert client.get("/eoi/metrics").status_code == 200
        assert client.get("/eoi/nowhere").json()["code"] == "no-such-path"
        assert client.get("/eoi/v1/calls").json()["code"] == "unauthenticated"
        assert client.get("/nowhere").headers["content-type"] != "application/problem+json"


def test_a_mounted_engine_has_no_probes(engine: Engine, ask: Ask) -> None:
    """Where nothing runs there is nothing to ask of it; the routes are there."""
    outer = FastAPI()
    outer.mount("/eoi", eoi_asgi(engine, authenticate=user))
    client = ask(outer)
    assert client.get("/eoi/readyz").json()["code"] == "no-such-path"
    assert client.get("/eoi/v1/calls", headers=HEAD).json() == {"items": [], "next": None}
