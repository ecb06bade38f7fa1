"""What the environment says of couriers reaches them in the program as it is put together."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.bootstrap import App, build
from adapters.outbound import smtp
from adapters.settings import Settings
from scheduler.pump import BEGIN_WITHIN
from tests.databases.lent import NewEngine
from tests.letters.post import Clerk, Post, Scripted
from tests.notify.service import CALLS, KEY, SUBMITTED, Notify
from tests.servers.scripts import python
from workflow import BadInput, RoleMissing
from workflow.outbox import LEASE_S
from workflow.testing import FrozenClock, new_call, officer, school, submitted

TO = "clerk@council.example"
REPLY_TO = "8e222534-7f05-4972-86e3-17c5d9f894e2"
#: Much shorter than a step of a letter takes where nobody says anything of it.
SOON_S = 5.0

#: Puts the program together in an environment that says this, and nothing else.
NewApp = Callable[..., App]


@pytest.fixture
def new_app(tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewApp]:
    """Return what puts the program together; nothing runs in it by itself."""
    monkeypatch.setenv("EOI_DATABASE_URL", str(tmp_path / "eoi.db"))
    with ExitStack() as stack:

        def make(**environment: str) -> App:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            app = build(Settings(), clock=clock)
            stack.callback(app.close)
            app.engine.create()
            return app

        yield make


def _happen(app: App, *, via: str) -> None:
    """Let a school submit an EOI, of which one mailbox is to hear, and carry it out."""
    call = app.engine.open_call(new_call(), actor=officer())
    app.engine.add_endpoint(TO, via=via, events=["eoi.submitted"], actor=officer())
    submitted(app.engine, call.id, school())
    app.runner.once()


def test_letters_go_where_and_as_the_environment_says(new_app: NewApp, tmp_path: Path) -> None:
    """By that server, from that sender, in a council's own words; and the attempt is counted."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "eoi.submitted.txt").write_text("Subject: Ours\n\nOur own words.\n")
    clerk = Clerk()
    with Post(clerk) as post:
        app = new_app(
            EOI_SMTP_URL=f"smtp+plain://127.0.0.1:{post.port}",
            EOI_SMTP_SENDER="Norfolk <bases@norfolk.example>",
            EOI_LETTERS=str(tmp_path / "own"),
        )
        _happen(app, via="smtp")
        app.close()
    (letter,) = clerk.taken
    assert (letter.sender, letter.to) == ("bases@norfolk.example", [TO])
    assert (letter.message["From"], letter.message["Subject"]) == ("Norfolk <bases@norfolk.example>", "Ours")
    told = app.metrics.text().decode().splitlines()
    assert 'eoi_deliveries_total{courier="smtp",outcome="delivered"} 1.0' in told
    assert 'eoi_delivery_seconds_count{courier="smtp"} 1.0' in told


def test_a_mail_server_is_waited_for_as_long_as_the_environment_says(new_app: NewApp) -> None:
    """One that says nothing holds a worker no longer than that."""
    with Scripted(lambda line: line.hear()) as post:
        app = new_app(
            EOI_SMTP_URL=f"smtp+plain://127.0.0.1:{post.port}",
            EOI_SMTP_SENDER=TO,
            EOI_SMTP_TIMEOUT_S="0.1",
        )
        begun_s = time.monotonic()
        _happen(app, via="smtp")
        assert time.monotonic() - begun_s < SOON_S
    (waiting,) = app.engine.deliveries(state="pending")
    assert waiting.last_error == "The mail server did not answer in time."


def test_notify_is_asked_where_and_as_the_environment_says(new_app: NewApp, clock: FrozenClock) -> None:
    """There, under that key, by that template, with that address for replies."""
    with Notify(clock) as notify:
        app = new_app(
            EOI_NOTIFY_URL=notify.url,
            EOI_NOTIFY_KEY=KEY,
            EOI_NOTIFY_TEMPLATES=f"eoi.submitted={SUBMITTED}, call.*={CALLS}",
            EOI_NOTIFY_REPLY_TO=REPLY_TO,
        )
        _happen(app, via="notify")
        app.close()
    (given,) = notify.given
    assert (given["email_address"], given["template_id"]) == (TO, SUBMITTED)
    assert given["email_reply_to_id"] == REPLY_TO
    assert b'eoi_deliveries_total{courier="notify",outcome="delivered"} 1.0' in app.metrics.text()


