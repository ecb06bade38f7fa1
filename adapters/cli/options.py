"""Arguments and options that several commands take, and how their words are read."""

import re
from datetime import date, datetime
from typing import Annotated, Final

import typer

#: The two ways to say when a call closes.
CLOSING: Final = "--closes-on (the whole day counts) or --closes-at (to the minute)"


def day(words: str) -> date:
    """Read a date: 2023-03-17."""
    try:
        return date.fromisoformat(words.strip())
    except ValueError:
        msg = f"{words!r} is no date such as 2023-03-17."
        raise typer.BadParameter(msg) from None


def time_of(words: str) -> datetime:
    """Read a time: 2023-03-17T17:00, local, or with its offset."""
    at = _time(words)
    if at is None:
        msg = f"{words!r} is no time such as 2023-03-17T17:00 (local) or 2023-03-17T17:00+00:00."
        raise typer.BadParameter(msg)
    return at


def instant_of(words: str) -> datetime:
    """Read a time with its offset: 2023-03-18T00:00Z."""
    at = _time(words)
    if at is None or at.utcoffset() is None:
        msg = f"{words!r} is no time with its offset, such as 2023-03-18T00:00Z or 2023-03-18T00:00+00:00."
        raise typer.BadParameter(msg)
    return at


def not_both(one: object, other: object, *, options: str) -> None:
    """Let pass whoever gives one of two options, or none.

    Args:
        one: what was given by one; None: nothing was.
        other: what was given by the other.
        options: both, in words: `--closes-on or --closes-at`.

    Raises:
        BadParameter: both are given.
    """
    if one is not None and other is not None:
        msg = f"Give {options}, not both."
        raise typer.BadParameter(msg)


def _time(words: str) -> datetime | None:
    try:
        return datetime.fromisoformat(words.strip()) if _TIME.match(words.strip()) else None
    except ValueError:
        return None


# A date alone would be read as midnight, which nobody means; so would 24:00 be, from Python 3.14 on.
_TIME: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3])")


Call = Annotated[str, typer.Argument(metavar="CALL", help="A call: its reference (46/23) or its id.")]
Eoi = Annotated[str, typer.Argument(metavar="EOI", help="An EOI: its id.")]
OfCall = Annotated[str | None, typer.Option("--call", metavar="CALL", help="Only those of one call.")]
InState = Annotated[str | None, typer.Option("--state", metavar="STATE", help="Only those in one state.")]
OfApplicant = Annotated[
    str | None, typer.Option("--applicant", metavar="ID", help="Only those of one organisation.")
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept beside history.")]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="TEXT", help="Idempotency key: sent again, it is carried out once."),
]
ExpectVersion = Annotated[
    int | None,
    typer.Option("--expect-version", metavar="N", help="Only if it is still at this version."),
]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        parser=instant_of,
        metavar="TIME",
        help="As of another instant, with its offset: 2023-03-18T00:00Z.",
    ),
]
ClosesOn = Annotated[
    date | None,
    typer.Option(
        "--closes-on",
        parser=day,
        metavar="DATE",
        help="The last day to apply, 2023-03-17; the whole day counts.",
    ),
]
ClosesAt = Annotated[
    datetime | None,
    typer.Option(
        "--closes-at",
        parser=time_of,
        metavar="TIME",
        help="The first instant that is too late: 2023-03-17T17:00, local, or with its offset.",
    ),
]
