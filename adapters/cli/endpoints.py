"""Commands about endpoints: who gets events, by which courier, on which terms."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapters.cli.contacts import import_into
from adapters.cli.door import Door
from adapters.cli.entering import FAILED, command
from adapters.cli.options import Reason
from adapters.cli.telling import facts, stamp, table
from adapters.cli.views import endpoint_facts, endpoint_state
from states.errors import EoiError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adapters.face import Face
    from adapters.trying import Tried
    from workflow import EndpointView

#: How many hours a day has, and so many an old secret is valid.
DAY_H: Final = 24.0
#: The most hours that an old secret may be valid: thirty days.
LONGEST_H: Final = 30 * DAY_H


Id = Annotated[str, typer.Argument(metavar="ID", help="An endpoint: its id.")]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "add",
        examples="""
        eoi endpoint add https://council.example/eoi --as programme.team --role officer
        eoi endpoint add https://council.example/eoi --events eoi.submitted --events 'call.*'
        eoi endpoint add https://council.example/eoi --header 'X-Team: places' --timeout 5
        eoi endpoint add applicant --via smtp --events 'eoi.*'
        eoi endpoint add list:governors --via notify --events call.closed
        """,
    )(add)
    command(app, "list", examples="eoi endpoint list")(list_)
    command(app, "show", examples="eoi endpoint show ID")(show)
    command(app, "disable", examples='eoi endpoint disable ID --reason "Maintenance until Friday"')(disable)
    command(app, "enable", examples="eoi endpoint enable ID")(enable)
    command(app, "rotate", examples="eoi endpoint rotate ID --keep-old 48")(rotate)
    command(app, "seal", examples="eoi endpoint seal --as it.operations --role admin")(seal)
    command(app, "test", examples="eoi endpoint test ID")(test)
    command(app, "remove", examples="eoi endpoint remove ID")(remove)


def add(
    door: Door,
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Where to POST; https, unless EOI_WEBHOOK_ALLOW names it. Or whom to write to: an e-mail "
            "address, applicant, audience, officers, list:NAME.",
        ),
    ],
    *,
    via: Annotated[
        str, typer.Option("--via", metavar="COURIER", help="webhook, smtp or notify.")
    ] = "webhook",
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events", metavar="EVENTS", help="Which, such as call.*; may be repeated. Else every event."
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header", metavar="'NAME: VALUE'", help="Goes with each request of a webhook; may be repeated."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", help="How long each step may take, 0.1 to 30."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", help="How many are on their way at once from each node."),
    ] = None,
    unordered: Annotated[
        bool, typer.Option("--unordered", help="What is of one EOI need not arrive in order.")
    ] = False,
) -> None:
    """Add a receiver; it gets the events from now on. Officer or admin.

    A webhook's secret is shown this once. Its URL's name is looked up; where it leads to a private address
    that EOI_WEBHOOK_ALLOW does not name, it is refused.
    """
    headers, patterns = _headers(header or ()), _patterns(events or ())
    if via == "webhook" and not door.asks_server:  # a server looks by itself
        _look_at(door, url.strip())
    with door.engine() as engine:
        view = engine.add_endpoint(
            url.strip(),
            via=via,
            events=patterns,
            headers=headers,
            timeout_s=timeout,
            concurrency=concurrency,
            ordered=not unordered,
            actor=door.actor(),
        )
        _warn_of_nobody(door, engine, view)
    gets = f"Endpoint {view.id} gets {', '.join(view.events)} at {view.url}"
    by = "" if view.courier == "webhook" else f" by {view.courier}"
    door.tell.answer(view, [f"{gets}{by}.", *_secret(view)])


def list_(door: Door) -> None:
    """List every receiver. Officer, admin or auditor."""
    with door.engine() as engine:
        found = engine.endpoints(actor=door.reader())
    rows = (
        (
            each.id,
            each.url,
            each.courier,
            endpoint_state(each),
            " ".join(each.events),
            stamp(each.created_at, "UTC"),
        )
        for each in found
    )
    door.tell.answer(found, table(("endpoint", "to", "by", "state", "events", "added"), rows, prose="events"))


def show(door: Door, endpoint: Id) -> None:
    """Show one receiver. Officer, admin or auditor."""
    with door.engine() as engine:
        view = engine.endpoint(endpoint, actor=door.reader())
    door.tell.answer(view, [endpoint_facts(view)])


def disable(door: Door, endpoint: Id, *, reason: Reason = None) -> None:
    """Send nothing there until it is enabled. Officer or admin.

    What happens meanwhile is kept for it.
    """
    with door.engine() as engine:
        view = engine.disable_endpoint(endpoint, actor=door.actor(), reason=reason)
    said = f"Nothing is sent to {view.url} any more; it is kept until `eoi endpoint enable {view.id}`."
    door.tell.answer(view, [said])


def enable(door: Door, endpoint: Id) -> None:
    """Send there again, what was kept first. Officer or admin."""
    with door.engine() as engine:
        view = engine.enable_endpoint(endpoint, actor=door.actor())
    door.tell.answer(view, [f"{view.url} gets its events again, what was kept first."])


def rotate(
    door: Door,
    endpoint: Id,
    *,
    keep_old: Annotated[
        float,
        typer.Option(
            "--keep-old",
            metavar="HOURS",
            min=0,
            max=LONGEST_H,
            help="How long the old secret signs beside the new one.",
        ),
    ] = DAY_H,
) -> None:
    """Give a webhook a new secret, shown this once. Officer or admin.

    Until the old one ends, each request is signed with both: either will do for the receiver.
    """
    with door.engine() as engine:
        view = engine.rotate_endpoint(endpoint, actor=door.actor(), keep_old_s=keep_old * 3600)
    door.tell.answer(view, [*_secret(view), _beside(view, keep_old)])


def _beside(view: "EndpointView", keep_old_h: float) -> str:
    if not keep_old_h:
        return "The old one has ended."
    if view.old_secret_until is None:
        return "No old one signs beside it: there was none, or it cannot be read under this key."
    return f"The old one signs beside it for {keep_old_h:g} hours."


def seal(door: Door) -> None:
    """Seal all secrets and headers under the first key of EOI_SECRET_KEY. Officer or admin.

    For what was kept before there was a key; and before an old key is taken away. Every node must have the
    first key before.
    """
    with door.database() as engine:
        count = engine.seal_endpoints(actor=door.actor())
        left = [each.id for each in engine.unreadable_endpoints()]
    if left:
        door.tell.aside(f"Under none of these keys, and left as it is: what is kept of {', '.join(left)}.")
    of = "1 endpoint" if count == 1 else f"{count:,} endpoints"
    door.tell.answer({"sealed": count}, [f"Secrets and headers of {of} are sealed under the first key now."])


def test(door: Door, endpoint: Id) -> None:
    """Send a webhook an event `endpoint.pinged`, and show what it answers. Officer or admin.

    Exit status 1 where it did not arrive. Nothing of it is kept.
    """
    url, what = door.tried(endpoint)
    door.tell.answer(what, _tried_told(what, url))
    if not what.arrived:
        raise typer.Exit(FAILED)


def remove(door: Door, endpoint: Id) -> None:
    """Remove a receiver for good; what waited for it is parked. Officer or admin."""
    with door.engine() as engine:
        view = engine.remove_endpoint(endpoint, actor=door.actor())
    door.tell.answer(view, [f"{view.url} gets nothing more: its endpoint is removed."])


def _headers(lines: Sequence[str]) -> dict[str, str]:
    """Read `Name: value` from each line. What is wrong is said without showing it: it may be a secret."""
    named: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, colon, value = line.partition(":")
        if not colon or name.strip() in named:
            what = "has a name that was given before" if colon else "has no colon: write 'Name: value'"
            msg = f"Header number {number} {what}."
            raise typer.BadParameter(msg, param_hint="--header")
        named[name.strip()] = value.strip()
    return named


def _patterns(given: Sequence[str]) -> list[str] | None:
    """Read patterns with commas or blanks between them; None where none was asked for: every event."""
    words = [each.replace(",", " ").split() for each in given]
    if not all(words):
        msg = "It names no event. Is a variable empty? For every event leave --events out."
        raise typer.BadParameter(msg, param_hint="--events")
    return [word for some in words for word in some] or None


def _look_at(door: Door, url: str) -> None:
    from adapters.receivers import look_at

    if doubt := look_at(url, door.settings):
        door.tell.aside(doubt)


def _warn_of_nobody(door: Door, engine: "Face", view: "EndpointView") -> None:
    """Say that nobody is on a list that an endpoint stands for, while that can still be mended in time."""
    word, _, name = view.url.partition(":")
    if view.courier == "webhook" or word not in ("list", "audience"):
        return
    try:
        known = engine.contact_lists()
    except EoiError:
        return  # a server tells nobody of its lists
    open_calls = [each for each in engine.calls() if each.state == "open"] if word == "audience" else []
    lists = {name} if word == "list" else {each.audience for each in open_calls if each.audience}
    for missing in sorted(lists - known.keys()):
        door.tell.aside(f"Nobody is on the list {missing} yet: {import_into(missing)}.")


def _secret(view: "EndpointView") -> list[str]:
    """Return a secret that was just made, with a word that this is the only time."""
    if view.secret is None:
        return []
    return [
        f"Its secret is {view.secret}",
        "Keep it now: it is not shown again. It shows the receiver who sent it.",
    ]


def _tried_told(tried: "Tried", url: str) -> "Iterator[RenderableType]":
    yield f"It arrived at {url}." if tried.arrived else f"It did not arrive: {tried.why}"
    yield facts([("Status", tried.status), ("Took", f"{tried.duration_s:.3f} s"), ("Answer", tried.answer)])
