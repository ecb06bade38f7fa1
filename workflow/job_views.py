"""What the engine answers about jobs: how far one is, and its files."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """Work on many things, done in the background, as it stands."""

    id: str
    #: What is done: `import`, `export`.
    kind: str
    #: `queued`, `running`; `done`, `failed`, `cancelled`.
    state: str
    #: As whom it is done, and for whom.
    actor: str
    on_behalf_of: str | None
    #: What was asked for.
    parameters: Mapping[str, Any]
    #: How many are done, those that were refused among them; to within a second while it runs.
    done: int = 0
    #: How many there are; None: nobody knows yet.
    total: int | None = None
    refused: int = 0
    #: How each of them ended -> how many.
    counts: Mapping[str, int] = field(default_factory=dict)
    #: How often it was begun or taken up again.
    attempt: int = 0
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: Why it failed: a code, and what that says to a person.
    code: str | None = None
    why: str | None = None
    #: How many bytes its result has, and its file of what was refused; None: there is none.
    result_bytes: int | None = None
    errors_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file of a job; iterate over it to read it, piece by piece."""

    name: str
    media_type: str
    #: How many bytes it has.
    size: int
    #: Returns a piece, 1 = the first; None: there is no more.
    read: Callable[[int], bytes | None] = field(repr=False)

    def __iter__(self) -> Iterator[bytes]:
        """Yield every piece, each read when it is wanted."""
        number = 1
        while (piece := self.read(number)) is not None:
            yield piece
            number += 1
