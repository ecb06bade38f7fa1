"""Requests, paths and pages: what the groups of routes share."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import uuid4

from adapters.client.again import JSON, Answer, Asking
from adapters.client.conditions import of_version, on_behalf, under
from adapters.client.documents import Listed, read
from adapters.client.errors import AnswerNotUnderstood
from adapters.client.wire import Wire
from states.errors import BadInput
from workflow import Actor, Page
from workflow.inputs import LONGEST_PAGE, name_or_none, whole_number

T = TypeVar("T")

#: How many a server gives at once at the most.
_AT_ONCE: Final = 100
#: How many a list holds at the most that is asked for whole.
MOST: Final = 1_000_000
#: The longest idempotency key, in characters.
_LONGEST_KEY: Final = 200
#: What a cursor may be, whichever server made it.
_CURSOR: Final = re.compile(r"[!-~]{1,256}")


class Asks:
    """Puts requests together. The routes are its subclasses'."""

    _wire: Wire

    def _get(
        self, kind: type[T], path: str, query: Mapping[str, str] | None = None, *, actor: Actor | None
    ) -> T:
        """Return what is there."""
        headers = on_behalf(actor)
        asking = Asking(method="GET", path=path, query=query or {}, headers=headers, repeatable=True)
        return read(kind, self._wire.ask(asking).body)

    def _keyed(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        actor: Actor | None,
        terms: Mapping[str, Any],
    ) -> bytes:
        """Carry out a command that takes a key: however often it is sent, it is done once."""
        key = self._key_in(terms)
        headers = {**on_behalf(actor), **of_version(terms.get("expected_version")), **under(key)}
        return self._send(method, path, body, headers=headers, repeatable=True, key=key).body

    def _key_in(self, terms: Mapping[str, Any]) -> str:
        """Return the idempotency key that is given, or one made up."""
        key = name_or_none(terms.get("idempotency_key"), field="idempotency_key", longest=_LONGEST_KEY)
        return f"client-{uuid4()}" if key is None else key

    def _plain(
        self, kind: type[T], method: str, path: str, body: Mapping[str, Any] | None = None, *,
        actor: Actor | None, query: Mapping[str, str] | None = None, repeatable: bool = False,
    ) -> T:  # fmt: skip
        """Carry out a command that takes no key; it is sent again only where it was not done."""
        headers = on_behalf(actor)
        return read(
            kind, self._send(method, path, body, query=query, headers=headers, repeatable=repeatable).body
        )

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, headers: Mapping[str, str],
        repeatable: bool, key: str | None = None, kind: str = JSON, query: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        return self._wire.ask(
            Asking(
                method=method,
                path=path,
                query=query or {},
                body=None if body is None else body_of(body),
                kind=kind,
                headers=headers,
                repeatable=repeatable,
                idempotency_key=key,
            )
        )

    def _page(
        self, kind: type[T], path: str, query: Mapping[str, str | None], *, after: str | None, limit: int,
        actor: Actor | None,
    ) -> Page[T]:  # fmt: skip
        """Return a page of any length, whatever a server gives at once; `after` is a server's cursor."""
        wanted = whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE)
        return self._pages(kind, path, query, after=_cursor(after), wanted=wanted, actor=actor)

    def _whole(self, kind: type[T], path: str, *, actor: Actor | None) -> list[T]:
        """Return a list to its end."""
        return list(self._pages(kind, path, {}, after=None, wanted=MOST, actor=actor))

    def _pages(
        self, kind: type[T], path: str, query: Mapping[str, str | None], *, after: str | None, wanted: int,
        actor: Actor | None,
    ) -> Page[T]:  # fmt: skip
        items, given = list[T](), {name: value for name, value in query.items() if value is not None}
        while True:
            size = min(_AT_ONCE, wanted - len(items))
            place = {} if after is None else {"cursor": after}
            found = self._get(Listed[kind], path, {**given, "limit": str(size), **place}, actor=actor)  # type: ignore[valid-type] # it is a class
            items += found.items
            if found.next is None or len(items) >= wanted:
                return Page(tuple(items), found.next)
            if not found.items or found.next == after:
                msg = "The server's list does not go on, and does not end."
                raise AnswerNotUnderstood(msg)
            after = found.next

    def _every(
        self, kind: type[T], path: str, query: Mapping[str, str] | None = None, *, actor: Actor | None
    ) -> list[T]:
        """Return a list that a server gives at once, and that takes no limit."""
        return self._get(Listed[kind], path, query, actor=actor).items  # type: ignore[valid-type] # it is a class


def at(*parts: str | int) -> str:
    """Return a path in which every part stays one."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def given(**said: object) -> dict[str, object]:
    """Return what was said, without what was not."""
    return {name: value for name, value in said.items() if value is not None}


def body_of(value: object) -> bytes:
    """Return a value as JSON.

    Raises:
        BadInput: it holds what JSON does not know.
    """
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        msg = "What was given holds something that JSON does not know."
        raise BadInput(msg, field="body") from None


def _cursor(after: object) -> str | None:
    if after is None or (isinstance(after, str) and _CURSOR.fullmatch(after)):
        return after
    msg = "after must be the `next` of an earlier page."
    raise BadInput(msg, field="after")
