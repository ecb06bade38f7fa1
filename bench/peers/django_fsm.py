"""django-fsm-2: the state of a Django model; history and outbox rows by Django's ORM, in one transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import uuid4

from bench import seed
from bench.contest import SQLITE, Contender, Place, Prepare
from bench.raw import file_of, raw


class Models(NamedTuple):
    """The three tables, and what else is used of Django."""

    call: Any
    eoi: Any
    history: Any
    outbox: Any
    atomic: Any


@contextmanager
def one(place: Place) -> Iterator[Prepare]:
    """Submit one EOI after the other, each in a transaction of its own."""
    models = set_up(place)

    def prepare(count: int) -> Callable[[], None]:
        call = new_call(models)
        waiting = new_drafts(models, call, count)
        _settle(place)

        def go() -> None:
            for eoi_id in waiting:
                with models.atomic():
                    eoi = (
                        models.eoi.objects.select_related("call")
                        .select_for_update(of=_of(place))
                        .get(pk=eoi_id)
                    )
                    eoi.submit()
                    record(models, eoi, "submit", "draft")

        return go

    yield prepare


@contextmanager
def many(place: Place) -> Iterator[Prepare]:
    """Close a call: one draft after the other lapses, all in one transaction."""
    models = set_up(place)

    def prepare(count: int) -> Callable[[], None]:
        calls = [new_call(models) for _ in range(count)]
        for call in calls:
            new_drafts(models, call, place.size)
            new_drafts(models, call, place.size, state="submitted")
        _settle(place)

        def go() -> None:
            for call in calls:
                with models.atomic():
                    for eoi in (
                        models.eoi.objects.select_related("call").filter(call=call, state="draft").iterator()
                    ):
                        eoi.lapse()
                        record(models, eoi, "lapse", "draft")
                    call.state = "closed"
                    call.save(update_fields=["state"])

        return go

    yield prepare


def set_up(place: Place) -> Models:
    """Configure Django for this process and make the tables."""
    import django  # noqa: PLC0415 -- a peer
    from django.conf import settings  # noqa: PLC0415 -- a peer

    settings.configure(DATABASES={"default": _database(place)}, USE_TZ=True, TIME_ZONE="UTC")
    django.setup()
    from django.db import connection, transaction  # noqa: PLC0415 -- a peer

    models = _models(transaction.atomic)
    with connection.schema_editor() as editor:
        for model in models[:4]:
            editor.create_model(model)
    return models


def new_call(models: Models) -> Any:  # noqa: ANN401 -- a model of Django
    """Write an open call."""
    now = datetime.now(UTC)
    call_id = str(uuid4())
    return models.call.objects.create(
        id=call_id, reference=call_id[:13], state="open", opens_at=now, closes_at=now + timedelta(days=30)
    )


def new_drafts(models: Models, call: Any, count: int, *, state: str = "draft") -> list[str]:  # noqa: ANN401 -- a model of Django
    """Write so many EOIs; return their ids."""
    prefix, now = str(uuid4())[:24], datetime.now(UTC)
    fields: dict[str, Any] = {"version": 1, "digest": seed.DIGEST, "created_at": now, "updated_at": now}
    rows = [
        models.eoi(
            id=f"{prefix}{number:012d}", call=call, applicant=f"{prefix[:4]}{number}", state=state, **fields
        )
        for number in range(count)
    ]
    models.eoi.objects.bulk_create(rows, batch_size=500)
    return [str(row.id) for row in rows]


def record(models: Models, eoi: Any, trigger: str, source: str) -> None:  # noqa: ANN401 -- a model of Django
    """Write down a transition that was made in memory: the EOI, its history, its event."""
    now = datetime.now(UTC)
    eoi.version += 1
    eoi.updated_at = now
    if trigger == "submit":
        eoi.submitted_at = now
    eoi.save(update_fields=["state", "version", "updated_at", "submitted_at"])
    models.history.objects.create(
        subject_id=eoi.id,
        seq=eoi.version,
        trigger=trigger,
        source=source,
        target=eoi.state,
        actor="head",
        via="python",
        at=now,
        recorded_at=now,
        digest=eoi.digest,
    )
    models.outbox.objects.create(
        type=f"eoi.{eoi.state}",
        call_id=eoi.call_id,
        eoi_id=eoi.id,
        source=source,
        state=eoi.state,
        version=eoi.version,
        at=now,
        recorded_at=now,
        closes_at=eoi.call.closes_at,
        fanned_out=False,
    )


def _of(place: Place) -> tuple[str, ...]:
    return () if place.database == SQLITE else ("self",)


def _settle(place: Place) -> None:
    with raw(place) as opened:
        opened.settle()


def _database(place: Place) -> dict[str, Any]:
    if place.database == SQLITE:
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        options = {"transaction_mode": "IMMEDIATE", "init_command": pragmas, "timeout": 30}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file_of(place.url)), "OPTIONS": options}
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 -- where it is PostgreSQL

    told = conninfo_to_dict(place.url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": told.get("dbname"),
        "USER": told.get("user", ""),
        "PASSWORD": told.get("password", ""),
        "HOST": told.get("host", ""),
        "PORT": str(told.get("port", "")),
        "CONN_MAX_AGE": None,
        "OPTIONS": {"server_side_binding": True},
    }


def _models(atomic: Any) -> Models:  # noqa: ANN401 -- Django's
    from django.db import models  # noqa: PLC0415 -- a peer
    from django_fsm import FSMField, transition  # noqa: PLC0415 -- a peer

    word, id_ = {"max_length": 32}, {"max_length": 36}

    class Call(models.Model):
        id = models.CharField(primary_key=True, **id_)
        reference = models.CharField(unique=True, max_length=200)
        state = models.CharField(**word)
        opens_at = models.DateTimeField()
        closes_at = models.DateTimeField()

        class Meta:
            app_label = "peer"

    def is_open(eoi: Any) -> bool:  # noqa: ANN401 -- the model below
        return bool(eoi.call.state == "open" and datetime.now(UTC) < eoi.call.closes_at)

    class Eoi(models.Model):
        id = models.CharField(primary_key=True, **id_)
        call = models.ForeignKey(Call, on_delete=models.PROTECT, db_index=False)
        applicant = models.CharField(max_length=200)
        state = FSMField(default="draft", protected=False, max_length=32)
        version = models.IntegerField()
        digest = models.CharField(max_length=64)
        created_at = models.DateTimeField()
        updated_at = models.DateTimeField()
        submitted_at = models.DateTimeField(null=True)

        class Meta:
            app_label = "peer"
            indexes = (
                models.Index(fields=["call", "state", "id"], name="by_state"),
                models.Index(fields=["applicant", "id"], name="by_applicant"),
            )

        @transition(field=state, source="draft", target="submitted", conditions=[is_open])
        def submit(self) -> None:
            """Hand it in."""

        @transition(field=state, source="draft", target="lapsed")
        def lapse(self) -> None:
            """Let it lapse."""

    class History(models.Model):
        subject_id = models.CharField(**id_)
        seq = models.IntegerField()
        trigger = models.CharField(**word)
        source = models.CharField(null=True, **word)
        target = models.CharField(**word)
        actor = models.CharField(max_length=200)
        via = models.CharField(max_length=32)
        at = models.DateTimeField()
        recorded_at = models.DateTimeField()
        digest = models.CharField(max_length=64)

        class Meta:
            app_label = "peer"
            constraints = (models.UniqueConstraint(fields=["subject_id", "seq"], name="once"),)

    class Outbox(models.Model):
        type = models.CharField(**word)
        call_id = models.CharField(**id_)
        eoi_id = models.CharField(null=True, **id_)
        source = models.CharField(null=True, **word)
        state = models.CharField(**word)
        version = models.IntegerField()
        at = models.DateTimeField()
        recorded_at = models.DateTimeField()
        closes_at = models.DateTimeField()
        fanned_out = models.BooleanField()

        class Meta:
            app_label = "peer"
            indexes = (models.Index(fields=["id"], condition=models.Q(fanned_out=False), name="waiting"),)

    return Models(Call, Eoi, History, Outbox, atomic)


ONE: Final = Contender(
    name="django-fsm-2", title="transition and three rows by Django's ORM", play=one, package="django-fsm-2"
)
MANY: Final = Contender(
    name="django-fsm-2",
    title="a loop of transitions, one transaction",
    play=many,
    package="django-fsm-2",
    sizes=(100, 1_000),
)
