"""The engine alone, put together as the settings say, for who closes and delivers nothing."""

from functools import partial

import sqlalchemy

from adapters.inbound.event_table import handles_in
from adapters.settings import Settings
from workflow import Engine
from workflow.ports import Clock, Vault
from workflow.vault import PlainVault


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
        keep_deliveries_days=settings.keep_deliveries_days,
        keep_jobs_days=settings.keep_jobs_days,
        pool_size=settings.pool_size,
        vault=vault_of(settings),
        handles=handles_in(settings.events),
        unknown_events=settings.events_unknown,
        vet_url=partial(_vet_url, settings),
    )


def vault_of(settings: Settings) -> Vault:
    """Return what seals secrets: nothing, where no key was given.

    Raises:
        BadInput: what was given is no key.
    """
    keys = [key.strip() for key in settings.secret_key.get_secret_value().split(",") if key.strip()]
    if not keys:
        return PlainVault()
    from adapters.vault import KeyedVault  # noqa: PLC0415 -- cryptography takes its time, and few commands need it

    return KeyedVault(keys)


def _vet_url(settings: Settings, url: str) -> None:
    from adapters.outbound.addresses import Allow, vet  # noqa: PLC0415 -- httpx takes its time, as above

    vet(url, Allow.parse(settings.webhook_allow))