TRACED = """
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags


class Tracer(trace.Tracer):
    def start_span(self, name, *_, **more):
        print(name, more["attributes"]["eoi.event.type"])
        return NonRecordingSpan(SpanContext(1, 1, False, TraceFlags(1)))

    def start_as_current_span(self, *_, **__):
        raise NotImplementedError


class Provider(trace.TracerProvider):
    def get_tracer(self, name, *_, **__):
        return Tracer() if name == "eoi-workflow" else trace.NoOpTracer()


from adapters.bootstrap import build
from adapters.settings import Settings
from workflow.testing import FrozenClock, new_call, officer

app = build(Settings(database_url={url!r}), clock=FrozenClock())
trace.set_tracer_provider(Provider())
app.engine.create()
app.engine.open_call(new_call(), actor=officer())
app.runner.once()
app.close()
"""


def test_each_attempt_is_a_span_of_the_hosts(tmp_path: Path) -> None:
    """Whoever sets a tracer up, though it be after the program was put together, sees what was delivered."""
    with python(TRACED.format(url=str(tmp_path / "eoi.db"))) as process:
        said, wrong = process.communicate(timeout=60)
    assert "eoi deliver log call.opened" in said.splitlines(), wrong


def test_what_was_delivered_is_kept_as_long_as_the_environment_says(
    new_app: NewApp, clock: FrozenClock
) -> None:
    """Seven days, to the instant."""
    app = new_app(EOI_KEEP_DELIVERIES_DAYS="7")
    app.engine.open_call(new_call(), actor=officer())
    app.runner.once()
    clock.move_by(days=7, microseconds=-1)
    assert app.engine.forget_deliveries() == 0
    clock.move_by(microseconds=1)
    assert app.engine.forget_deliveries() == 1


@pytest.mark.parametrize(("said", "step_s"), [({}, smtp.TIMEOUT_S), ({"EOI_SMTP_TIMEOUT_S": "60"}, 60.0)])
def test_a_delivery_is_ours_for_longer_than_any_letter_takes(
    new_app: NewApp, said: dict[str, str], step_s: float
) -> None:
    """However patient letters are told to be, no other node writes the same one meanwhile."""
    app = new_app(EOI_SMTP_URL="smtp://mail.council.example", EOI_SMTP_SENDER=TO, **said)
    assert (
        app.runner._pump._lease_s * (1 - BEGIN_WITHIN) >= smtp.STEPS * step_s > LEASE_S * (1 - BEGIN_WITHIN)
    )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://10.0.0.1/eoi", "10.0.0.1 is not on the public internet"),
        ("http://localhost:8080/eoi", "localhost is not on the public internet"),
        ("http://council.example/eoi", "http sends events in clear text"),
        ("https://council.example:444/eoi", "Port 444 is not one of a public receiver"),
        ("https://2130706433/eoi", "'2130706433' reads like an address in an odd spelling"),
    ],
)
def test_a_host_adds_no_webhook_that_the_settings_keep_from_there(
    new_app: NewApp, url: str, why: str
) -> None:
    """It is told at once, as by every other door: what is kept would wait for days. No name is looked up."""
    app = new_app(EOI_WEBHOOK_ALLOW="10.0.0.2, inside.example")
    with pytest.raises(BadInput, match=f"^{re.escape(why)}") as refused:
        app.engine.add_endpoint(url, actor=officer())
    assert refused.value.field == "url"
    with pytest.raises(RoleMissing):
        app.engine.add_endpoint(url, actor=school())
    assert app.engine.endpoints() == []
    for allowed in ("https://10.0.0.2/eoi", "http://inside.example:8080/eoi", "https://council.invalid/eoi"):
        app.engine.add_endpoint(allowed, actor=officer())


def test_an_engine_without_settings_knows_none(new_engine: NewEngine) -> None:
    """Whoever makes it alone says what webhooks may reach; letters have no URL to look at."""
    new_engine().add_endpoint("http://10.0.0.1/eoi", actor=officer())
    asked: list[str] = []
    engine = new_engine(vet_url=asked.append)
    engine.add_endpoint("http://10.0.0.1/eoi", actor=officer())
    engine.add_endpoint(TO, via="smtp", actor=officer())
    assert asked == ["http://10.0.0.1/eoi"]
