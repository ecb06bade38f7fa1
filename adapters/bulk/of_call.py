"""The EOIs of a call, as rows are held against them: asked for one by one, and then known.

One question a row is least where rows are few, one walk through all EOIs where they are many; how many rows
come, nobody says. So a page of the walk is read after every few questions, and once it is at its end there
is nothing more to ask. What was read may have changed since: so it settles only what is well.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from adapters.bulk.face import Face, eois_of
from adapters.outbound.export.selection import PAGE, pages
from states.facts import Actor
from states.names import EoiState
from workflow import EoiView, Page

#: After how many questions a page is read: it takes as long as three to fifteen of them.
QUESTIONS: Final = 10
#: How many EOIs are remembered at the most: twice as many as there are schools in England.
MOST: Final = 50_000


class Known(NamedTuple):
    """What of an EOI is remembered: not its answers."""

    id: str
    call_id: str
    applicant: str
    applicant_name: str | None
    state: EoiState
    version: int
    digest: str


class EoisOfCall:
    """The EOIs of one call, those that whoever asks may see."""

    def __init__(self, face: Face, actor: Actor, call_id: str = "", *, most: int = MOST) -> None:
        """Know none yet.

        Args:
            face: what is asked.
            actor: who asks.
            call_id: the call's id; empty: it is not known, and each EOI is asked for.
            most: where there are more, each is asked for, too.
        """
        self.call_id = call_id
        self._face, self._actor, self._most = face, actor, most
        self._pages = self._walk() if call_id else iter(())
        self._questions, self._is_whole = 0, False
        self._by_id = dict[str, Known]()
        self._by_applicant = dict[str, list[Known]]()

    def of(self, applicant: str, *, will_do: Callable[[list[Known]], bool]) -> list[Known]:
        """Return every EOI of an applicant, the oldest first.

        Args:
            applicant: whose.
            will_do: whether it will, should it be what was read a while ago; else it is asked for now.
        """
        if self._is_whole and will_do(found := self._by_applicant.get(applicant, [])):
            return found
        self._count()
        return self.now_of(applicant)

    def now_of(self, applicant: str) -> list[Known]:
        """Return every EOI of an applicant as it is now, the oldest first."""
        asked = eois_of(self._face, call=self.call_id, applicant=applicant, actor=self._actor)
        return [_known(eoi) for eoi in asked]

    def one(self, eoi_id: str, *, will_do: Callable[[Known], bool]) -> Known:
        """Return an EOI by its id, be it of another call.

        Args:
            eoi_id: which.
            will_do: see `of`.

        Raises:
            NotFound: there is none.
        """
        found = self._by_id.get(eoi_id) if self._is_whole else None
        if found is not None and will_do(found):
            return found
        self._count()
        return _known(self._face.get(eoi_id, actor=self._actor))

    def _walk(self) -> Iterator[Page[EoiView]]:
        return pages(
            lambda after: self._face.find(call=self.call_id, after=after, limit=PAGE, actor=self._actor)
        )

    def _count(self) -> None:
        """Count a question; read a page where it is time for one, and there is one left."""
        self._questions += 1
        if self._questions % QUESTIONS == 0 and (page := next(self._pages, None)) is not None:
            self._remember(page)

    def _remember(self, page: Page[EoiView]) -> None:
        for each in map(_known, page):
            self._by_id[each.id] = each
            self._by_applicant.setdefault(each.applicant, []).append(each)
        if page.next is None:
            self._is_whole, self._pages = True, iter(())
        if len(self._by_id) > self._most:
            self._give_up()

    def _give_up(self) -> None:
        self._is_whole, self._pages = False, iter(())
        self._by_id.clear()
        self._by_applicant.clear()


def _known(eoi: EoiView) -> Known:
    return Known(eoi.id, eoi.call_id, eoi.applicant, eoi.applicant_name, eoi.state, eoi.version, eoi.digest)
