"""Idempotency keys: a command sent twice under one key is carried out once and answered alike.

Scope: actor, organisations, on behalf of, kind of command, subject. All moves of an EOI are one kind: a key
belongs to one of them. Only successes are kept; a refusal rolls back with its claim.
After the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from states.facts import Actor
from workflow.connection import Connection
from workflow.errors import KeyReused
from workflow.inputs import WORDS, name_or_none
from workflow.store import keys
from workflow.unit_of_work import own_transaction

#: How long a key is kept, in days.
KEEP_DAYS: Final = 30.0
#: How many keys are forgotten in one transaction.
PRUNED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Key:
    """A key in its scope, with what was asked under it."""

    #: SHA-256 over who, what, on which subject, and the key.
    scope: str
    #: SHA-256 over the rest of the request.
    fingerprint: str


def key_or_none(key: object) -> str | None:
    """Return an idempotency key; None where none was given.

    Raises:
        BadInput: no text, empty, over 200 characters, or unstorable.
    """
    return name_or_none(key, field="idempotency_key", longest=WORDS)


def key_of(key: str, actor: Actor, kind: str, subject: str, request: object) -> Key:
    """Return the key in its scope.

    Args:
        key: as `key_or_none` returned it.
        actor: who asks.
        kind: what kind of command it is: `eoi draft`, `eoi move`.
        subject: the id of what it is asked of, however it was named; empty where it makes something new.
        request: the rest of the request, the command's name among it, as JSON knows it.
    """
    who = [actor.id, sorted(actor.organisations), actor.on_behalf_of]
    return Key(scope=_digest([*who, kind, subject, key]), fingerprint=_digest(request))


def find_answer(connection: Connection, key: Key) -> str | None:
    """Return the answer that was given under this key, if one was.

    Raises:
        KeyReused: it was given to another request.
    """
    stored = keys.find(connection, key.scope)
    if stored is None:
        return None
    if stored.fingerprint != key.fingerprint:
        raise KeyReused
    return stored.answer


def claim(connection: Connection, key: Key, at: datetime) -> None:
    """Take the key as the transaction's first write.

    Where a twin is on its way with the same key, this waits for it.

    Raises:
        Conflict: the twin was carried out; in a new transaction its answer can be found.
    """
    keys.claim(connection, key.scope, fingerprint=key.fingerprint, at=at)


def prune(connection: Connection, before: datetime) -> int:
    """Forget the keys that were claimed before an instant; return how many there were.

    In short transactions, so that no command waits long for one.
    """
    total = 0
    while keys.any_before(connection, before):
        with own_transaction(connection) as unit:
            count = keys.prune(unit.connection, before, at_most=PRUNED_AT_ONCE)
        total += count
        if not count:
            break  # Another node is at them.
    return total


def keep_answer(connection: Connection, key: Key, answer: str) -> None:
    """Keep the answer under a key that this transaction has claimed."""
    keys.answer(connection, key.scope, answer)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
