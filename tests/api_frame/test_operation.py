"""Probes, metrics, and the pages of the documentation."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from adapters.api import operation
from adapters.api.operation import LOOKING, Kept
from adapters.bootstrap import App
from tests.api_frame.asgi import ask, key
from tests.api_frame.conftest import KEYS, MakeApi
from workflow import Actor, DatabaseUnavailable
from workflow.testing import FrozenClock

STAFF = ("officer-key", "reviewer-key", "decider-key", "auditor-key", "admin-key")
WATCHERS = ("officer-key", "auditor-key", "admin-key")


def test_the_process_answers_that_it_lives(make_api: MakeApi) -> None:
    """It asks no database, takes no key, not even a wrong one, and says nothing else."""

    def unasked() -> Any:
        raise AssertionError

    api = make_api(health=unasked, metrics=unasked)
    for headers in ([], [key("no-such-key")], [key("admin-key")]):
        answer = ask(api, "GET", "/healthz", *headers)
        assert (answer.status, answer.body) == (200, b'{"ok": true}')


def test_anybody_may_ask_whether_it_is_ready(api: FastAPI, program: App) -> None:
    """They are told yes or no, and nothing of how it is built."""
    assert _ready(api) == (200, {"ok": True})
    program.runner.stop()


def test_what_is_not_well_is_not_ready(make_api: MakeApi, program: App) -> None:
    """With the runner's threads ended it says so, so that no more requests are sent here."""
    program.runner.stop()
    assert _ready(make_api()) == (503, {"ok": False})
    assert _ready(make_api(), key("school-key")) == (503, {"ok": False})
    status, told = _ready(make_api(), key("officer-key"))
    assert (status, told["ok"], told["threads"]["sweep"]) == (503, False, False)


@pytest.mark.parametrize("token", KEYS)
def test_staff_is_told_all_of_it(api: FastAPI, token: str) -> None:
    """Threads, overdue calls, the oldest event, the clock, the last error: to staff, and to no applicant."""
    status, told = _ready(api, key(token))
    whole = {
        "ok", "threads", "sweep_age_s", "pump_age_s", "overdue_s", "oldest_waiting_s", "oldest_job_s",
            "clock_skew_s",
        "schema", "errors", "last_error",
    }  # fmt: skip
    assert (status, told.keys()) == (200, whole if token in STAFF else {"ok"})


def test_a_wrong_key_is_no_key(api: FastAPI) -> None:
    """A probe that gives one is told that it is wrong, rather than less."""
    assert ask(api, "GET", "/readyz", key("no-such-key")).code == "unauthenticated"


def test_a_database_that_is_away_is_not_ready(make_api: MakeApi, program: App, clock: FrozenClock) -> None:
    """What the runner cannot ask, or not write, is told as not ready; so is what raises."""

    def away() -> Any:
        raise DatabaseUnavailable

    answer = ask(make_api(health=away), "GET", "/readyz")
    assert (answer.status, answer.code) == (503, "database-unavailable")


