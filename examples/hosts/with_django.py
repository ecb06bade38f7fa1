"""A Django service with users, rows and a log of its own, which asks the engine in Python.

    pip install eoi-workflow django gunicorn
    python with_django.py migrate
    gunicorn --config gunicorn.conf.py --workers 4 "with_django:application()"

In one file, so that it can be read; in a project `application` stands in wsgi.py, `eoi_session` in a module
of its own. Our rows are in Django's database, SQLite or PostgreSQL (by psycopg 3), in tables that Django does
not manage. It needs no FastAPI.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command, execute_from_command_line
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST
from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.orm import Session

from adapters.bootstrap import App, build
from adapters.documents import to_json
from adapters.settings import Settings
from workflow import Actor, BadInput, EoiError, NotFound, Refused


def _database(url: str) -> dict[str, Any]:
    """Return as Django's the database that a URL names. In a project it stands in settings.py."""
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///")).resolve()
        immediate = {"transaction_mode": "IMMEDIATE"}  # a transaction that will write takes its lock first
        tests = {
            "NAME": file.with_suffix(".test.db")
        }  # in memory, as Django would have it, we see no row of it
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": immediate, "TEST": tests}
    at = make_url(url)
    host, port = at.host or at.query.get("host", ""), at.port or ""
    who = {"USER": at.username or "", "PASSWORD": at.password or "", "HOST": host, "PORT": port}
    return {"ENGINE": "django.db.backends.postgresql", "NAME": at.database, **who}


if not settings.configured:
    settings.configure(
        SECRET_KEY="change-me",  # noqa: S106 -- an example's
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            f"{__name__}.EoiErrors",
        ],
        DATABASES={"default": _database(Settings().database_url)},
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,  # else loggers that are there before are silent from now on
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "loggers": {"eoi": {"handlers": ["console"], "level": "INFO"}},
        },
    )
    django.setup()


#: The groups of Django's that are roles of the engine's; what other groups there are is nothing to it.
ROLES = {"officer", "reviewer", "decider", "auditor", "admin"}
#: Django's name of a database -> how SQLAlchemy speaks to it.
SPOKEN: dict[str, dict[str, Any]] = {
    "sqlite": {"url": "sqlite://"},
    "postgresql": {"url": "postgresql+psycopg://", "use_native_hstore": False},
}


class Booking(models.Model):
    """A row of the host's own: rooms that are kept for an EOI, five at the most."""

    eoi_id = models.CharField(primary_key=True, max_length=36)
    rooms = models.IntegerField()

    class Meta:
        """In a project it stands in an app's models.py, and in its migrations."""

        app_label = "host"
        constraints = (models.CheckConstraint(condition=models.Q(rooms__lte=5), name="five_rooms"),)

    def __str__(self) -> str:
        """Say which, and how many."""
        return f"{self.rooms} for {self.eoi_id}"


@cache
def eoi() -> App:
    """Return the engine with its runner, put together once; nothing runs before it is started."""
    return build(Settings())


class Service(WSGIHandler):
    """Django's program, in which gunicorn.conf.py finds what to start."""

    def __init__(self) -> None:
        """Put it together."""
        super().__init__()
        self.extensions = {"eoi": eoi()}


def application() -> Service:
    """Return the program."""
    return Service()


class _Lent:
    """Django's connection, lent to SQLAlchemy: Django alone commits it, rolls it back and closes it."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 -- a driver's
        self._connection = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- as above
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Leave it to Django."""

    rollback = close = commit


@cache
def _lender() -> Engine:
    """Return what takes for its connection the one that Django has in this thread."""
    own = SPOKEN[transaction.get_connection().vendor]
    return create_engine(
        **own, creator=lambda: _Lent(transaction.get_connection().connection), poolclass=NullPool
    )


@contextmanager
def eoi_session() -> Iterator[Session]:
    """Yield a `session=` for the engine in Django's transaction, which it begins unless there is one.

    What the engine writes by it is committed with Django's rows, or not at all; hooks hear of it after that.
    """
    with transaction.atomic():
        session = Session(_lender())
        yield session
        transaction.on_commit(session.commit)


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks, by Django's own users: a group `officer` is a role, `URN:121234` an organisation."""
    groups = {group.name for group in request.user.groups.all()}
    organisations = {name for name in groups if name.startswith("URN:")}
    roles = (groups & ROLES) | ({"applicant"} if organisations else set())
    return Actor(f"django-{request.user.pk}", roles=roles, organisations=organisations)


class EoiErrors:
    """Says in the host's own form what stands in the way; and who is not signed in is told so."""

    def __init__(self, get_response: Any) -> None:  # noqa: ANN401 -- Django's
        """Stand around `get_response`."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        if not request.user.is_authenticated:
            return JsonResponse({"error": "sign-in"}, status=401)
        response: HttpResponse = self._get_response(request)
        return response

    def process_exception(self, _: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer what the engine says; all else is Django's."""
        if not isinstance(error, EoiError):
            return None
        known = {NotFound: 404, BadInput: 400}
        status = known.get(type(error), 409 if isinstance(error, Refused) else 503)
        return JsonResponse({"error": error.code, "message": str(error)}, status=status)


def show(request: HttpRequest, eoi_id: str) -> HttpResponse:
    """Show an EOI to whom it is for; to all others there is none."""
    view = eoi().engine.get(eoi_id, actor=actor_of(request))
    return HttpResponse(to_json(view), content_type="application/json")


@require_POST
def submit_with_rooms(request: HttpRequest, eoi_id: str) -> HttpResponse:
    """Submit an EOI and book rooms for it: both are committed, or neither is."""
    actor = actor_of(request)
    with eoi_session() as session:
        receipt = eoi().engine.submit(eoi_id, actor=actor, session=session)
        booking = Booking.objects.create(eoi_id=eoi_id, rooms=int(request.POST["rooms"]))
    return JsonResponse({"state": receipt.state, "rooms": booking.rooms})


urlpatterns = [path("eois/<str:eoi_id>", show), path("eois/<str:eoi_id>/submit", submit_with_rooms)]


def migrate() -> None:
    """Make the tables: Django's, this file's, and ours."""
    call_command("migrate", verbosity=0)
    make_bookings()
    eoi().engine.migrate()


def make_bookings() -> None:
    """Make this file's table. In a project its app's migrations do."""
    connection = transaction.get_connection()
    if Booking._meta.db_table not in connection.introspection.table_names():  # noqa: SLF001 -- Django's public name
        with connection.schema_editor() as editor:
            editor.create_model(Booking)


if __name__ == "__main__":
    if sys.argv[1:] == ["migrate"]:
        migrate()
    else:
        execute_from_command_line(sys.argv)
