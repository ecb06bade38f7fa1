"""Events from elsewhere, over HTTP. Their source and id are their key, so that they may be sent again."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Unpack

from adapters.client.asking import Asks
from adapters.client.conditions import on_behalf, refuse_terms
from adapters.client.documents import read
from workflow import Actor, CallView, Foreseen, Page, Receipt, UnhandledView
from workflow.engine import Terms

_STRUCTURED: Final = "application/cloudevents+json"


class Events(Asks):
    """The part of the engine's face that is events from elsewhere."""

    def handle(
        self,
        event: Mapping[str, Any],
        *,
        actor: Actor | None = None,
        **terms: Unpack[Terms],
    ) -> Receipt | CallView | UnhandledView:
        """Let an event fire what the server's table says; without a rule, it writes down that it came."""
        refuse_terms(terms)
        answer = self._send(
            "POST", "/events", event, headers=on_behalf(actor), repeatable=True, kind=_STRUCTURED
        )
        if answer.status == HTTPStatus.ACCEPTED:
            return read(UnhandledView, answer.body)
        found: Receipt | CallView = read(Receipt | CallView, answer.body)  # type: ignore[arg-type] # one of two
        return found

    def explain_event(self, event: Mapping[str, Any], *, actor: Actor | None = None) -> Foreseen:
        """Return what an event would come to by the server's table, if it were given now; changes nothing."""
        headers = on_behalf(actor)
        answer = self._send(
            "POST", "/events/explain", event, headers=headers, repeatable=True, kind=_STRUCTURED
        )
        return read(Foreseen, answer.body)

    def unhandled(
        self, *, after: str | None = None, limit: int = 50, actor: Actor | None = None
    ) -> Page[UnhandledView]:
        """Return a page of the events that nothing was done for, the newest first."""
        return self._page(UnhandledView, "/events/unhandled", {}, after=after, limit=limit, actor=actor)
