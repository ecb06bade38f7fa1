"""What of the engine is asked: `Engine` has it, and so has whatever speaks to one elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from adapters.outbound.export.selection import pages
from states.facts import Actor
from workflow import CallView, EoiView, HistoryView, Option, Page, Receipt


class Face(Protocol):
    """The engine's face, as far as rows need it; each method as `Engine` promises it."""

    def call(self, id_or_reference: str, *, actor: Actor | None = None) -> CallView:
        """Return a call, by its id or the council's own reference."""

    def draft(
        self,
        call_id: str,
        *,
        answers: Mapping[str, Any],
        actor: Actor,
        applicant: str | None = None,
        applicant_name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Begin an EOI."""

    def fire(
        self,
        eoi_id: str,
        trigger: str,
        *,
        actor: Actor,
        reason: str | None = None,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
    ) -> Receipt:
        """Make a move of the lifecycle."""

    def explain(
        self, eoi_id: str, trigger: str, actor: Actor, *, data: Mapping[str, Any] | None = None
    ) -> Option:
        """Return whether a move could be made now."""

    def get(self, eoi_id: str, *, actor: Actor | None = None) -> EoiView:
        """Return an EOI."""

    def find(
        self,
        *,
        call: str | None = None,
        applicant: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[EoiView]:
        """Return a page of EOIs."""

    def history(self, eoi_or_call_id: str, *, actor: Actor | None = None) -> list[HistoryView]:
        """Return every change of an EOI."""


def eois_of(face: Face, *, call: str, applicant: str, actor: Actor) -> Iterator[EoiView]:
    """Yield every EOI of an applicant for a call, the oldest first, on however many pages they stand."""
    for page in pages(lambda after: face.find(call=call, applicant=applicant, after=after, actor=actor)):
        yield from page
