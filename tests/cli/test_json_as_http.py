"""Whoever reads `--json` reads HTTP: the same documents, name by name, from one database."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import FastAPI

from adapters.api.app import build_api
from adapters.api.door import Door
from scheduler import Runner
from tests.api.routes.around import AROUND
from tests.api_frame.asgi import JSON, ask
from workflow import Actor, Engine, RoleMissing
from workflow.ports import Undeliverable
from workflow.testing import RecordingCourier, new_call

Eoi = Callable[..., Any]
WHO: Final = Actor(
    "staff-1", {"applicant", "officer", "reviewer", "decider", "auditor", "admin"}, ["URN:1", "URN:2"]
)
AS: Final = (
    *("--as", WHO.id, "--json"),
    *(word for role in sorted(WHO.roles) for word in ("--role", role)),
    *(word for each in sorted(WHO.organisations) for word in ("--organisation", each)),
)
#: What is read: on the command line, by HTTP, and whether the one gives a list where the other gives a page.
READS: Final = {
    "call": ("call show 46/23", "/v1/calls/{call}", False),
    "calls": ("call list", "/v1/calls", True),
    "history of a call": ("call history 46/23", "/v1/calls/{call}/history", True),
    "attempts on a call": ("attempts {call}", "/v1/calls/{call}/attempts", True),
    "EOI": ("show {eoi}", "/v1/eois/{eoi}", False),
    "EOIs": ("list", "/v1/eois", False),
    "history": ("history {eoi}", "/v1/eois/{eoi}/transitions", True),
    "attempts": ("attempts {eoi}", "/v1/eois/{eoi}/attempts", True),
    "options": ("allowed {eoi}", "/v1/eois/{eoi}/options", True),
    "all deliveries": ("outbox list", "/v1/deliveries", True),
    "counts of deliveries": ("outbox stats", "/v1/outbox/stats", True),
    "endpoint": ("endpoint show {endpoint}", "/v1/endpoints/{endpoint}", False),
    "endpoints": ("endpoint list", "/v1/endpoints", True),
    "delivery": ("outbox show {delivery}", "/v1/deliveries/{delivery}", False),
    "deliveries": ("outbox list", "/v1/endpoints/{endpoint}/deliveries", True),
    "events that nothing was done for": ("unhandled", "/v1/events/unhandled", False),
}
#: What only HTTP tells: of its jobs, and whom a key stands for.
READ_THERE_ONLY: Final = {
    "/v1/jobs", "/v1/jobs/{job}", "/v1/jobs/{job}/result", "/v1/jobs/{job}/errors", "/v1/actor",
}  # fmt: skip
#: What only the command line tells: it reads notices, and what there is to remark of their deadlines.
TOLD_HERE_ONLY: Final = {("open", "warnings")}
#: What is done: on the command line, by HTTP, and with which body.
CHANGES: Final[dict[str, tuple[str, str, dict[str, object]]]] = {
    "open": (
        "call open --reference 1/90 --title T --closes-on 2090-03-17",
        "/v1/calls",
        {"reference": "2/90", "title": "T", "closes_on": "2090-03-17"},
    ),
    "extend": (
        "call extend 46/23 --closes-on 2091-03-17 --reason x",
        "/v1/calls/{call}/extend",
        {"closes_on": "2092-03-17", "reason": "x"},
    ),
    "draft": (
        "draft 46/23 --answers {answers} --applicant URN:2",
        "/v1/calls/{second}/eois",
        {"answers": {}, "applicant": "URN:2"},
    ),
    "save": ("save {eoi} --answers {answers}", "PUT /v1/eois/{eoi}/answers", {"answers": {}}),
    "move": ("withdraw {eoi}", "/v1/eois/{other}/transitions", {"trigger": "withdraw"}),
    "add an endpoint": (
        "endpoint add a@council.example --via smtp",
        "/v1/endpoints",
        {"url": "b@council.example", "via": "smtp"},
    ),
    "disable": ("endpoint disable {endpoint}", "/v1/endpoints/{endpoint}/disable", {}),
    "rotate": ("endpoint rotate {endpoint}", "/v1/endpoints/{endpoint}/rotate", {}),
    "retry": ("outbox retry {another}", "/v1/deliveries/{delivery}/retry", {}),
    "redrive": ("outbox redrive", "/v1/endpoints/{endpoint}/redrive", {}),
    "redrive all": ("outbox redrive", "/v1/outbox/redrive", {}),
    "drop": ("outbox drop {another}", "DELETE /v1/deliveries/{delivery}", {}),
    "drop all": ("outbox drop --all", "/v1/outbox/drop", {"endpoint": None}),
    "explain": ("explain {eoi} submit", "/v1/eois/{other}/options", {"trigger": "withdraw"}),
}


@pytest.fixture
def engine(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    """Lend an engine on the file that the command line uses, too."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    with Engine(f"sqlite:///{tmp_path}/eoi.db") as engine:
        yield engine


