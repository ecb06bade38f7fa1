"""What can be asked about what has happened: changes, and what was tried and refused; whole, or in pages."""

import re
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final

from states.access import reads_all
from states.errors import BadInput
from states.facts import Actor
from workflow.connection import Connection
from workflow.inputs import LONGEST_PAGE, whole_number
from workflow.reading import subject_id
from workflow.store import calls, history
from workflow.views import AttemptView, HistoryView, Page

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# A version; an instant in microseconds, and how many of that instant have been seen.
_VERSION: Final = re.compile("[0-9]{1,9}", re.ASCII)
_INSTANT: Final = re.compile("([0-9]{1,17})-([0-9]{1,9})", re.ASCII)


def changes(connection: Connection, eoi_or_call_id: str, actor: Actor | None) -> list[HistoryView]:
    """Return every change of an EOI or a call, the first one first.

    Raises:
        NotFound: no such thing, or not one the actor may see.
        Refused: the actor has no role.
    """
    return history.of(connection, subject_id(connection, eoi_or_call_id, actor))


def find_changes(
    connection: Connection, eoi_or_call_id: str, *, after: str | None, limit: int, actor: Actor | None
) -> Page[HistoryView]:
    """Return a page of `changes`.

    Raises:
        BadInput: a limit that is no number from 1 to 1000; an `after` that is of no page.
        NotFound: no such thing, or not one the actor may see.
        Refused: the actor has no role.
    """
    subject = subject_id(connection, eoi_or_call_id, actor)
    size = whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE)
    found = history.page(connection, subject, after=_version(after), limit=size + 1)
    items = tuple(found[:size])
    return Page(items=items, next=str(items[-1].seq) if len(found) > size else None)


def attempts(connection: Connection, eoi_or_call_id: str, actor: Actor | None) -> list[AttemptView]:
    """Return what was refused on an EOI, or on a call and all its EOIs, the first one first.

    An applicant sees the attempts on its own EOIs; those on a call are for staff.

    Raises:
        NotFound: no such thing, or not one the actor may see.
        Refused: the actor has no role.
    """
    subject = subject_id(connection, eoi_or_call_id, actor)
    if not _is_call(connection, subject):
        return history.attempts_on(connection, subject)
    return history.attempts_for(connection, subject) if reads_all(actor) else []


def find_attempts(
    connection: Connection, eoi_or_call_id: str, *, after: str | None, limit: int, actor: Actor | None
) -> Page[AttemptView]:
    """Return a page of `attempts`, in the order of when each kind of them was first seen.

    A place is an instant, and how many of that instant have been seen: who tried stands in no place, which
    stands in addresses.

    Raises:
        BadInput: a limit that is no number from 1 to 1000; an `after` that is of no page.
        NotFound: no such thing, or not one the actor may see.
        Refused: the actor has no role.
    """
    subject = subject_id(connection, eoi_or_call_id, actor)
    size = whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE)
    since, seen = _instant(after)
    is_call = _is_call(connection, subject)
    if is_call and not reads_all(actor):
        return Page(items=(), next=None)
    page = history.attempts_for_page if is_call else history.attempts_on_page
    found = page(connection, subject, since=since, seen=seen, limit=size + 1)
    items = tuple(found[:size])
    return Page(items=items, next=_place(items, since, seen) if len(found) > size else None)


def _place(items: tuple[AttemptView, ...], since: datetime, seen: int) -> str:
    """Return the place after the last of some attempts, of which the first ones may be as old as `since`."""
    at = items[-1].first_at
    count = sum(1 for _ in takewhile(lambda each: each.first_at == at, reversed(items)))
    return f"{(at - _EPOCH) // _MICROSECOND}-{count + (seen if at == since else 0)}"


def _version(after: str | None) -> int:
    if after is None:
        return 0
    if not isinstance(after, str) or not _VERSION.fullmatch(after):
        raise _no_place()
    return int(after)


def _instant(after: str | None) -> tuple[datetime, int]:
    if after is None:
        return _EPOCH, 0
    found = _INSTANT.fullmatch(after) if isinstance(after, str) else None
    if found is None:
        raise _no_place()
    return _EPOCH + int(found[1]) * _MICROSECOND, int(found[2])


def _no_place() -> BadInput:
    return BadInput("after must be the `next` of an earlier page.", field="after")


def _is_call(connection: Connection, subject: str) -> bool:
    return calls.by_id(connection, subject) is not None
