"""Lists come in pages: each thing once, the link followed as it stands, cursors for one question only."""

import base64
import itertools
import re
from urllib.parse import quote, urljoin

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from adapters.api.app import door_router
from adapters.api.door import Door
from adapters.api.paging import USUAL, Limit
from adapters.documents import document
from tests.api.routes.asking import Answer, Client
from tests.api.routes.conftest import CALL, Who, by_token
from workflow import Engine
from workflow.testing import new_call, officer, school

PATHS = ("/v1/calls", "/v1/eois")
REVIEW = {"trigger": "review"}


def following(path: str, answer: Answer) -> str | None:
    """Return where an answer's link leads, as a client resolves it."""
    if "link" not in answer.headers:
        return None
    found = re.fullmatch(r'<([^<>"\s]*)>; rel="next"', answer.headers["link"])
    assert found is not None
    return str(urljoin(f"http://127.0.0.1{path}", found[1])).removeprefix("http://127.0.0.1")


def walked(client: Client, path: str) -> list[list[str]]:
    """Follow the links from a page on; return the ids of each page."""
    pages, seen = list[list[str]](), set[str]()
    at: str | None = path
    while at is not None:
        answer = client.get(at)
        pages.append([each["id"] for each in answer.body["items"]])
        at = following(at, answer)
        assert (at is None) is (answer.body["next"] is None)
        assert at not in seen
        seen.add(str(at))
    return pages


def items_of(client: Client, path: str) -> list[list[object]]:
    """Follow the links from a page on; return what is on each page."""
    pages = list[list[object]]()
    at: str | None = path
    while at is not None:
        answer = client.get(at)
        pages.append(answer.body["items"])
        at = following(at, answer)
    return pages


def behalf(name: str) -> dict[str, str]:
    """Return the header that names for whom something is done."""
    return {"EOI-On-Behalf-Of": name}


@pytest.fixture
def seven(engine: Engine) -> list[str]:
    """Open seven calls, and draft an EOI for each of seven schools in the first; return the EOIs' ids."""
    calls = [
        engine.open_call(new_call(reference=f"{number}/23 & \u00e9"), actor=officer()).id
        for number in range(7)
    ]
    return [engine.draft(calls[0], answers={}, actor=school(urn)).eoi_id for urn in range(7)]


def test_links_lead_through_everything_once(who: Who, seven: list[str], engine: Engine) -> None:
    """Pages of any size hold each thing once, in order; the last has no link."""
    assert walked(who("officer"), "/v1/eois?limit=3") == [seven[:3], seven[3:6], seven[6:]]
    assert walked(who("officer"), "/v1/eois?limit=7") == [seven]
    calls = [each.id for each in engine.find_calls()]
    assert walked(who("officer"), "/v1/calls?limit=4") == [calls[:4], calls[4:]]
    assert walked(who("school"), "/v1/calls?state=open&limit=6") == [calls[:6], calls[6:]]


def test_filters_stay_with_the_link(who: Who, seven: list[str], engine: Engine) -> None:
    """Whatever a filter holds, the link asks the same question again."""
    reference = "0/23 & \u00e9"
    path = f"/v1/eois?call={quote(reference, safe='')}&state=draft&limit=5"
    assert walked(who("auditor"), path) == [seven[:5], seven[5:]]
    (found,) = who("school").get(f"/v1/calls?reference={quote(reference, safe='')}").body["items"]
    assert found["id"] == engine.call(reference).id


@pytest.fixture
def past(who: Who, engine: Engine, call: str, eoi: str) -> dict[str, list[object]]:
    """Save an EOI six times, be refused eight times; return each list of the past, by its path."""
    for places in range(6):
        engine.save(eoi, answers={"places": places}, actor=school())
    for name in "abcdefgh":
        assert who("reviewer").post(f"/v1/eois/{eoi}/transitions", REVIEW, headers=behalf(name)).status == 409
    changed = [each.at for each in engine.history(eoi)]
    assert (len(changed), len(engine.attempts(eoi))) == (7, 8)
    return {
        f"/v1/eois/{eoi}/transitions": document(engine.history(eoi)),
        f"/v1/eois/{eoi}/attempts": document(engine.attempts(eoi)),
        f"/v1/calls/{call}/history": document(engine.history(call)),
        f"/v1/calls/{call}/attempts": document(engine.attempts(call)),
    }


def test_the_past_comes_in_pages(who: Who, past: dict[str, list[object]]) -> None:
    """Every change and every refused attempt once, in order, whatever the size of a page."""
    for path, whole in past.items():
        for limit in (1, 3, 7, 8, 100):
            assert list(itertools.chain(*items_of(who("auditor"), f"{path}?limit={limit}"))) == whole
        assert who("auditor").get(path).body == {"items": whole, "next": None}


def test_a_cursor_of_the_past_names_nobody(who: Who, past: dict[str, list[object]]) -> None:
    """It stands in addresses, so it tells of no actor; another list, or another thing's, refuses it."""
    cursors = {path: who("auditor").get(f"{path}?limit=1").body["next"] for path in past}
    for path, cursor in cursors.items():
        if cursor is None:
            continue
        place = base64.urlsafe_b64decode(cursor + "==")[16:].decode()
        assert re.fullmatch("[0-9]+(-[0-9]+)?", place)
        for other in set(past) - {path}:
            assert who("auditor").get(f"{other}?cursor={cursor}").code == "bad-cursor"
        forged = base64.urlsafe_b64encode(base64.urlsafe_b64decode(cursor + "==")[:16] + b"9" * 99)
        assert who("auditor").get(f"{path}?cursor={forged.decode()}").code == "bad-cursor"
        assert who("auditor").get(f"{path}?limit=101").code == "bad-input"
        assert who("other").get(f"{path}?cursor={cursor}").status in (200, 404)


