"""Through which somebody comes in: who asks, and what is asked, a database here or a server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.cli.reach import Reach, is_open_to_all
from adapters.cli.telling import Teller
from adapters.cli.waiting import waits_aloud

if TYPE_CHECKING:
    from adapters.client import Client
    from adapters.face import Face
    from adapters.settings import Settings
    from adapters.trying import Tried
    from states.facts import Actor
    from workflow import Engine

#: Who asks where the key says so.
_KEY_HOLDER: Final = "holder-of-the-key"


@dataclass(frozen=True, kw_only=True)
class Door:
    """Through which somebody comes in: what they said of themselves, and how they want to be answered."""

    db: str | None = None
    server: str | None = None
    server_key: str | None = field(default=None, repr=False)
    key_file: Path | None = None
    insecure_http: bool = False
    acting_as: str | None = None
    role: tuple[str, ...] = ()
    organisation: tuple[str, ...] = ()
    json: bool = False
    #: The command's whole name: `eoi key list`.
    command: str = "eoi"

    def also(self, **said: Any) -> "Door":  # noqa: ANN401 -- as `EVERYWHERE` has them
        """Return this door with what was said besides; the later word counts."""
        heard = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
        told: dict[str, Any] = {name: value for name, value in heard.items() if value}
        return replace(self, **told)

    @property
    def tell(self) -> Teller:
        """Tells the answer."""
        return Teller(json=self.json)

    @cached_property
    def settings(self) -> "Settings":
        """What the environment says, and the options instead of it; it is read once.

        Raises:
            BadInput: a value that cannot be used.
        """
        from adapters.settings import Settings

        said = {
            "database_url": self.db,
            "acting_as": self.acting_as,
            "roles": self.role,
            "organisations": self.organisation,
        }
        return Settings(**{name: value for name, value in said.items() if value})

    def actor(self) -> "Actor":
        """Return who asks; the system's user, without a role, where nobody is named.

        Raises:
            BadInput: an unknown role, or an id that cannot be one.
        """
        from states.facts import Actor

        settings = self.settings
        if self._reach.server_in(settings) is not None:
            return Actor(_KEY_HOLDER, via="cli")
        return Actor(settings.acting_as or _system_user(), settings.roles, settings.organisations, via="cli")

    def reader(self) -> "Actor | None":
        """Return who reads; None, who sees all, where nobody is named: they hold the database anyway.

        None, too, where a server is asked: its key says who reads.
        """
        settings = self.settings
        named = settings.acting_as or settings.roles or settings.organisations
        return self.actor() if named and self._reach.server_in(settings) is None else None

    def asker(self, asked: "Face") -> "Actor":
        """Return who asks, with all that they may; of a key its server says so.

        Args:
            asked: what `engine` lends.

        Raises:
            BadInput: as `actor`.
        """
        if not self.asks_server:
            return self.actor()
        from adapters.client import Client

        assert isinstance(asked, Client)  # noqa: S101 -- that is what `engine` lends then
        return asked.who_asks()

    @property
    def asks_server(self) -> bool:
        """Whether a server is asked, and no database is here."""
        return self._reach.server_in(self.settings) is not None

    @contextmanager
    def engine(self, *, hears_events: bool = False) -> Iterator["Face"]:
        """Lend what is asked: a server, or the database; where nothing is there yet, make it, and say so.

        Args:
            hears_events: whether it knows what events from elsewhere fire; a server knows by itself.
        """
        if self.asks_server:
            with self._client() as client:
                yield client
        else:
            with self._database(hears_events=hears_events) as engine:
                self.make_if_missing(engine)
                yield engine

    @contextmanager
    def engine_as_it_is(self) -> Iterator["Face"]:
        """Lend what is asked, whatever is there; nothing is opened before it is used."""
        with self._client() if self.asks_server else self._database() as asked:
            yield asked

    @contextmanager
    def database(self) -> Iterator["Engine"]:
        """Lend an engine on the database; where nothing is there yet, make it, and say so."""
        with self.database_as_it_is() as engine:
            self.make_if_missing(engine)
            yield engine

    @contextmanager
    def database_as_it_is(self) -> Iterator["Engine"]:
        """Lend an engine on the database, whatever is there; nothing is opened before it is used."""
        self.require_database()
        with self._database() as engine:
            yield engine

    def require_database(self) -> None:
        """Let pass where no server is asked.

        Raises:
            BadParameter: one is; this command needs the database.
        """
        self._reach.refuse_server(self.settings, self.command)

    @property
    def _reach(self) -> Reach:
        return Reach(
            db=self.db,
            server=self.server,
            key=self.server_key,
            key_file=self.key_file,
            insecure_http=self.insecure_http,
            names_somebody=bool(self.acting_as or self.role or self.organisation),
        )

    def _client(self) -> "Client":
        settings = self.settings
        server = self._reach.server_in(settings) or ""
        if self.key_file is not None and is_open_to_all(self.key_file):
            self.tell.aside(f"Everybody on this machine may read {self.key_file}: chmod 600 keeps the key.")
        return self._reach.client_in(settings, server, pause=waits_aloud(self.tell))

    @contextmanager
    def _database(self, *, hears_events: bool = False) -> Iterator["Engine"]:
        from adapters.core import build_engine

        settings = self.settings
        with build_engine(settings if hears_events else settings.without_events()) as engine:
            yield engine

    def tried(self, endpoint_id: str) -> "tuple[str, Tried]":
        """Let a ping go to a webhook, from the server or from here; return where to, and what came of it."""
        if self.asks_server:
            with self._client() as client:
                return client.endpoint(endpoint_id).url, client.try_endpoint(endpoint_id)
        from adapters.bootstrap import build
        from adapters.trying import tried

        with closing(build(self.settings)) as app:
            self.make_if_missing(app.engine)
            actor = self.actor()
            url = app.engine.endpoint(endpoint_id, actor=actor).url
            return url, tried(endpoint_id, *app.try_endpoint(endpoint_id, actor=actor))

    def make_if_missing(self, engine: "Engine") -> None:
        """Make the tables where nothing is yet, and say so: a slip in the database's name shows like that."""
        if engine.create():
            self.tell.aside(f"There was no database yet, so it was made: {self.place()}")

    def place(self) -> str:
        """Return where the rows are, for people; without a password."""
        from adapters.settings import place

        return place(self.settings.database_url)


def _system_user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return "unknown-user"
