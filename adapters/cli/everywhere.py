"""The options that stand everywhere: before a command's name, and after it."""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Final, get_args

import typer
from typer.core import TyperArgument, TyperOption

from adapters.cli.reach import OPTIONS

TyperParameter = TyperArgument | TyperOption

EVERYWHERE: Final[dict[str, Any]] = {
    "db": Annotated[
        str | None,
        typer.Option(
            "--db",
            metavar="URL",
            help="The database's URL, or the path of an SQLite file.  [EOI_DATABASE_URL, else eoi.db]",
        ),
    ],
    **OPTIONS,
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


@cache
def shared_options() -> tuple[TyperOption, ...]:
    """Return the options; typer makes them once, and every command has the same ones."""

    def said(**_: object) -> None:
        """Stand for any command."""

    keyword = inspect.Parameter.KEYWORD_ONLY
    sign(
        said,
        [
            inspect.Parameter(
                name, keyword, annotation=kind, default=False if bool in get_args(kind) else None
            )
            for name, kind in EVERYWHERE.items()
        ],
    )
    program = typer.Typer(add_completion=False)
    program.command()(said)
    return tuple(each for each in typer.main.get_command(program).params if isinstance(each, TyperOption))


def with_shared(own: Sequence[TyperParameter]) -> list[TyperParameter]:
    """Return a command's own parameters, and after them the options that stand everywhere.

    But for those whose word is taken: an idempotency key is `--key`, too.
    """
    taken = {word for each in own for word in each.opts}
    return [*own, *(each for each in shared_options() if not taken.intersection(each.opts))]


def sign(function: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    """Let typer see these parameters of a function instead of those that stand there."""
    vars(function)["__signature__"] = inspect.Signature(parameters)  # PEP 362
    function.__annotations__ = {each.name: each.annotation for each in parameters}