def test_a_cursor_is_of_one_question(who: Who, seven: list[str]) -> None:
    """A cursor of another list, or with another filter, is refused; another limit is no other question."""
    client = who("officer")
    cursor = client.get("/v1/eois?limit=3").body["next"]
    assert len(client.get(f"/v1/eois?limit=1&cursor={cursor}").body["items"]) == 1
    for path in (
        f"/v1/calls?cursor={cursor}",
        f"/v1/eois?state=draft&cursor={cursor}",
        f"/v1/eois?applicant=URN:1&cursor={cursor}",
    ):
        refused = client.get(path)
        assert (refused.status, refused.code, refused.body["field"]) == (422, "bad-cursor", "cursor")


def test_a_cursor_that_was_never_given_is_refused(who: Who, seven: list[str]) -> None:
    """Cut, added to, forged or made up: it is refused as such, or as no id, and lists nothing."""
    for change in [
        "",
        "x",
        "A" * 40,
        "A" * 300,
        "=",
        "-_-_",
        "\u00e9",
        "%00",
        "..",
        "cut",
        "longer",
        "forged",
    ]:
        given = who("officer").get("/v1/eois?limit=3").body["next"]
        mark = base64.urlsafe_b64decode(given + "==")[:16]
        made = {
            "cut": given[:-2],
            "longer": given + "AA",
            "forged": base64.urlsafe_b64encode(mark + b"1' OR 1=1").decode().rstrip("="),
        }.get(change, change)
        refused = who("officer").get(f"/v1/eois?cursor={made}")
        assert (refused.status, refused.code) in [(422, "bad-cursor"), (422, "bad-input")]


def test_a_limit_beyond_a_page_is_refused(who: Who) -> None:
    """1 to 100, since each may be long."""
    for path, limit in itertools.product(
        PATHS, ["0", "-1", "101", "1e1", "x", "", "5.5", "0x5", "99999999999999999999999", "\u0665"]
    ):
        refused = who("officer").get(f"{path}?limit={limit}")
        assert (refused.status, refused.code, refused.body["field"]) == (422, "bad-input", "limit")


@pytest.mark.parametrize(
    "said", ["1_0", "%203", "3%20", "2.0", "+2", "2%0A", "%002", "1%00", "0b1", "%EF%BC%92"]
)
def test_a_limit_is_written_in_digits(who: Who, said: str) -> None:
    """What some reader may take for a number is none."""
    refused = who("officer").get(f"/v1/calls?limit={said}")
    assert (refused.status, refused.code, refused.body["field"]) == (422, "bad-input", "limit")
    assert refused.body["detail"] == "limit: Input should be a whole number, written in digits."
    assert who("officer").get("/v1/calls?limit=002").status == 200


def test_a_limit_that_is_not_given_is_none_of_the_askers() -> None:
    """The oldest FastAPI that there may be has what stands for it looked at as if it had been asked for."""
    assert TypeAdapter(Limit).validate_python(USUAL) == USUAL


def test_a_misspelt_filter_does_not_list_everything(who: Who, call: str) -> None:
    """What is not asked here, asked twice or unknown, is refused."""
    for path, query in itertools.product(
        PATHS,
        [
            "stat=open",
            "state=",
            "state=opn",
            "state=open&state=open",
            "limit=5&limit=6",
            "Limit=5",
            "offset=3",
            "state%00=open",
            "x" * 3000,
        ],
    ):
        refused = who("officer").get(f"{path}?{query}")
        assert (refused.status, refused.code) == (422, "bad-input")
        assert len(refused.body["detail"]) < 400


def test_the_host_header_gets_nowhere(who: Who, seven: list[str]) -> None:
    """Whatever somebody gives as Host, no link and no location leads there."""
    evil = {"Host": "evil.example/?x"}
    listed = who("officer").get("/v1/eois?limit=3", headers=evil)
    opened = who("officer").post("/v1/calls", CALL, headers=evil)
    assert "evil" not in f"{listed.headers} {listed.body} {opened.headers} {opened.body}"
    assert opened.headers["location"] == f"/v1/calls/{opened.body['id']}"


def test_places_are_right_wherever_a_host_puts_the_routes(engine: Engine) -> None:
    """Below a host's prefix, and below where a proxy has it, a location leads to what was made."""
    host = FastAPI()
    host.include_router(door_router(Door(engine=engine, authenticate=by_token)), prefix="/council")
    for root, path in (("", "/council/v1/calls"), ("/eoi", "/eoi/council/v1/calls")):
        body = CALL | {"reference": f"46/23 {root}"}
        opened = Client(host, "officer", root_path=root).post(path, body)
        assert opened.headers["location"] == f"{path}/{opened.body['id']}"


def test_another_ones_eois_are_not_counted(who: Who, seven: list[str]) -> None:
    """A school's pages are as if nobody else had applied: no further page, and no filter finds more."""
    own = who("other")
    listed = own.get("/v1/eois?limit=1").body
    assert listed == {"items": [], "next": None}
    for query in ("applicant=URN:1", "state=draft", "call=0%2F23%20%26%20%C3%A9"):
        assert own.get(f"/v1/eois?{query}").body == {"items": [], "next": None}
    for each in own.get("/v1/calls").body["items"]:
        assert (each["counts"], each["counts_at_close"]) == (None, None)
