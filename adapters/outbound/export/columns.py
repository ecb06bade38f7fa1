"""Which columns a table of EOIs has: the fields of an `EoiView`, then one for each name in their answers.

The names are only known once the last EOI has been read, so the columns are chosen then. They stand in the
order of the alphabet: a new EOI moves none of those that were there, but makes room for its own.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from adapters.outbound.export.cells import fitted
from workflow.views import EoiView

#: What comes before the name of an answer, in its column's.
ANSWERS: Final = "answers"
#: How many columns answers get at the most: one hostile form must not make a table that nothing opens.
MOST: Final = 1000
#: The longest name that gets a column, in characters.
LONGEST: Final = 200
#: How many different names are counted at the most, so that memory is bounded.
COUNTED: Final = 100_000


def _fixed() -> Iterator[str]:
    for each in fields(EoiView):
        if each.name != ANSWERS:
            yield each.name
        if each.name == "call_id":
            yield "call"


#: The columns that every table has: the fields of the view, and the call's reference beside its id.
FIXED: Final = tuple(_fixed())


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one table."""

    #: The names of answers that have a column of their own.
    names: tuple[str, ...]
    #: Whether any form has more; that stands in one column, as JSON.
    more: bool

    @property
    def heads(self) -> list[str]:
        """Return the name of each column."""
        own = [f"{ANSWERS}.{name}" for name in self.names]
        return [*FIXED, *own, *([ANSWERS] if self.more else [])]

    def values(self, answers: dict[str, Any]) -> list[Any]:
        """Return what stands in the columns of answers, for one form; None where nothing does."""
        values = [answers.pop(name, None) for name in self.names]
        if self.more:
            values.append(json.dumps(answers, ensure_ascii=False) if answers else None)
        return values


@dataclass(slots=True)
class Columns:
    """Learns which names answers have, and lays them out in columns."""

    _count: Counter[str] = field(default_factory=Counter)
    _uncounted: bool = False

    def learn(self, answers: Mapping[str, Any]) -> None:
        """Take the names of one form into account."""
        if len(self._count) < COUNTED:
            self._count.update(list(answers))
        else:
            known = [name for name in answers if name in self._count]
            self._count.update(known)
            self._uncounted |= len(known) < len(answers)

    def layout(self) -> Layout:
        """Return the columns: of the names, those that the most forms have; in alphabetical order."""
        heads: dict[str, str] = {}
        for name in sorted(self._count, key=lambda name: (-self._count[name], name)):
            if len(name) <= LONGEST and len(heads) < MOST:
                heads.setdefault(fitted(name), name)
        return Layout(tuple(sorted(heads.values())), more=self._uncounted or len(heads) < len(self._count))
