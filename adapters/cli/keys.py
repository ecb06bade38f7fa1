"""Commands about keys: who comes in by HTTP, and what they may."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapters.cli.door import Door
from adapters.cli.endpoints import DAY_H, LONGEST_H
from adapters.cli.entering import command
from adapters.cli.options import instant_of, not_both
from adapters.cli.telling import facts, stamp, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from workflow import Engine, KeyView

#: The most days that a key may last: a hundred years.
LONGEST_DAYS: Final = 36_500

#: The two ways to say when a key ends.
EXPIRY: Final = "--expires-in or --expires-at"

KeyName = Annotated[str, typer.Argument(metavar="KEY", help="A key: its prefix, or its id.")]
ExpiresIn = Annotated[
    int | None,
    typer.Option("--expires-in", metavar="DAYS", min=1, max=LONGEST_DAYS, help="It ends after so many days."),
]
ExpiresAt = Annotated[
    datetime | None,
    typer.Option(
        "--expires-at",
        parser=instant_of,
        metavar="TIME",
        help="It ends at an instant, with its offset: 2027-09-01T00:00Z.",
    ),
]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "create",
        examples="""
        eoi key create --name places-team --may officer --as head-of-places --role admin
        eoi key create --name head-121234 --may applicant --for URN:121234 --expires-in 365
        eoi key create --name panel-2026 --may reviewer --may decider --expires-at 2026-12-24T00:00Z
        """,
    )(create)
    command(app, "list", examples="eoi key list")(list_)
    command(app, "show", examples="eoi key show k3v9x2ab")(show)
    command(app, "rotate", examples="eoi key rotate k3v9x2ab --keep-old 48")(rotate)
    command(app, "revoke", examples="eoi key revoke k3v9x2ab")(revoke)


def create(
    door: Door,
    *,
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Who comes with it: an opaque id, in history for good; no e-mail address.",
        ),
    ],
    may: Annotated[
        list[str],
        typer.Option("--may", metavar="ROLE", help="A role that its holder gets; may be repeated."),
    ],
    for_: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="ID",
            help="Of an applicant's key: an organisation that it acts for; may be repeated.",
        ),
    ] = None,
    expires_in: ExpiresIn = None,
    expires_at: ExpiresAt = None,
) -> None:
    """Make a key of the HTTP door, shown this once. Admin.

    --may and --for say what the key's holder may, and for whom; --as, --role and --organisation stay with who
    asks, as everywhere. Send the key with each request: Authorization: Bearer KEY.
    """
    not_both(expires_in, expires_at, options=EXPIRY)
    with door.database() as engine:
        view = engine.create_key(
            name.strip(),
            roles=may,
            organisations=for_ or (),
            expires_at=_expiry(engine, expires_in, expires_at),
            actor=door.actor(),
        )
    whom = f" for {', '.join(view.organisations)}" if view.organisations else ""
    said = f"Whoever has the key {view.prefix} is {view.name} ({', '.join(view.roles)}{whom})"
    door.tell.answer(view, [f"{said}, {_until(view)}.", *_secret(view)])


def list_(door: Door) -> None:
    """List every key that ever was. Admin or auditor."""
    with door.database() as engine:
        found = engine.keys(actor=door.reader())
    rows = (
        (
            each.prefix,
            each.name,
            " ".join(each.roles),
            " ".join(each.organisations),
            _standing(each),
            stamp(each.last_used_at, "UTC") or "never",
        )
        for each in found
    )
    head = ("key", "name", "may", "for", "state", "last used")
    door.tell.answer(found, table(head, rows, prose="for"))


def show(door: Door, key: KeyName) -> None:
    """Show one key, but never what it is made of. Admin or auditor."""
    with door.database() as engine:
        view = engine.key(key, actor=door.reader())
    door.tell.answer(view, [_facts(view)])


def rotate(
    door: Door,
    key: KeyName,
    *,
    keep_old: Annotated[
        float,
        typer.Option(
            "--keep-old",
            metavar="HOURS",
            min=0,
            max=LONGEST_H,
            help="How long the old one is valid beside the new one; 0: it ends at once.",
        ),
    ] = DAY_H,
    expires_in: ExpiresIn = None,
    expires_at: ExpiresAt = None,
) -> None:
    """Put a new key in the place of one, shown this once. Admin.

    For the same name, who may the same. Unless it is said, it lasts as long as the old one was made to.
    """
    not_both(expires_in, expires_at, options=EXPIRY)
    with door.database() as engine:
        view = engine.rotate_key(
            key,
            keep_old_s=keep_old * 3600,
            expires_at=_expiry(engine, expires_in, expires_at),
            actor=door.actor(),
        )
    old = f"The old one is valid for {keep_old:g} more hours." if keep_old else "The old one has ended."
    told = f"The key {view.prefix} of {view.name} takes its place, {_until(view)}."
    door.tell.answer(view, [told, *_secret(view), old])


def revoke(door: Door, key: KeyName) -> None:
    """End a key for good, at once and on every node. Admin.

    It stays in the list: who had it, and until when. Its name is free for a new key.
    """
    with door.database() as engine:
        view = engine.revoke_key(key, actor=door.actor())
        others = [
            each.prefix
            for each in engine.keys()  # noqa: SIM118 -- no mapping
            if each.name == view.name and each.state in ("current", "rotated")
        ]
    door.tell.answer(view, [f"The key {view.prefix} of {view.name} opens nothing any more."])
    if others:
        door.tell.aside(
            f"{view.name} still comes in by {' and '.join(others)}: revoke that, too, if need be."
        )


def _expiry(engine: "Engine", days: int | None, at: datetime | None) -> datetime | None:
    return at if days is None else engine.clock.now() + timedelta(days=days)


def _until(view: "KeyView") -> str:
    return "without an end" if view.expires_at is None else f"until {stamp(view.expires_at, 'UTC')}"


def _secret(view: "KeyView") -> list[str]:
    """Return a key that was just made, with a word that this is the only time."""
    return [
        f"The key is {view.key}",
        "Keep it now, as you keep a password: it is not shown again.",
        "Send it with each request: Authorization: Bearer KEY",
    ]


def _standing(view: "KeyView") -> str:
    """Return how a key stands, in a few words: `rotated until 2026-11-30 12:00:00 UTC`."""
    ends = [each for each in (view.expires_at, view.old_until) if each is not None]
    if view.state in ("current", "rotated") and ends:
        return f"{view.state} until {stamp(min(ends), 'UTC')}"
    return view.state


def _facts(view: "KeyView") -> "RenderableType":
    return facts(
        [
            ("Name", view.name),
            ("Prefix", view.prefix),
            ("May", " ".join(view.roles)),
            ("For", " ".join(view.organisations)),
            ("State", _standing(view)),
            ("Created", f"{stamp(view.created_at, 'UTC')} by {view.created_by}"),
            ("Expires", stamp(view.expires_at, "UTC")),
            ("Last used", stamp(view.last_used_at, "UTC") or "never"),
            ("Rotated", stamp(view.superseded_at, "UTC")),
            ("Beside it until", None if view.revoked_at else stamp(view.old_until, "UTC")),
            ("Revoked", f"{stamp(view.revoked_at, 'UTC')} by {view.revoked_by}" if view.revoked_at else None),
            ("Id", view.id),
        ]
    )
