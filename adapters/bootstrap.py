"""The composition root: what exists, and who gets what. The only importer of scheduler."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import sqlalchemy

from adapters.core import build_engine, vault_of
from adapters.jobs.exporting import ExportWork
from adapters.jobs.importing import ImportWork
from adapters.metrics import MeasuredCourier, Metrics
from adapters.outbound import webhook
from adapters.outbound.addresses import Allow
from adapters.outbound.log import LogCourier
from adapters.outbound.unset import UnsetCourier
from adapters.settings import Settings
from adapters.spans import Spans, TracedCourier
from scheduler import Runner, RunReport
from scheduler.pump import BEGIN_WITHIN
from scheduler.runner import GRACE_S
from workflow import Actor, Engine, JobWork
from workflow.clock import SystemClock
from workflow.outbox import LEASE_S
from workflow.ports import Clock, Courier, Outcome

__all__ = ["GRACE_S", "App", "RunReport", "build", "build_engine", "couriers_of", "works_of"]


@runtime_checkable
class Closing(Protocol):
    """What holds connections."""

    def close(self) -> None:
        """Close them."""
        ...


@dataclass(frozen=True, slots=True)
class App:
    """The whole program: started by `with`, and closed by it.

    Attributes:
        engine: the use cases.
        runner: closes calls at their deadlines, delivers events.
        metrics: what Prometheus is told.
        settings: as which it was put together.
    """

    engine: Engine
    runner: Runner
    metrics: Metrics
    settings: Settings
    _couriers: Mapping[str, Courier]

    def start(self) -> None:
        """Make the tables where nothing is yet; close what fell due meanwhile; run in the background.

        Raises:
            DatabaseUnavailable: it cannot be opened or written, or holds tables that are not this version's.
            RuntimeError: it was started before this process was forked.
        """
        if not self.runner.is_of_another_process:  # a lock that was held as it forked is never given back
            self.engine.create()
            self.engine.require_writable()  # says at once what is wrong with the database
        self.runner.start()

    def close(self) -> None:
        """Let what is on its way end, then stop; a host's engine stays open.

        What was started before this process was forked goes on in the other one, with its connections.
        """
        self.runner.stop()
        if not self.runner.is_of_another_process:
            for courier in self._couriers.values():
                if isinstance(courier, Closing):
                    courier.close()
        self.engine.close()

    def try_endpoint(self, endpoint_id: str, *, actor: Actor) -> tuple[Outcome, float]:
        """Send a ping to a webhook now; return how that ended, and how long it took, in seconds.

        Raises:
            BadInput: it is no webhook.
            NotFound: there is none with that id.
            Refused: `role-missing`: no officer, no admin.
        """
        ping, begun_s = self.engine.ping(endpoint_id, actor=actor), time.monotonic()
        return self._couriers[ping.courier].deliver(ping), time.monotonic() - begun_s

    def __enter__(self) -> Self:
        """Start."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


def build(
    settings: Settings,
    engine: sqlalchemy.Engine | None = None,
    *,
    clock: Clock | None = None,
    sweeps: bool = True,
    delivers: bool = True,
    works: bool = True,
) -> App:
    """Put the program together; nothing runs before it is started. Build it after a fork.

    Args:
        settings: what the environment or the host says.
        engine: a host's own SQLAlchemy engine, instead of the settings' database.
        clock: anything with `now() -> aware datetime`; None: the system's.
        sweeps: whether the runner closes calls; else another process must.
        delivers: whether it delivers events; else another process must.
        works: whether it does jobs; else another process must.

    Raises:
        BadInput: settings that cannot be used.
    """
    core = build_engine(settings, engine, clock=clock)
    couriers = couriers_of(settings, clock or SystemClock())
    metrics, spans = Metrics(couriers), Spans()
    core.on("*", metrics.event)
    runner = Runner(
        core,
        {
            name: MeasuredCourier(TracedCourier(courier, spans), metrics, name=name)
            for name, courier in couriers.items()
        },
        lease_s=max(LEASE_S, _longest_s(settings) / (1 - BEGIN_WITHIN)),
        sweeps=sweeps,
        delivers=delivers,
        works=works_of(core) if works else {},
    )
    metrics.watch(runner.health, core.outbox.waiting, core.job_queue.waiting)
    return App(core, runner, metrics, settings, couriers)


def works_of(engine: Engine) -> dict[str, JobWork]:
    """Return what does jobs: kind -> how."""
    return {"import": ImportWork(engine), "export": ExportWork(engine)}


def couriers_of(settings: Settings, clock: Clock) -> dict[str, Courier]:
    """Return who carries: name -> courier. Some hold connections, and are `Closing`.

    Args:
        settings: whom they may ask, and as whom.
        clock: asked at each attempt, so it must not be a trip to the database.

    Raises:
        BadInput: settings that cannot be used.
    """
    return {
        "log": LogCourier(),
        "webhook": webhook.WebhookCourier(
            clock=clock,
            allow=Allow.parse(settings.webhook_allow),
            vault=vault_of(settings),
            timeout_s=settings.webhook_timeout_s,
        ),
        "smtp": _smtp(settings, clock),
        "notify": _notify(settings, clock),
    }


def _smtp(settings: Settings, clock: Clock) -> Courier:
    url = settings.smtp_url.get_secret_value()
    if not url:
        return UnsetCourier("EOI_SMTP_URL")
    # What writes calendars takes memory that only who sends letters needs to give.
    from adapters.outbound import smtp  # noqa: PLC0415 -- as above
    from adapters.outbound.letters import Letters  # noqa: PLC0415 -- as above
    from adapters.outbound.mail.mailboxes import Sender  # noqa: PLC0415 -- as above
    from adapters.outbound.mail.server import MailServer  # noqa: PLC0415 -- as above

    return smtp.SmtpCourier(
        MailServer.parse(url),
        sender=Sender.parse(settings.smtp_sender),
        letters=Letters(Path(settings.letters) if settings.letters else None),
        clock=clock,
        timeout_s=settings.smtp_timeout_s or smtp.TIMEOUT_S,
    )


def _notify(settings: Settings, clock: Clock) -> Courier:
    key = settings.notify_key.get_secret_value()
    if not key:
        return UnsetCourier("EOI_NOTIFY_KEY")
    # What signs tokens brings all of `cryptography` along.
    from adapters.outbound.govuk_notify import BASE_URL, NotifyCourier  # noqa: PLC0415 -- as above
    from adapters.outbound.notify_words import Templates  # noqa: PLC0415 -- as above

    return NotifyCourier(
        key,
        Templates.parse(settings.notify_templates),
        clock=clock,
        base_url=settings.notify_url or BASE_URL,
        reply_to=settings.notify_reply_to or None,
    )


def _longest_s(settings: Settings) -> float:
    """Return how long the longest attempt of any courier may take, in seconds."""
    return max(webhook.longest_attempt_s(settings.webhook_timeout_s), _by_mail_s(settings))


def _by_mail_s(settings: Settings) -> float:
    if not settings.smtp_url.get_secret_value():
        return 0.0
    from adapters.outbound import smtp  # noqa: PLC0415 -- as in `_smtp`

    return smtp.STEPS * (settings.smtp_timeout_s or smtp.TIMEOUT_S)
