"""Every answer has a name of its own, by which all that was logged about it is found."""

import logging
import re
from typing import Final

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapters.api.request_ids import REQUEST_ID
from tests.api_frame.asgi import JSON, Answer, ask, key
from tests.api_frame.conftest import MakeApi
from workflow import CallView
from workflow.log import get_log

FORM: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OFFICER: Final = key("officer-key")


def id_of(answer: Answer) -> str:
    """Return the name of a request."""
    found = answer.header(REQUEST_ID)
    assert found
    assert FORM.fullmatch(found)
    return found


def lines_of(caplog: pytest.LogCaptureFixture, request_id: str) -> list[str]:
    """Return which lines of log bear that name."""
    return [each.getMessage() for each in caplog.records if vars(each).get("request_id") == request_id]


def test_each_answer_has_a_name_of_its_own(make_api: MakeApi, call: CallView) -> None:
    """Whatever it says, and whoever made it: a route, nobody, or what stands in front of them."""
    api = make_api(origins=("https://council.example",))
    call_path, preflight = f"/v1/calls/{call.id}", ("Access-Control-Request-Method", "GET")
    answers = [
        ask(api, "GET", call_path, OFFICER),
        ask(api, "HEAD", call_path, OFFICER),
        ask(api, "GET", "/v1/calls", key("nobody's")),
        ask(api, "POST", "/v1/calls", OFFICER, ("Content-Type", "text/html"), body=b"<html>"),
        ask(api, "GET", "/nowhere"),
        ask(api, "GET", "/" + "x" * 20_000),
        ask(api, "GET", "/healthz"),
        ask(api, "OPTIONS", "/v1/calls", ("Origin", "null"), preflight),
    ]
    assert [each.status for each in answers] == [200, 200, 401, 415, 404, 400, 200, 204]
    assert len({id_of(each) for each in answers}) == len(answers)


def test_what_a_sender_calls_it_is_not_believed(api: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """Nor logged: it may be somebody else's, or a line of log."""
    with caplog.at_level(logging.DEBUG):
        answer = ask(api, "GET", "/v1/calls", OFFICER, ("X-Request-Id", "0186e27e level=error"))
    assert id_of(answer)
    assert "0186e27e level" not in str([vars(each) for each in caplog.records])


def test_every_line_about_a_request_bears_its_name(
    api: FastAPI, call: CallView, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine's own, from whichever thread, among them; the lines of others do not."""
    with caplog.at_level(logging.INFO):
        made = [
            ask(api, "POST", f"/v1/calls/{call.id}/eois", key("school-key"), JSON, body=b'{"answers": {}}')
            for _ in range(2)
        ]
        get_log("runner").info("something.else")
    assert [each.status for each in made] == [201, 409]
    assert lines_of(caplog, id_of(made[0])) == ["eoi.drafted", "request.answered"]
    assert lines_of(caplog, id_of(made[1]))[-1] == "request.answered"
    (other,) = (vars(each) for each in caplog.records if each.getMessage() == "something.else")
    assert "request_id" not in other


def test_what_went_wrong_is_found_by_it(api: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """The traceback is in a line that bears the name that the client was told."""

    async def raises(_: Request) -> Response:
        raise LookupError

    api.add_route("/raises", raises)
    answer = ask(api, "GET", "/raises")
    assert answer.code == "internal"
    assert lines_of(caplog, id_of(answer)) == ["request.failed"]
