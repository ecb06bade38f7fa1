"""The options that stand everywhere: before a command's name, and after it."""

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, get_args

import typer

from adapters.cli.reach import OPTIONS

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


def sign(function: Callable[..., None], own: list[inspect.Parameter]) -> None:
    """Let typer see the context, the function's own parameters, and the options that stand everywhere."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    taken = words_of(own)
    shared = [
        inspect.Parameter(name, keyword, annotation=kind, default=False if bool in get_args(kind) else None)
        for name, kind in EVERYWHERE.items()
        if not taken.intersection(_of_one(kind))  # an idempotency key is --key, too
    ]
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *(each.replace(kind=keyword) for each in own), *shared]
    vars(function)["__signature__"] = inspect.Signature(parameters)  # PEP 362
    function.__annotations__ = {each.name: each.annotation for each in parameters}


def words_of(own: list[inspect.Parameter]) -> set[str]:
    """Return the options that a command has of its own."""
    return {word for each in own for word in _of_one(each.annotation)}


def _of_one(annotation: object) -> Iterator[str]:
    for said in get_args(annotation)[1:]:
        # Within `Annotated` typer keeps the first of an option's words where a default else stands.
        words = (getattr(said, "default", None), *(getattr(said, "param_decls", None) or ()))
        yield from (word for word in words if isinstance(word, str) and word.startswith("--"))
