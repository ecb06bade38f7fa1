"""docs/http.md is true: each request of its walk is sent to a real server, and answered as the page says."""

import json
import re
import shlex
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from adapters.api.app import build_api
from adapters.api.conditions import LONGEST_KEY
from adapters.api.door import Door
from adapters.api.paging import MOST, USUAL
from adapters.bounds import LARGEST_BODY
from tests.api.routes.around import AROUND
from tests.api.routes.conftest import by_token
from workflow.idempotency import KEEP_DAYS
from workflow.testing import Kit

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs/http.md").read_text(encoding="utf-8")
WORDS: Final = " ".join(PAGE.split())
_STEP: Final = re.compile(
    r"<!-- now: (?P<now>\S+) -->|^```sh\n(?P<sh>curl .*?)^```\n\n```http\n(?P<http>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_OPTIONS: Final = {"-X": "method", "-H": "header", "-d": "data"}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    """Return a kit, of which the engine stands behind the server."""
    with Kit(tmp_path) as kit:
        yield kit


@pytest.fixture
def server(kit: Kit) -> Iterator[str]:
    """Run the program on 127.0.0.1; return where."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        api = build_api(Door(engine=kit.engine, authenticate=by_token), AROUND)
        running = uvicorn.Server(uvicorn.Config(api, log_config=None, ws="none", lifespan="off"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        thread.join()


def test_the_walk_is_answered_as_it_stands(server: str, kit: Kit) -> None:
    """Whoever pastes the requests, from a call to a decision, gets the answers shown, but for the ids."""
    real: dict[str, str] = {}
    keys = {
        "V1": f"{server}/v1",
        "OFFICER": "officer",
        "SCHOOL": "school",
        "REVIEWER": "reviewer",
        "PANEL": "decider",
    }
    steps = list(_STEP.finditer(PAGE))
    assert len(steps) == 10
    for step in steps:
        if step["now"]:
            kit.move_to(datetime.fromisoformat(step["now"]))
            continue
        answer = sent(step["sh"], keys, real)
        head, _, body = step["http"].partition("\n\n")
        status, *headers = head.splitlines()
        assert f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}" == status, answer.text
        learn(real, body, answer.text)
        for line in headers:
            name, _, value = line.partition(": ")
            assert answer.headers[name] == translated(value, real)
        assert answer.json() == json.loads(translated(body, real))


def sent(command: str, keys: dict[str, str], real: dict[str, str]) -> httpx.Response:
    """Send what a curl command says."""
    words = iter(shlex.split(translated(command.replace("\\\n", " "), real)))
    assert next(words) == "curl"
    given: dict[str, Any] = {"header": [], "method": None, "data": None, "url": ""}
    for word in words:
        if word in _OPTIONS:
            name, value = _OPTIONS[word], re.sub(r"\$(\w+)", lambda found: keys[found[1]], next(words))
            given[name] = [*given[name], value] if name == "header" else value
        elif word != "-i":
            given["url"] = re.sub(r"\$(\w+)", lambda found: keys[found[1]], word)
    method = given["method"] or ("GET" if given["data"] is None else "POST")
    headers = dict(line.split(": ", 1) for line in given["header"])
    return httpx.request(method, given["url"], headers=headers, content=given["data"], trust_env=False)


def learn(real: dict[str, str], told: str, came: str) -> None:
    """Note which id stands for which of the page's."""
    for shown, found in zip(_UUID.findall(told), _UUID.findall(came), strict=True):
        assert real.setdefault(shown, found) == found


def translated(text: str, real: dict[str, str]) -> str:
    """Return a text with the real ids in it."""
    return _UUID.sub(lambda found: real[found[0]], text)


def test_its_numbers_are_those_of_the_code() -> None:
    """Limits of keys, pages and bodies are what the code goes by."""
    assert f"up to {LONGEST_KEY} characters" in WORDS
    assert f"`limit` is 1 to {MOST}, else {USUAL}" in WORDS
    assert f"up to {LARGEST_BODY // 2**20} MiB" in WORDS
    assert KEEP_DAYS == 30
    assert "kept, for thirty days" in WORDS


def test_its_python_is_a_program_with_our_routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies the snippet has a program that answers."""
    (snippet,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(snippet, made)  # noqa: S102 -- our own page
    api = made["api"]
    assert isinstance(api, FastAPI)
    assert "/v1/calls" in api.openapi()["paths"]
    made["engine"].close()
