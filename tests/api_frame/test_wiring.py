"""What the settings say reaches the door."""

import re
import shutil
from pathlib import Path

import pytest

from adapters.api.admission import Admission
from adapters.bootstrap import build
from adapters.serving import SHORTEST_WAIT_S, api_of
from adapters.settings import Settings
from tests.api_frame.asgi import ask, key
from tests.api_frame.test_bodies import _routes


def test_each_setting_of_the_door_is_heard(tmp_path: Path, sqlite_template: Path) -> None:
    """Documentation, metrics, origins, the largest body, failures and versions: each as it was set."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    settings = Settings(
        database_url=str(tmp_path / "eoi.db"),
        api_docs=False,
        api_metrics_open=True,
        api_origins="https://council.example",
        api_largest_body=1024,
        api_failures=2,
        api_needs_version=True,
    )
    with build(settings) as app:
        api = api_of(app, settings)
        assert ask(api, "GET", "/docs").status == 404
        assert ask(api, "GET", "/metrics").status == 200
        answer = ask(api, "GET", "/healthz", ("Origin", "https://council.example"))
        assert answer.header("access-control-allow-origin") == "https://council.example"
        assert ask(api, "GET", "/v1/calls/x", body=b"x" * 1025).code == "body-too-large"
        told = [ask(api, "GET", "/v1/calls/x", key("no-such-key")).status for _ in range(3)]
        assert told == [401, 401, 429]
        assert {route.door.needs_version for route in _routes(api) if hasattr(route, "door")} == {True}


def test_each_request_is_counted_but_probes(tmp_path: Path, sqlite_template: Path) -> None:
    """What Prometheus reads tells of each, also of what no route answered; no path and no id is in it."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    settings = Settings(database_url=str(tmp_path / "eoi.db"), api_metrics_open=True)
    with build(settings) as app:
        api = api_of(app, settings)
        for path in ("/v1/calls/x", "/v1/calls/x", "/nowhere", "/healthz", "/readyz", "/metrics"):
            ask(api, "GET", path)
        text = ask(api, "GET", "/metrics").body.decode()
    counted = re.findall(r"^eoi_request_seconds_count\{(.*)\} (.*)$", text, flags=re.MULTILINE)
    assert dict(counted) == {
        'method="GET",route="/v1/calls/{call}",status="401"': "2.0",
        'method="GET",route="none",status="404"': "1.0",
    }


@pytest.mark.parametrize(("settle_s", "within_s"), [(0.0, SHORTEST_WAIT_S), (5.0, 5.0)])
def test_whoever_would_wait_for_longer_than_a_close_does_is_refused(
    tmp_path: Path, settle_s: float, within_s: float
) -> None:
    """The settle time bounds the queue; where there is none, a second does."""
    settings = Settings(database_url=str(tmp_path / "eoi.db"), settle_s=settle_s)
    app = build(settings)
    (found,) = (
        each
        for each in api_of(app, settings).user_middleware
        if getattr(each.cls, "__name__", "") == Admission.__name__
    )
    assert found.kwargs["within_s"] == within_s
    app.close()