def test_whoever_hangs_is_not_ready(make_api: MakeApi, program: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that gives no answer at all is told as not ready in time, and asked once."""
    monkeypatch.setattr(operation, "PATIENCE_S", 0.05)
    with _gate() as (gate, asked):

        def hangs() -> Any:
            asked.append(1)
            gate.wait(60)
            return program.runner.health()

        api = make_api(health=hangs)

        async def several() -> list[int]:
            from tests.api_frame.asgi import asked as put  # noqa: PLC0415 -- named apart from the list

            answers = await asyncio.gather(*(put(api, "GET", "/readyz") for _ in range(20)))
            gate.set()
            return [each.status for each in answers]

        assert asyncio.run(several()) == [503] * 20
        assert asked == [1]


def test_who_asks_with_a_key_takes_few_threads(make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that cannot be looked at now are told so in time, and who gave up is not looked at any more."""
    monkeypatch.setattr(operation, "PATIENCE_S", 0.05)
    with _gate() as (gate, asked):

        def hangs(_: str) -> Actor:
            asked.append(1)
            gate.wait(60)
            return KEYS["officer-key"]

        api = make_api(knows=hangs)

        async def story() -> None:
            from tests.api_frame.asgi import asked as put  # noqa: PLC0415 -- named apart from the list

            paths = [path for path in ("/readyz", "/metrics") for _ in range(20)]
            answers = await asyncio.gather(*(put(api, "GET", path, key("officer-key")) for path in paths))
            assert {(each.status, each.code) for each in answers} == {(503, "database-unavailable")}
            assert len(asked) == LOOKING
            gate.set()
            monkeypatch.setattr(operation, "PATIENCE_S", 60)
            assert (await put(api, "GET", "/readyz", key("officer-key"))).json["ok"] is True
            assert len(asked) == LOOKING + 1

        asyncio.run(story())


def test_metrics_that_cannot_be_asked_for_in_time_are_those_that_were_counted(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What needs no database is told all the same, and the log says that the rest was left out."""
    monkeypatch.setattr(operation, "PATIENCE_S", 0.05)
    with _gate() as (gate, _), caplog.at_level(logging.WARNING, logger="eoi"):

        def hangs() -> bytes:
            gate.wait(60)
            return b""

        answer = ask(make_api(metrics=hangs, metrics_open=True), "GET", "/metrics")
        names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
        assert (answer.status, "eoi_events" in names, "eoi_healthy" in names) == (200, True, False)
        assert [record.getMessage() for record in caplog.records] == ["metrics.left-out"]


@contextmanager
def _gate() -> Iterator[tuple[threading.Event, list[int]]]:
    gate = threading.Event()
    try:
        yield gate, []
    finally:
        gate.set()


def test_an_answer_is_kept_for_a_second() -> None:
    """However many ask, the database is asked once a second; then anew, and a failure is not kept."""
    now_s, said = [0.0], iter([1, 2, None, 3])

    def say() -> int:
        found = next(said)
        if found is None:
            raise DatabaseUnavailable
        return found

    kept = Kept(say, timer=lambda: now_s[0])

    async def told(at_s: float) -> list[int]:
        now_s[0] = at_s
        return list(await asyncio.gather(*(kept.ask() for _ in range(5))))

    assert [asyncio.run(told(at_s)) for at_s in (0, 0.99, 1.0)] == [[1] * 5, [1] * 5, [2] * 5]
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(told(2.0))
    assert asyncio.run(told(2.0)) == [3] * 5


@pytest.mark.parametrize("token", KEYS)
def test_metrics_are_for_who_watches(api: FastAPI, token: str) -> None:
    """Officers, auditors and admins are told what Prometheus reads; others that it is not for them."""
    answer = ask(api, "GET", "/metrics", key(token))
    if token in WATCHERS:
        names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
        assert (answer.status, "eoi_healthy" in names) == (200, True)
        assert str(answer.header("content-type")).startswith("text/plain; version=0.0.4")
    else:
        assert (answer.status, answer.code) == (403, "role-missing")


def test_metrics_need_a_key_unless_they_are_open(make_api: MakeApi, api: FastAPI) -> None:
    """A council may leave them to its own network."""
    assert ask(api, "GET", "/metrics").code == "unauthenticated"
    assert ask(make_api(metrics_open=True), "GET", "/metrics").status == 200


# ---- the pages


def test_the_pages_need_no_other_server(api: FastAPI) -> None:
    """Every address in the page is one of ours and is there; no script stands in the page itself."""
    page = ask(api, "GET", "/docs")
    text = page.body.decode()
    assert str(page.header("content-type")).startswith("text/html")
    assert re.findall(r"<script(?! src=)|<style| style=| on[a-z]+=|https?:|//", text) == []
    links = re.findall(r'(?:src|href)="\.(/[^"]+)"', text)
    assert links == [
        "/docs/swagger-ui.css",
        "/openapi.json",
        "/docs/swagger-ui-bundle.js",
        "/docs/begin.js",
    ]
    for path in links:
        answer = ask(api, "GET", path)
        assert (answer.status, answer.header("x-content-type-options"), len(answer.body) > 100) == (
            200,
            "nosniff",
            True,
        )


@pytest.mark.parametrize("path", ["/docs", "/docs/begin.js", "/docs/swagger-ui.css"])
def test_the_pages_may_run_what_is_ours_and_nothing_else(api: FastAPI, path: str) -> None:
    """No inline script, no inline style, no other origin, no frame."""
    policy = str(ask(api, "GET", path).header("content-security-policy"))
    assert "script-src 'self';" in policy
    assert ("unsafe" in policy, "https" in policy, "*" in policy) == (False, False, False)
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-9", "bytes=abc", "bytes=99999999-", "bytes=9-1", "bytes=0-1,3-4", "x", "lines=1-2", "bytes="],
)
def test_the_pages_are_sent_whole(api: FastAPI, asked: str) -> None:
    """Whoever asks for a part, or for what is none, is sent all of it: never an answer that is no problem."""
    for method in ("GET", "HEAD"):
        whole = ask(api, method, "/docs/swagger-ui.css")
        part = ask(api, method, "/docs/swagger-ui.css", ("Range", asked))
        assert (part.status, part.said, part.body) == (200, whole.said, whole.body)
        assert part.header("accept-ranges") == "none"


def test_the_pages_can_be_left_out(make_api: MakeApi) -> None:
    """The document stays; the pages are not there."""
    api = make_api(docs=False)
    assert [ask(api, "GET", path).status for path in ("/docs", "/docs/begin.js", "/openapi.json")] == [
        404,
        404,
        200,
    ]


def test_the_document_is_written_once(api: FastAPI) -> None:
    """However many ask: to write it takes as long as a dozen requests, and anybody may ask."""
    made, times = api.openapi, list[int]()

    def openapi() -> dict[str, Any]:
        times.append(1)
        return made()

    api.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way of extending it
    first, second, head = (ask(api, method, "/openapi.json") for method in ("GET", "GET", "HEAD"))
    assert (first.status, first.header("content-type")) == (200, "application/json")
    assert (first.json, second.body, head.body) == (made(), first.body, b"")
    assert head.header("content-length") == first.header("content-length")
    assert len(times) == 1


def test_the_document_tells_nothing_of_operation(api: FastAPI) -> None:
    """Probes and pages are no part of the API that clients are built from."""
    paths = json.loads(ask(api, "GET", "/openapi.json").body)["paths"]
    assert [path for path in paths if not path.startswith("/v1/")] == []


def _ready(api: FastAPI, *headers: tuple[str, str]) -> tuple[int, Any]:
    answer = ask(api, "GET", "/readyz", *headers)
    return answer.status, answer.json
