"""Views as text that several commands tell."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from adapters.cli.telling import facts, in_words, moment, stamp
from adapters.documents import instant, to_json
from states.errors import EoiError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adapters.face import Face
    from workflow import CallView, EndpointView, EoiView, Option, Receipt

#: States that are not told by their own word.
_IN_WORDS: Final = {"draft": "a draft"}


def call_facts(view: "CallView", *, words: str | None = None) -> "RenderableType":
    """Return what there is to know of a call.

    Args:
        view: the call; its `id` is empty where it is not open yet.
        words: the notice's own words for its deadline.
    """
    counts, at_close, closes = view.counts or {}, view.counts_at_close, closing(view)
    return facts(
        [
            ("Reference", view.reference),
            ("Title", view.title),
            ("State", view.state),
            ("Opens", moment(view.opens_at, view.timezone)),
            ("Closes", f'{closes}, read from "{words}"' if words else closes),
            ("Too late from", instant(view.closes_at)),
            ("Closed", moment(view.closed_at, view.timezone)),
            ("EOIs", in_words(counts.items())),
            ("At the close", None if at_close is None else in_words(at_close.items()) or "none"),
            ("Phase", view.phase),
            ("Contact", view.contact),
            ("Audience", view.audience),
            ("Version", view.version),
            ("Id", view.id),
        ]
    )


def closing(view: "CallView") -> str:
    """Return a call's deadline in words."""
    from states.deadlines import deadline_in_words

    return deadline_in_words(view.closes_at, view.timezone)


def receipt_told(receipt: "Receipt", timezone: str) -> "Iterator[RenderableType]":
    """Yield what became of an EOI, and when that arrived."""
    yield f"EOI {receipt.eoi_id} is {_IN_WORDS.get(receipt.state, receipt.state)}."
    yield facts(
        [
            ("Received", moment(receipt.at, timezone)),
            ("Version", receipt.version),
            ("Event", receipt.event_id),
        ]
    )
    if receipt.replayed:
        yield "It was carried out before, under the same key; this is the first answer."


def carried_out(engine: "Face", receipt: "Receipt") -> "Iterator[RenderableType]":
    """Yield what became of an EOI, in the zone of its call; in UTC, where that cannot be had any more.

    What was asked for is done by then, and is told as done.
    """
    try:
        timezone = engine.call(engine.get(receipt.eoi_id).call_id).timezone
    except EoiError:
        timezone = "UTC"
    yield from receipt_told(receipt, timezone)


def eoi_told(view: "EoiView", reference: str, timezone: str) -> "Iterator[RenderableType]":
    """Yield what there is to know of an EOI, its answers last."""
    yield facts(
        [
            ("Call", reference),
            ("Applicant", view.applicant),
            ("Name", view.applicant_name),
            ("State", view.state),
            ("Version", view.version),
            ("Begun", moment(view.created_at, timezone)),
            ("Submitted", moment(view.submitted_at, timezone)),
            ("Decided", moment(view.decided_at, timezone)),
            ("Last change", moment(view.updated_at, timezone)),
            ("Digest", view.digest),
            ("Id", view.id),
        ]
    )
    yield to_json(view.answers)


def option_told(option: "Option") -> "Iterator[str]":
    """Yield whether a move can be made, and each reason why not."""
    needs = f"; needs: {', '.join(option.needs)}" if option.needs else ""
    yield f"{'yes' if option.ok else 'no ':<4} {option.trigger} -> {option.to}: {option.label}{needs}"
    for reason in option.reasons:
        yield f"     - {reason.message} [{reason.code}]"


def endpoint_state(view: "EndpointView") -> str:
    """Return how an endpoint stands, in one word."""
    if view.disabled_at is not None:
        return "disabled"
    return "failing" if view.failures else "enabled"


def endpoint_facts(view: "EndpointView") -> "RenderableType":
    """Return what there is to know of an endpoint; its secret and headers are never shown."""
    return facts(
        [
            ("To", view.url),
            ("By", view.courier),
            ("Events", " ".join(view.events)),
            ("State", endpoint_state(view)),
            ("Disabled", stamp(view.disabled_at, "UTC")),
            ("Why", view.disabled_why),
            (
                "Failures",
                f"{view.failures} since {stamp(view.failing_since, 'UTC')}" if view.failures else None,
            ),
            ("Rests until", stamp(view.rest_until, "UTC")),
            ("Each step", None if view.timeout_s is None else f"{view.timeout_s:g} s at the most"),
            ("At once", view.concurrency),
            ("In order", "yes" if view.ordered else "no"),
            ("Signed", "yes" if view.signed else "no"),
            ("Headers", "yes, never shown" if view.has_headers else None),
            ("Added", stamp(view.created_at, "UTC")),
            ("Id", view.id),
        ]
    )