@pytest.fixture
def api(engine: Engine) -> FastAPI:
    """Return the program, which takes everybody for one."""
    return build_api(Door(engine=engine, authenticate=lambda _: WHO), AROUND)


@pytest.fixture
def names(engine: Engine, tmp_path: Path) -> dict[str, str]:
    """Let there be one of everything, a delivery and a refused attempt among them; return the ids."""
    endpoint = engine.add_endpoint("http://127.0.0.1:9/eoi", actor=WHO)
    calls = [
        engine.open_call(new_call(reference=each, closes_at=datetime(year, 3, 17, tzinfo=UTC)), actor=WHO)
        for each, year in (("46/23", 2090), ("47/23", 2091))
    ]
    eois = [engine.draft(each.id, answers={"a": [1]}, actor=WHO, applicant="URN:1").eoi_id for each in calls]
    with pytest.raises(RoleMissing):
        engine.fire(eois[0], "submit", actor=Actor("x", {"auditor"}))
    engine.handle({"specversion": "1.0", "id": "1", "source": "/forms", "type": "forms.printed"}, actor=WHO)
    Runner(engine, {"webhook": RecordingCourier(lambda _: Undeliverable(why="It was too long."))}).once()
    parked = [str(each.id) for each in engine.deliveries(state="parked")]
    (tmp_path / "answers.json").write_text("{}")
    return {
        "call": calls[0].id,
        "second": calls[1].id,
        "eoi": eois[0],
        "other": eois[1],
        "endpoint": endpoint.id,
        "delivery": parked[0],
        "another": parked[1],
        "answers": str(tmp_path / "answers.json"),
    }


@pytest.mark.parametrize("what", READS)
def test_what_is_read_is_the_same_by_both_doors(
    api: FastAPI, eoi: Eoi, names: dict[str, str], what: str
) -> None:
    """Every read that both have: the same names, in the same order, with the same values."""
    words, path, is_list = READS[what]
    here = eoi(*words.format(**names).split(), *AS)
    there = ask(api, "GET", path.format(**names))
    assert (here.status, there.status) == (0, 200)
    found = there.json["items"] if is_list else there.json
    assert json.dumps(here.json) == json.dumps(found)
    assert found


def test_no_read_is_left_out(api: FastAPI) -> None:
    """Each read that HTTP has stands in the table."""
    paths = {path for path, methods in api.openapi()["paths"].items() if "get" in methods}
    assert {path for _, path, _ in READS.values()} == paths - READ_THERE_ONLY
    assert paths >= READ_THERE_ONLY


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_done_is_told_alike_by_both_doors(
    api: FastAPI, eoi: Eoi, names: dict[str, str], what: str
) -> None:
    """Every kind of command: the answers have the same names all the way down, those of secrets too."""
    words, place, body = CHANGES[what]
    method, _, path = place.rpartition(" ")
    here = eoi(*words.format(**names).split(), *AS)
    there = ask(api, method or "POST", path.format(**names), JSON, body=json.dumps(body).encode())
    assert (here.status, there.status in (200, 201)) == (0, True), there
    told = {name: value for name, value in here.json.items() if (what, name) not in TOLD_HERE_ONLY}
    assert _names(told) == _names(there.json)


@pytest.mark.parametrize(
    "words", ["show {call}", "call extend 46/23 --closes-on 2089-03-17 --reason x", "list --limit 0"]
)
def test_a_problem_has_the_names_that_it_has_by_http(
    api: FastAPI, eoi: Eoi, names: dict[str, str], words: str
) -> None:
    """What went wrong is told in the same words, too; by HTTP with its status besides (RFC 9457)."""
    asked = {
        "show {call}": ("GET", f"/v1/eois/{names['call']}", b""),
        "list --limit 0": ("GET", "/v1/eois?limit=0", b""),
    }
    extended = json.dumps({"closes_on": "2089-03-17", "reason": "x"}).encode()
    method, path, body = asked.get(words, ("POST", f"/v1/calls/{names['call']}/extend", extended))
    here = eoi(*words.format(**names).split(), *AS)
    path, _, query = path.partition("?")
    there = ask(api, method, path, JSON, body=body, query=query.encode())
    assert here.status == 1
    assert _names(there.json) == _names({"type": "", "status": 0, **here.json})
    assert {name: there.json[name] for name in ("code", "title")} == {
        name: here.json[name] for name in ("code", "title")
    }


def _names(document: object) -> object:
    """Return a document with its names alone."""
    if isinstance(document, dict):
        return {name: _names(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_names(each) for each in document]
    return None
