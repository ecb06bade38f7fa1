"""Which EOIs are exported, read page by page through the engine's face."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from states.facts import Actor
from workflow.views import CallView, EoiView, Page

#: How many are read at once: as many as one page holds over HTTP. Each may carry 256 KiB of answers.
PAGE: Final = 100


class Source(Protocol):
    """As much of the engine's face as reading takes."""

    def call(self, id_or_reference: str, *, actor: Actor | None = None) -> CallView:
        """Return a call."""
        ...

    def find(
        self,
        *,
        call: str | None = None,
        state: str | None = None,
        applicant: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[EoiView]:
        """Return a page of EOIs, the oldest first."""
        ...


def pages(ask: Callable[[str | None], Page[EoiView]]) -> Iterator[Page[EoiView]]:
    """Yield every page of a list, from its beginning; `ask` is given the `next` of the page before."""
    after = None
    while True:
        page = ask(after)
        yield page
        if page.next is None:
            return
        after = page.next


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which EOIs: those for which all of this is so."""

    #: Of this call, by its reference or id; None: of any.
    call: str | None = None
    #: In this state; None: in any.
    state: str | None = None
    #: Of this organisation; None: of any.
    applicant: str | None = None


@dataclass(slots=True)
class Reading:
    """One walk through all EOIs of a selection, the oldest first."""

    source: Source
    #: Who reads; None, who sees all, is the host's own code.
    actor: Actor | None
    selection: Selection
    #: Told after each page how many have been read; whatever it raises ends the walk.
    read: Callable[[int], object]
    _calls: dict[str, CallView] = field(default_factory=dict)

    def eois(self) -> Iterator[EoiView]:
        """Yield each EOI once, as it stood when its page was read.

        Raises:
            NotFound: no such call.
            BadInput: no such state.
            Refused: the actor has no role.
        """
        count = 0
        for page in pages(self._page):
            yield from page
            count += len(page)
            self.read(count)

    def call_of(self, eoi: EoiView) -> CallView:
        """Return the call of an EOI; each is asked for once."""
        found = self._calls.get(eoi.call_id)
        if found is None:
            found = self._calls[eoi.call_id] = self.source.call(eoi.call_id, actor=self.actor)
        return found

    def _page(self, after: str | None) -> Page[EoiView]:
        chosen = self.selection
        return self.source.find(
            call=chosen.call,
            state=chosen.state,
            applicant=chosen.applicant,
            after=after,
            limit=PAGE,
            actor=self.actor,
        )
