"""openapi.json is complete and true: each operation told in full, each example one that could come."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import schemathesis
from fastapi import FastAPI
from starlette.requests import Request

from adapters.api.answers import STATUSES, problem_of
from adapters.api.app import build_api, door_router
from adapters.api.conditions import IF_MATCH, KEY
from adapters.api.door import Door
from adapters.api.errors import Internal
from adapters.api.examples import EXAMPLES
from adapters.api.fields import VIEWS, told_of
from adapters.api.openapi import completed
from adapters.api.route import EoiRoute
from adapters.trying import Tried
from tests.api.routes.around import AROUND
from workflow import BadInput, CallClosed, CallView, DatabaseUnavailable, DeliveryDetail, Engine, Refusal
from workflow.ports import Delivered, Outcome
from workflow.testing import admin


def _tried(endpoint_id: str, *, actor: object) -> tuple[Outcome, float]:
    return Delivered(), 0.0


DOOR: Final = Door(
    engine=Engine("sqlite:///never-opened.db"), authenticate=lambda _: admin(), try_endpoint=_tried
)
DOCUMENT: Final[dict[str, Any]] = build_api(DOOR, AROUND).openapi()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each operation with its path and method."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def valid(schema: dict[str, Any], value: object) -> None:
    """Fail where a value has not the form that a schema of the document tells."""
    validator_of(schema).validate(value)


def fits(schema: dict[str, Any], value: object) -> bool:
    """Return whether a value has the form that a schema of the document tells."""
    return validator_of(schema).is_valid(value)


def validator_of(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """Return what holds values against a schema of the document."""
    return jsonschema_rs.validator_for(
        {**schema, "components": DOCUMENT["components"]}, validate_formats=True
    )


def test_it_is_openapi() -> None:
    """The field's own tester reads it, and finds every operation."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.validate()
    assert len(list(schema.get_all_operations())) == len(list(operations())) == 45


def test_it_says_first_what_holds_for_all_of_it() -> None:
    """Who has read nothing else learns of keys, versions, sending again, problems and pages."""
    about = DOCUMENT["info"]["description"]
    assert all(f"`{name}`" in about for name in ("ETag", IF_MATCH, KEY, "Retry-After", "code", "cursor"))
    paths = set(re.findall(r"`GET (/[^`]+)`", about))
    assert paths
    assert paths <= set(DOCUMENT["paths"])


def test_every_operation_is_told_in_full() -> None:
    """Id, summary, description, tag, key, and a word for each parameter; no field that is nobody's."""
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    for path, _, operation in operations():
        assert operation["summary"], path
        assert len(operation["description"]) > len(operation["summary"]) + 10, path
        assert len(operation["tags"]) == 1
        assert operation["security"] == [{"key": []}]
        for parameter in operation["parameters"]:
            assert parameter.get("description"), (path, parameter)
        assert not [name for name in operation if name.startswith("x-")]
    (scheme,) = DOCUMENT["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert all(word in scheme["description"] for word in ("`eoi key create`", "OpenID", "JWT"))
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]


def test_every_request_has_an_example_that_would_do() -> None:
    """What the document gives as an example of a body has the form that it asks for."""
    for path, _, operation in operations():
        if "requestBody" not in operation:
            continue
        (kind, content), *others = operation["requestBody"]["content"].items()
        assert [other for other, _ in others] == (["multipart/form-data"] if path == "/v1/imports" else [])
        own = {
            "/v1/events": "application/cloudevents+json",
            "/v1/events/explain": "application/cloudevents+json",
            "/v1/imports": "text/csv",
        }
        assert kind == own.get(path, "application/json")
        schema = content["schema"]
        (name,) = {
            each["$ref"].rpartition("/")[2] for each in schema.get("anyOf", [schema]) if "$ref" in each
        }
        model = DOCUMENT["components"]["schemas"][name]
        # What extends an event is passed over, as CloudEvents has it.
        assert name in ("CloudEvent", "Table") or model["additionalProperties"] is False
        assert model["examples"], path
        for example in model["examples"]:
            valid(schema, example)


def test_every_answer_has_an_example_that_could_come() -> None:
    """The good answer of each operation shows one of its kind."""
    shown = set()
    for _, _, operation in operations():
        for good in (each for status, each in operation["responses"].items() if status.startswith("2")):
            if (
                "application/json" not in good["content"]
                or "example" not in good["content"]["application/json"]
            ):
                assert {each["schema"]["format"] for each in good["content"].values()} == {"binary"}
                continue
            content = good["content"]["application/json"]
            valid(content["schema"], content["example"])
            first, *_ = content["schema"].get("anyOf", [content["schema"]])
            shown.add(first["$ref"].rpartition("/")[2])
    assert shown == set(EXAMPLES)


