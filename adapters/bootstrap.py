"""The composition root: what exists, and who gets what. The only importer of scheduler."""

from dataclasses import dataclass
from typing import Self

import sqlalchemy

from adapters.outbound.addresses import Allow
from adapters.outbound.log import LogCourier
from adapters.outbound.webhook import STEPS, WebhookCourier
from adapters.settings import Settings
from scheduler import Runner, RunReport
from scheduler.pump import LEASE_S
from scheduler.runner import GRACE_S
from workflow import Engine
from workflow.ports import Clock

__all__ = ["GRACE_S", "App", "RunReport", "build", "build_engine"]


@dataclass(frozen=True, slots=True)
class App:
    """The whole program: started by `with`, and closed by it.

    Attributes:
        engine: the use cases.
        runner: closes calls at their deadlines, delivers events.
    """

    engine: Engine
    runner: Runner
    _webhook: WebhookCourier

    def start(self) -> None:
        """Make the tables where nothing is yet; close what fell due meanwhile; run in the background.

        Raises:
            DatabaseUnavailable: it cannot be opened or written, or holds tables that are not this version's.
        """
        self.engine.create()
        self.engine.require_writable()  # says at once what is wrong with the database
        self.runner.start()

    def close(self) -> None:
        """Let what is on its way end, then stop; a host's engine stays open."""
        self.runner.stop()
        self._webhook.close()
        self.engine.close()

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


def build(settings: Settings, engine: sqlalchemy.Engine | None = None, *, clock: Clock | None = None) -> App:
    """Put the program together; nothing runs before it is started. Build it after a fork.

    Args:
        settings: what the environment or the host says.
        engine: a host's own SQLAlchemy engine, instead of the settings' database.
        clock: anything with `now() -> aware datetime`; None: the system's.

    Raises:
        BadInput: settings that cannot be used.
    """
    core = build_engine(settings, engine, clock=clock)
    webhook = WebhookCourier(
        clock=core.clock, allow=Allow.parse(settings.webhook_allow), timeout_s=settings.webhook_timeout_s
    )
    runner = Runner(
        core,
        {"log": LogCourier(), "webhook": webhook},
        # Twice what an attempt takes: looking its name up is not counted there.
        lease_s=max(LEASE_S, 2 * STEPS * settings.webhook_timeout_s),
    )
    return App(core, runner, webhook)


def build_engine(
    settings: Settings, engine: sqlalchemy.Engine | None = None, *, clock: Clock | None = None
) -> Engine:
    """Put the engine alone together, for who closes and delivers nothing.

    Raises:
        BadInput: settings that cannot be used.
    """
    return Engine(
        settings.database_url if engine is None else engine,
        clock=clock,
        settle_s=settings.settle_s,
        lock_timeout_s=settings.lock_timeout_s,
        keep_keys_days=settings.keep_keys_days,
        pool_size=settings.pool_size,
    )
