"""The texts for GOV.UK Notify, to be pasted there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.outbound.notify_texts import Text


def enter(app: typer.Typer) -> None:
    """Enter the command."""
    command(
        app,
        "notify-templates",
        examples="""
        eoi notify-templates eoi.submitted
        EOI_LETTERS=letters eoi notify-templates 'call.*'
        """,
    )(notify_templates)


def notify_templates(
    door: Door,
    pattern: Annotated[
        str, typer.Argument(metavar="EVENTS", help="Which, such as eoi.submitted or call.*.")
    ] = "*",
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As a page, as docs/notify-templates.md has them.")
    ] = False,
) -> None:
    """Write e-mail templates to paste into GOV.UK Notify.

    One for each event. They say what letters by SMTP say, yours (EOI_LETTERS) or ours.
    """
    from adapters.outbound.letters import Letters
    from adapters.outbound.notify_texts import page, text
    from workflow.hooks import event_types

    folder = door.settings.letters
    letters = Letters(Path(folder) if folder else None)
    texts = [text(letters, each) for each in event_types(pattern)]
    door.tell.answer(texts, [page(texts).rstrip("\n")] if markdown else _told(texts))


def _told(texts: "Iterable[Text]") -> "list[str]":
    told = [f"Event: {each.event}\nSubject: {each.subject}\n\n{each.message}" for each in texts]
    return ["\n\n\n".join(told)]
