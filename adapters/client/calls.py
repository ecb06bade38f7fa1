"""Calls over HTTP."""

from datetime import datetime
from typing import Final, Unpack

from adapters.client.asking import Asks, at, given
from adapters.client.conditions import refuse_terms
from adapters.client.documents import read
from adapters.documents import document
from workflow import Actor, CallView, NewCall, NotFound, Page
from workflow.engine import Terms
from workflow.ids import is_id, shown
from workflow.inputs import aware, reason_or_none

_CALLS: Final = "/calls"
#: What a call is opened with, besides its days.
_WORDS: Final = ("reference", "title", "timezone", "phase", "contact", "audience", "closing_words")


class Calls(Asks):
    """The part of the engine's face that is calls."""

    def open_call(self, new: NewCall, *, actor: Actor | None = None, **terms: Unpack[Terms]) -> CallView:
        """Publish a call; it takes EOIs from now until it closes. Officer."""
        refuse_terms(terms)
        days = {"closes_on": new.closes_on.isoformat() if new.closes_on else None}
        instants = {name: document(getattr(new, name)) for name in ("closes_at", "opens_at")}
        body = given(**{name: getattr(new, name) for name in _WORDS}, **days, **instants)
        return read(CallView, self._keyed("POST", _CALLS, body, actor=actor, terms=terms))

    def extend_call(
        self, call_id: str, *, closes_at: datetime | None, actor: Actor | None = None,
        reason: str | None = None, **terms: Unpack[Terms],
    ) -> CallView:  # fmt: skip
        """Move a call's deadline to a later instant, for everybody. Officer, with a reason."""
        instant = None if closes_at is None else document(aware(closes_at, field="closes_at"))
        return self._changed("extend", call_id, actor, terms, reason=reason, closes_at=instant)

    def close_call(
        self, call_id: str, *, actor: Actor | None = None, reason: str | None = None, **terms: Unpack[Terms]
    ) -> CallView:
        """Close a call: at its deadline, or early by an officer while nobody has begun an EOI."""
        return self._changed("close", call_id, actor, terms, reason=reason)

    def cancel_call(
        self, call_id: str, *, actor: Actor | None = None, reason: str | None = None, **terms: Unpack[Terms]
    ) -> CallView:
        """Call it off, and its live EOIs with it. Admin, with a reason."""
        return self._changed("cancel", call_id, actor, terms, reason=reason)

    def call(self, id_or_reference: str, *, actor: Actor | None = None) -> CallView:
        """Return a call, by its id or the council's own reference."""
        if is_id(id_or_reference):
            return self._get(CallView, at("calls", id_or_reference), actor=actor)
        found = self.find_calls(reference=id_or_reference, limit=1, actor=actor).items
        if found:
            return found[0]
        msg = f"There is no call {shown(id_or_reference)}."
        raise NotFound(msg)

    def calls(self, *, actor: Actor | None = None) -> list[CallView]:
        """Return every call, the latest deadline first."""
        found = sorted(self._whole(CallView, _CALLS, actor=actor), key=lambda each: each.id)
        return sorted(found, key=lambda each: each.closes_at, reverse=True)

    def find_calls(
        self,
        *,
        reference: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[CallView]:
        """Return a page of calls, the newest first; give its `next` as `after` for the next page."""
        query = {"reference": reference, "state": state}
        return self._page(CallView, _CALLS, query, after=after, limit=limit, actor=actor)

    def _id_of(self, id_or_reference: str, actor: Actor | None) -> str:
        """Return a call's id: addresses hold no references, which have slashes."""
        return id_or_reference if is_id(id_or_reference) else self.call(id_or_reference, actor=actor).id

    def _changed(
        self, word: str, call: str, actor: Actor | None, terms: Terms, *, reason: str | None,
        closes_at: str | None = None,
    ) -> CallView:  # fmt: skip
        refuse_terms(terms)
        body = given(reason=reason_or_none(reason), closes_at=closes_at)
        path = at("calls", self._id_of(call, actor), word)
        return read(CallView, self._keyed("POST", path, body, actor=actor, terms=terms))
