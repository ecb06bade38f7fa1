"""What every command shares: the options that stand everywhere, who asks, and how an error ends it.

`command` turns a function of a `Door` and its own parameters into a command of the line: it adds the
options that stand everywhere, before the command's name and after it, and turns errors into an exit status.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from adapters.cli.telling import AnswerLost, Teller
from states.errors import EoiError, Refused

if TYPE_CHECKING:
    from adapters.settings import Settings
    from states.facts import Actor
    from workflow import Engine

#: The exit status of what was refused or failed.
FAILED: Final = 1

_EVERYWHERE: Final = {
    "db": Annotated[
        str | None,
        typer.Option(
            "--db",
            metavar="URL",
            help="The database's URL, or the path of an SQLite file.  [EOI_DATABASE_URL, else eoi.db]",
        ),
    ],
    "acting_as": Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Who asks: an opaque id.  [EOI_AS, else the system's user]"
        ),
    ],
    "role": Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="A role they hold; may be repeated.  [EOI_ROLES]"),
    ],
    "organisation": Annotated[
        list[str] | None,
        typer.Option(
            "--organisation",
            metavar="ID",
            help="An organisation they act for; may be repeated.  [EOI_ORGANISATIONS]",
        ),
    ],
    "json": Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")],
}


#: The code of a refusal, or the field at fault -> how to mend it on the command line.
_HINTS: Final = {
    "role-missing": "Say who asks: --as NAME --role ROLE, or EOI_AS and EOI_ROLES for the whole shell.",
    "not-your-organisation": "Say for whom: --organisation ID, or EOI_ORGANISATIONS for the whole shell.",
    "applicant": "Say for whom: --organisation ID, and --applicant ID where they act for several.",
    "reason-missing": "Say why: --reason TEXT.",
    "closes-at-missing": "Say until when: --closes-on DATE or --closes-at TIME.",
    "opens-in-future": "To open it now, give a time that has passed: --opens-at TIME.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Through which somebody comes in: what they said of themselves, and how they want to be answered."""

    db: str | None = None
    acting_as: str | None = None
    role: tuple[str, ...] = ()
    organisation: tuple[str, ...] = ()
    json: bool = False

    def also(
        self,
        *,
        db: str | None,
        acting_as: str | None,
        role: list[str] | None,
        organisation: list[str] | None,
        json: bool,
    ) -> "Door":
        """Return this door with what was said besides; the later word counts."""
        return replace(
            self,
            db=db or self.db,
            acting_as=acting_as or self.acting_as,
            role=tuple(role or self.role),
            organisation=tuple(organisation or self.organisation),
            json=json or self.json,
        )

    @property
    def tell(self) -> Teller:
        """Tells the answer."""
        return Teller(json=self.json)

    def settings(self) -> "Settings":
        """Return what the environment says, and the options instead of it.

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

        settings = self.settings()
        return Actor(settings.acting_as or _system_user(), settings.roles, settings.organisations, via="cli")

    def reader(self) -> "Actor | None":
        """Return who reads; None, who sees all, where nobody is named: they hold the database anyway."""
        settings = self.settings()
        named = settings.acting_as or settings.roles or settings.organisations
        return self.actor() if named else None

    @contextmanager
    def engine(self, *, hears_events: bool = False) -> Iterator["Engine"]:
        """Lend an engine on the database; where nothing is there yet, make it, and say so.

        Args:
            hears_events: whether it knows what events from elsewhere fire.
        """
        with self.engine_as_it_is(hears_events=hears_events) as engine:
            self.make_if_missing(engine)
            yield engine

    @contextmanager
    def engine_as_it_is(self, *, hears_events: bool = False) -> Iterator["Engine"]:
        """Lend an engine on the database, whatever is there; nothing is opened before it is used."""
        from adapters.core import build_engine

        settings = self.settings()
        with build_engine(settings if hears_events else settings.without_events()) as engine:
            yield engine

    def make_if_missing(self, engine: "Engine") -> None:
        """Make the tables where nothing is yet, and say so: a slip in the database's name shows like that."""
        if engine.create():
            self.tell.aside(f"There was no database yet, so it was made: {self.place()}")

    def place(self) -> str:
        """Return where the rows are, for people; without a password."""
        from adapters.settings import place

        return place(self.settings().database_url)


def command(
    app: typer.Typer, name: str, *, examples: str = "", streams: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Enter a function as a command; its first parameter is the `Door`, the rest are its own.

    Args:
        app: where to enter it.
        name: the word to call it by.
        examples: command lines that show how it is used, one a line.
        streams: with --json it writes one document a line, among which an error is none.
    """

    def enter(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function).parameters.values())[1:]

        @functools.wraps(function)
        def run(context: typer.Context, **given: Any) -> None:  # noqa: ANN401 -- a command's own parameters
            door = context.obj.also(**{each: given.pop(each) for each in _EVERYWHERE})
            with ending_well(door, streams=streams):
                function(door, **given)

        sign(run, own)
        app.command(name, epilog=_epilog(examples))(run)
        return function

    return enter


def everywhere(context: typer.Context, **given: Any) -> None:  # noqa: ANN401 -- as `command`
    """Keep what was said before the command's name; a group's name stands after that of the program."""
    context.obj = (context.obj or Door()).also(**{each: given[each] for each in _EVERYWHERE})


def sign(function: Callable[..., None], own: list[inspect.Parameter]) -> None:
    """Let typer see the context, the function's own parameters, and the options that stand everywhere."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter(name, keyword, annotation=kind, default=False if name == "json" else None)
        for name, kind in _EVERYWHERE.items()
    ]
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *(each.replace(kind=keyword) for each in own), *shared]
    vars(function)["__signature__"] = inspect.Signature(parameters)  # PEP 362
    function.__annotations__ = {each.name: each.annotation for each in parameters}


sign(everywhere, [])


@contextmanager
def ending_well(door: Door, *, streams: bool) -> Iterator[None]:
    """Turn an error into words and an exit status.

    Args:
        door: tells it.
        streams: on stdout stands something else, among which an error is none.
    """
    try:
        yield
    except EoiError as error:
        door.tell.error(error, hint=_hint(error), beside=streams)
        raise typer.Exit(FAILED) from None
    except AnswerLost as exc:
        door.tell.aside(f"What was asked for is done, but the answer could not be written: {exc}.")
        raise typer.Exit(FAILED) from None


def _hint(error: EoiError) -> str | None:
    """Return how to say here what was missing."""
    said = {error.code, getattr(error, "field", None)}
    if isinstance(error, Refused):
        said |= {reason.code for reason in error.reasons}
    return " ".join(hint for what, hint in _HINTS.items() if what in said) or None


def _epilog(examples: str) -> str | None:
    lines = [line.strip() for line in examples.strip().splitlines()]
    # \b keeps the lines as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)]) if examples else None


def _system_user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return "unknown-user"
