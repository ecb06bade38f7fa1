"""docs/events-in.md is true: its table is read, its requests are sent to a real server, its programs run."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn

from adapters.api.app import build_api
from adapters.api.door import Door
from adapters.inbound.event_signature import Signatures
from adapters.inbound.event_table import handles_from
from tests.api.routes.around import AROUND
from tests.api.routes.conftest import by_token
from tests.api.routes.test_http_document import _STEP, learn, sent, translated
from tests.events_in.making import event
from tests.events_in.test_event_signature import SECRET
from workflow import Engine
from workflow.cloud_events import LONGEST
from workflow.handles import TRIGGERS
from workflow.testing import FrozenClock, engine_in, new_call, officer

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs/events-in.md").read_text(encoding="utf-8")
FIRST, SENDER = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
(TABLE,) = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
Serve = Callable[..., str]


@pytest.fixture
def engine(tmp_path: Path, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine that goes by the page's table, with the real sheet's call."""
    with engine_in(tmp_path, clock=clock, handles=handles_from(TABLE.encode())) as engine:
        engine.open_call(new_call(), actor=officer())
        yield engine


@pytest.fixture
def serve(engine: Engine) -> Iterator[Serve]:
    """Return what runs the program on 127.0.0.1, and says where."""
    with ExitStack() as stack:

        def start(**changes: Any) -> str:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            api = build_api(Door(engine=engine, authenticate=by_token, **changes), AROUND)
            running = uvicorn.Server(uvicorn.Config(api, log_config=None, ws="none", lifespan="off"))
            thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, running, "should_exit", True)
            return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

        yield start


def test_its_requests_are_answered_as_it_stands(serve: Serve) -> None:
    """Whoever pastes them, in both modes, gets the answers shown, but for the ids."""
    real: dict[str, str] = {}
    keys = {"V1": serve(), "FORMS": "school", "DESK": "officer"}
    steps = list(_STEP.finditer(PAGE))
    assert len(steps) == 4
    for step in steps:
        answer = sent(step["sh"], keys, real)
        head, _, body = step["http"].partition("\n\n")
        status, *headers = head.splitlines()
        assert f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}" == status, answer.text
        learn(real, body, answer.text)
        for line in headers:
            name, _, value = line.partition(": ")
            assert answer.headers[name] == value
        assert answer.json() == json.loads(translated(body, real))


def test_its_sender_signs_what_is_taken(serve: Serve) -> None:
    """Whoever copies the sender is let in with the right secret, and not with another."""
    made: dict[str, Any] = {}
    exec(SENDER, made)  # noqa: S102 -- our own page
    told, to = event("forms.printed"), f"{serve(verify=Signatures([SECRET]))}/events"
    other = SECRET.replace("YWFh", "YmJi")
    statuses = [made["send"](told, to=to, key="school", secret=each).status_code for each in (SECRET, other)]
    assert statuses == [202, 401]


def test_its_first_lines_begin_an_eoi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies them after the five lines of embedding.md, as the page says, has a receipt."""
    monkeypatch.chdir(tmp_path)
    embedding = (Path(__file__).resolve().parents[2] / "docs/embedding.md").read_text(encoding="utf-8")
    made: dict[str, Any] = {}
    exec(embedding.partition("```python\n")[2].partition("```")[0], made)  # noqa: S102 -- our own page
    made["engine"].close()
    exec(FIRST, made)  # noqa: S102 -- our own page
    assert made["receipt"].state == "draft"
    made["engine"].close()


def test_its_words_and_numbers_are_those_of_the_code() -> None:
    """Every trigger and every field of a rule stands in its table; the bounds are those that are checked."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|", PAGE, flags=re.MULTILINE))
    assert rows.keys() == {"type", "trigger"} | {name for takes in TRIGGERS.values() for name in takes}
    assert set(re.findall(r"`(\w+)`", rows["trigger"])) == TRIGGERS.keys()
    words = " ".join(PAGE.split())
    assert LONGEST == {"id": 500, "subject": 500, "type": 200, "source": 2000}
    assert "An `id` and a `subject` have 500 characters at the most, a `type` 200, a `source` 2,000." in words
