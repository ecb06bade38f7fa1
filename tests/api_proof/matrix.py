"""Who may what, as it is found by asking: every route, by every role, of theirs, another's and none."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.api.routes.asking import Answer, Client
from tests.api.routes.forms import form
from tests.api_proof.world import NOWHERE, World
from workflow import Actor
from workflow.testing import new_call, officer, reviewer, school

#: The columns, after that of whoever has no valid key.
ROLES: Final = ("applicant", "officer", "reviewer", "decider", "auditor", "admin")
#: Who has no valid key.
NOBODY: Final = ("none", "unknown", "expired", "revoked")
OWN: Final = "URN:121234"
#: A register of schools.
_REGISTER: Final = b"URN,EstablishmentName,EstablishmentStatus (name)\r\n121234,Ash,Open\r\n"
#: Makes what a request is about, the applicant's own or not; returns its id.
Make = Callable[[World, bool], str]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that can be asked."""

    #: `GET /v1/calls/{call}`, and after it which move, where there are several.
    name: str
    #: Makes what it is about, anew for each time; None: it is about nothing that is there.
    make: Make | None = None
    body: Mapping[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    #: Whether there is anybody whose it is: an applicant.
    has_owner: bool = False
    #: What it sends that is no JSON.
    content: bytes | None = None
    #: What stands behind its path.
    query: str = ""

    @property
    def method(self) -> str:
        """Return the method."""
        return self.name.split()[0]

    @property
    def route(self) -> str:
        """Return the method and the path, as the program has them."""
        return " ".join(self.name.split()[:2])


def status_of(world: World, row: Row, key: str | None, about: str = "") -> int:
    """Ask it; return the status."""
    if "/v1/" in row.route:
        return ask(world, row, key, about).status
    sent = {} if key is None else {"Authorization": f"Bearer {key}"}
    path = row.route.split()[1]

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=world.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(row.method, path, headers=sent)

    return asyncio.run(send()).status_code


def ask(world: World, row: Row, key: str | None, about: str) -> Answer:
    """Ask it of the API; the answer is held against openapi.json."""
    path = row.name.split()[1]
    head, brace, rest = path.partition("{")
    place = f"{head}{about}{rest.partition('}')[2]}" if brace else path
    place += row.query
    body = None if row.body is None else {**row.body, **_unique(row, about)}
    return Client(world.api, key).ask(row.method, place, body, headers=[*row.headers], content=row.content)


def key_of(world: World, who: str) -> str | None:
    """Return somebody's key, good or not."""
    return {"none": None, "unknown": "eoi_aaaaaaaa_" + "a" * 43, **world.keys}[who]


def cell(world: World, row: Row, role: str) -> str:
    """Return the statuses in words: of one's own / another's / what is not there; one where all are alike."""
    key = world.keys[role]
    if row.make is None:
        return str(status_of(world, row, key))
    kinds = [row.make(world, True), *([row.make(world, False)] if row.has_owner else []), _missing(row)]
    statuses = [status_of(world, row, key, about) for about in kinds]
    if row.has_owner and role != "applicant" and statuses[0] == statuses[1]:
        statuses.pop(1)  # to staff nobody's is another's
    told = [str(status) for status in statuses]
    return told[0] if len(set(told)) == 1 else " / ".join(told)


def _missing(row: Row) -> str:
    return "999999" if "{delivery}" in row.name else NOWHERE


def _unique(row: Row, about: str) -> dict[str, str]:
    """Return what each request says anew: a reference; which event it is, and of what."""
    if row.route.startswith("POST /v1/events"):
        return {"id": str(uuid4()), "subject": about or "nothing"}
    return {"reference": str(uuid4())[:13]} if row.route == "POST /v1/calls" else {}


# ---- what requests are about


def _call(world: World, _: bool) -> str:
    changes = {"closes_on": (world.clock.now() + timedelta(days=2)).date(), "reference": str(uuid4())[:13]}
    return world.engine.open_call(new_call(**changes), actor=officer()).id


def _draft(world: World, own: bool) -> str:
    who = school(121234 if own else 7)
    return world.engine.draft(_call(world, own), answers={"places": 8}, actor=who).eoi_id


def _submitted(world: World, own: bool) -> str:
    eoi = _draft(world, own)
    world.engine.submit(eoi, actor=school(121234 if own else 7))
    world.clock.move_by(days=4)
    world.engine.close_due()
    return eoi


def _reviewed(world: World, own: bool) -> str:
    eoi = _submitted(world, own)
    world.engine.review(eoi, actor=reviewer("somebody-else"))
    return eoi


def _endpoint(world: World, _: bool) -> str:
    return world.engine.add_endpoint(f"http://127.0.0.1:9/{uuid4()}", actor=officer()).id


def _delivery(world: World, _: bool) -> str:
    return world.ids["delivery"]


def _job(world: World, own: bool) -> str:
    who = Actor("applicant-1" if own else "school-7", {"applicant"}, {OWN if own else "URN:7"})
    return world.engine.start_job("import", parameters={"call": "2/23"}, actor=who).id


def _job_done(world: World, own: bool) -> str:
    job_id = _job(world, own)
    while (job := world.engine.job_queue.claim({"import", "export"})) is not None:
        job.name_result(media_type="text/csv; charset=utf-8", file_name="rows.csv")
        job.count("refused", refused=True, result=b"row", errors=b"row")
        job.finish()
    return job_id


def _new_call(world: World) -> dict[str, str]:
    return {"title": "Specialist places", "closes_on": str((world.clock.now() + timedelta(days=9)).date())}


# ---- the rows

_BEHALF: Final = (("EOI-On-Behalf-Of", "head-of-121234"),)


def rows(world: World) -> Iterator[Row]:
    """Return every row; of a route that does several things, several."""
    yield Row("GET /v1/calls")
    yield Row("POST /v1/calls", body=_new_call(world))
    for path in ("", "/history", "/attempts"):
        yield Row(f"GET /v1/calls/{{call}}{path}", _call)
    later = str((world.clock.now() + timedelta(days=700)).date())
    yield Row("POST /v1/calls/{call}/extend", _call, {"closes_on": later, "reason": "Strike"})
    yield Row("POST /v1/calls/{call}/close", _call, {"reason": "Nobody applies"})
    yield Row("POST /v1/calls/{call}/cancel", _call, {"reason": "Merged"})
    new = {"answers": {}, "applicant": OWN}
    yield Row("POST /v1/calls/{call}/eois for their own", _call, new)
    yield Row("POST /v1/calls/{call}/eois for another", _call, {**new, "applicant": "URN:7"})
    yield Row("POST /v1/calls/{call}/eois on behalf", _call, {**new, "applicant": "URN:7"}, _BEHALF)
    yield Row("GET /v1/eois")
    for path in ("", "/transitions", "/attempts", "/options"):
        yield Row(f"GET /v1/eois/{{eoi}}{path}", _draft, has_owner=True)
    yield Row("POST /v1/eois/{eoi}/options", _draft, {"trigger": "submit"}, has_owner=True)
    save, move = "PUT /v1/eois/{eoi}/answers", "POST /v1/eois/{eoi}/transitions"
    yield Row(save, _draft, {"answers": {"places": 9}}, has_owner=True)
    yield Row(f"{save} on behalf", _draft, {"answers": {"places": 9}}, _BEHALF, has_owner=True)
    for trigger, make in (
        ("submit", _draft), ("withdraw", _draft), ("review", _submitted), ("approve", _reviewed), ("decline",
        _reviewed),
        ("reinstate", _submitted), ("lapse", _draft), ("cancel", _draft),
    ):  # fmt: skip
        yield Row(f"{move} {trigger}", make, {"trigger": trigger, "reason": "x"}, has_owner=True)
    for trigger in ("submit", "withdraw"):
        yield Row(f"{move} {trigger} on behalf", _draft, {"trigger": trigger}, _BEHALF, has_owner=True)
    yield from _of_events()
    yield from _of_endpoints()
    yield from _of_jobs()
    yield Row("GET /v1/actor")
    yield Row("GET /metrics")


def _of_events() -> Iterator[Row]:
    kind = (("Content-Type", "application/cloudevents+json"),)
    said = {"specversion": "1.0", "source": "/forms"}
    for type_, make in (("submit", _draft), ("review", _submitted), ("approve", _reviewed)):
        told = {**said, "type": f"eoi.{type_}", "data": {"why": "x"}}
        yield Row(f"POST /v1/events {type_}", make, told, kind, has_owner=True)
    told = {**said, "type": "eoi.approve", "data": {"why": "x"}}
    yield Row("POST /v1/events/explain", _draft, told, kind, has_owner=True)
    yield Row("POST /v1/events of no rule", None, {**said, "type": "eoi.printed"}, kind)
    yield Row("GET /v1/events/unhandled")


def _of_jobs() -> Iterator[Row]:
    kind = (("Content-Type", "text/csv"),)
    yield Row("POST /v1/imports", query="?call=2/23", content=b"applicant\r\nURN:121234\r\n", headers=kind)
    content, form_kind = form(("table", b"URN\r\n121234\r\n"), ("register", _REGISTER))
    kinds = tuple(form_kind.items())
    yield Row("POST /v1/imports with a register", query="?call=2/23", content=content, headers=kinds)
    yield Row("POST /v1/exports", body={})
    yield Row("GET /v1/jobs")
    yield Row("GET /v1/jobs/{job}", _job, has_owner=True)
    for path in ("result", "errors"):
        yield Row(f"GET /v1/jobs/{{job}}/{path}", _job_done, has_owner=True)
    yield Row("DELETE /v1/jobs/{job}", _job, has_owner=True)


def _of_endpoints() -> Iterator[Row]:
    place = "/v1/endpoints/{endpoint}"
    yield Row("GET /v1/endpoints")
    yield Row("POST /v1/endpoints", body={"url": "http://127.0.0.1:9/new"})
    yield Row(f"GET {place}", _endpoint)
    yield Row(f"GET {place}/deliveries", _endpoint)
    yield Row(f"DELETE {place}", _endpoint)
    for word in ("disable", "enable", "rotate", "redrive", "test"):
        yield Row(f"POST {place}/{word}", _endpoint)
    yield Row("GET /v1/deliveries")
    yield Row("GET /v1/outbox/stats")
    yield Row("POST /v1/outbox/redrive", body={})
    yield Row("POST /v1/outbox/drop", body={"endpoint": None})
    yield Row("GET /v1/deliveries/{delivery}", _delivery)
    yield Row("DELETE /v1/deliveries/{delivery}", _delivery)
    yield Row("POST /v1/deliveries/{delivery}/retry", _delivery)