def test_every_problem_is_listed_where_it_belongs() -> None:
    """Each status of each operation names codes of that status; what any request may meet is everywhere."""
    for path, _, operation in operations():
        statuses = {status for status in operation["responses"] if status >= "400"}
        assert {"400", "401", "403", "408", "413", "415", "422", "429", "500", "503"} <= statuses, path
        for status in statuses:
            problem = operation["responses"][status]
            schema = problem["content"]["application/problem+json"]["schema"]
            codes = schema["properties"]["code"]["enum"]
            assert {STATUSES[code] for code in codes} == {int(status)}
            assert all(f"`{code}`" in problem["description"] for code in codes)
            assert ("internal" in codes) is (status == "500")
    for example in DOCUMENT["components"]["schemas"]["Problem"]["examples"]:
        valid({"$ref": "#/components/schemas/Problem"}, example)


def test_every_problem_is_of_one_class_and_holds_to_its_codes() -> None:
    """A generated client has one class for all problems; the codes of each operation bind all the same."""
    said = {"type": "urn:eoi:problem:conflict", "status": 409, "title": "No.", "detail": "No."}
    for _, _, operation in operations():
        for status in (status for status in operation["responses"] if status >= "400"):
            schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
            assert schema["$ref"] == "#/components/schemas/Problem"
            code, *_ = schema["properties"]["code"]["enum"]
            valid(schema, {**said, "code": code})
            assert not fits(schema, {**said, "code": "no-such-code"})
            assert not fits(schema, {"code": code})


def test_every_problem_has_the_form_that_is_told() -> None:
    """Whatever the code: the clock may be unreadable, and what came too late have no instant."""
    late = [Refusal("call-closed", "Too late.", until=datetime(2023, 3, 18, tzinfo=UTC))]
    errors = [
        (CallClosed(late), None),
        (CallClosed(late), datetime(2023, 3, 19, tzinfo=UTC)),
        (CallClosed([Refusal("call-closed", "Too late.")]), None),
        (Internal(), None),
        (BadInput("No.", field="x"), None),
        (DatabaseUnavailable("At db.inside.example."), None),
    ]
    for error, now in errors:
        problem = json.loads(bytes(problem_of(error, now=now).body))
        valid({"$ref": "#/components/schemas/Problem"}, problem)


def test_headers_are_told() -> None:
    """Versions, keys, places, links and waits are described where they are sent or heeded."""
    by_id = {operation["operationId"]: operation for _, _, operation in operations()}

    def takes(name: str) -> set[str]:
        return {each["name"] for each in by_id[name]["parameters"] if each["in"] == "header"}

    assert takes("save_answers") == {"EOI-On-Behalf-Of", "Idempotency-Key", "If-Match"}
    assert takes("show_eoi") == {"EOI-On-Behalf-Of", "If-None-Match"}
    assert takes("add_endpoint") == {"EOI-On-Behalf-Of"}
    assert set(by_id["draft_eoi"]["responses"]["201"]["headers"]) == {"ETag", "Location"}
    assert set(by_id["list_eois"]["responses"]["200"]["headers"]) == {"Link"}
    assert set(by_id["show_call"]["responses"]["304"]["headers"]) == {"ETag"}
    assert set(by_id["show_call"]["responses"]["503"]["headers"]) == {"Retry-After"}


def test_fields_are_told_as_the_code_tells_them() -> None:
    """The word beside a field in the code is the one in the document; what is inherited is told, too."""
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["CallView"]["properties"]["reference"]["description"] == "The council's own: 46/23."
    assert told_of(CallView)["counts"] == "EOIs by state, now; None for applicants."
    assert "attempts" in told_of(DeliveryDetail)
    assert told_of(Tried)["why"] == "What went wrong; None where it arrived."
    for view in VIEWS:
        assert schemas[view.__name__]["required"] == list(schemas[view.__name__]["properties"])


def test_a_host_takes_the_routes_into_its_own_program() -> None:
    """In another program the document is completed all the same, and what is the host's is left alone."""
    host = FastAPI()

    @host.get("/own")
    def own(request: Request) -> dict[str, str]:
        return {}

    before = json.dumps(host.openapi()["paths"]["/own"])
    host = FastAPI()
    host.get("/own")(own)
    host.include_router(door_router(DOOR), prefix="/council")
    document = completed(host.openapi())
    assert json.dumps(document["paths"]["/own"]) == before
    assert "409" in document["paths"]["/council/v1/calls"]["post"]["responses"]


def test_our_own_program_makes_each_route_once() -> None:
    """What the whole program answers are the routes themselves, none of them built a second time."""
    made = [route for route in build_api(DOOR, AROUND).routes if isinstance(route, EoiRoute)]
    assert len(made) == len(list(operations()))


def test_it_is_served(new_api: Callable[..., FastAPI]) -> None:
    """A client finds it at /openapi.json."""
    assert "/openapi.json" in {getattr(route, "path", "") for route in new_api().routes}


def test_the_page_about_errors_has_the_statuses_that_are_answered() -> None:
    """What docs/errors.md says of a code is what comes; what cannot come out of HTTP has no status there."""
    page = (Path(__file__).resolve().parents[3] / "docs/errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| ([0-9]{3}|–) \|", page, flags=re.MULTILINE)
    assert len(listed) > 60
    assert [(code, status) for code, status in listed if status != str(STATUSES.get(code, "–"))] == []
