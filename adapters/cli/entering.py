"""How a function of a `Door` and its own parameters becomes a command of the line.

It gets the options that stand everywhere, before the command's name and after it, and its errors become an
exit status.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from adapters.cli.door import Door
from adapters.cli.everywhere import EVERYWHERE, TyperParameter, sign, with_shared
from adapters.cli.hints import hint_for
from adapters.cli.reach import refuse_key
from adapters.cli.telling import AnswerLost
from states.errors import EoiError

#: The exit status of what was refused or failed.
FAILED: Final = 1
#: The option that is an idempotency key where a command takes one.
_KEY: Final = "--key"
#: The code of what no server is asked; its class comes with all of the client.
_NEEDS_DATABASE: Final = "needs-database"

_CONTEXT: Final = inspect.Parameter(
    "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
)


class Command(TyperCommand):
    """A command that knows what may stand everywhere."""

    def __init__(self, name: str | None, *, params: Sequence[TyperParameter], **given: Any) -> None:  # noqa: ANN401 -- typer's own
        """Add the options that stand everywhere."""
        super().__init__(name, params=list[Any](with_shared(params)), **given)

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 -- typer.Context, below which typer has moved a class of its own
        """Run it; what was said everywhere is in the door that it gets."""
        _hear(ctx)
        if any(_KEY in each.opts for each in self.params if each.name in ctx.params):
            refuse_key(ctx.params["key"])
        return super().invoke(ctx)


class Group(TyperGroup):
    """The program, or a group of its commands: what may stand everywhere may stand before them, too."""

    def __init__(self, *, params: Sequence[TyperParameter], **given: Any) -> None:  # noqa: ANN401 -- typer's own
        """Add the options that stand everywhere."""
        super().__init__(params=list[Any](with_shared(params)), **given)

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 -- typer.Context, below which typer has moved a class of its own
        """Go on to the command; what was said here is heard there, unless it says otherwise."""
        _hear(ctx)
        return super().invoke(ctx)


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
        @functools.wraps(function)
        def run(context: typer.Context, **given: Any) -> None:  # noqa: ANN401 -- a command's own parameters
            with ending_well(context.obj, streams=streams):
                function(context.obj, **given)

        _, *own = inspect.signature(function).parameters.values()
        keyword = inspect.Parameter.KEYWORD_ONLY
        sign(run, [_CONTEXT, *(each.replace(kind=keyword) for each in own)])
        app.command(name, cls=Command, epilog=_epilog(examples))(run)
        return function

    return enter


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
        if error.code == _NEEDS_DATABASE:
            raise typer.BadParameter(error.message, param_hint="--server") from None
        door.tell.error(error, hint=_hint(door, error), beside=streams)
        raise typer.Exit(FAILED) from None
    except AnswerLost as exc:
        door.tell.aside(f"What was asked for is done, but the answer could not be written: {exc}.")
        raise typer.Exit(FAILED) from None


def _hear(context: typer.Context) -> None:
    """Put what was said of who asks, and what is asked, into the door; the later word counts."""
    said = {name: context.params.pop(name, None) for name in EVERYWHERE}
    context.obj = (context.obj or Door()).also(**said, command=context.command_path)


def _hint(door: Door, error: EoiError) -> str | None:
    return hint_for(error, asks_server=_asks_server(door), command=door.command)


def _asks_server(door: Door) -> bool:
    try:
        return door.asks_server
    except (EoiError, typer.BadParameter):  # that is what was refused
        return False


def _epilog(examples: str) -> str | None:
    lines = [line.strip() for line in examples.strip().splitlines()]
    # \b keeps the lines as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)]) if examples else None
