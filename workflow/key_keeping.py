"""The engine's face towards who comes in by HTTP: the keys of that door."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar

from states.facts import Actor
from workflow import api_keys
from workflow.api_keys import NewKey
from workflow.connection import Connection
from workflow.endpoints import KEEP_OLD_S
from workflow.views import KeyView

R = TypeVar("R")


class KeyKeeping(ABC):
    """A part of the engine's face. Admins keep keys, auditors may look at them.

    A command raises `Refused` (`role-missing`) for anybody else, `NotFound` for what no key is called.
    """

    @abstractmethod
    def _done(self, do: Callable[[Connection], R], *, at_once: bool = False) -> R:
        """Do it on a connection."""

    @abstractmethod
    def _now(self, connection: Connection) -> datetime:
        """Return the present instant."""

    def create_key(
        self,
        name: str,
        *,
        roles: Collection[str],
        organisations: Collection[str] = (),
        expires_at: datetime | None = None,
        actor: Actor,
    ) -> KeyView:
        """Make a key of the HTTP door; its `key` is shown this once.

        Args:
            name: who comes with it: the actor's id, opaque, in history for good.
            roles: what its holder may act as.
            organisations: of an applicant's key: stable ids of the organisations that it acts for.
            expires_at: the first instant at which it is no longer valid, aware; None: it does not expire.
            actor: who asks.

        Raises:
            BadInput: what no key may have: no role or `system`; an applicant without an organisation, or the
                other way round; an e-mail address for a name; an expiry that has passed.
            NameTaken: there is a current key of that name; an expired one is rotated, or revoked first.
        """
        new = NewKey(name=name, roles=roles, organisations=organisations, expires_at=expires_at)
        return self._done(
            lambda connection: api_keys.create(connection, actor, new, now=self._now(connection))
        )

    def keys(self, *, actor: Actor | None = None) -> list[KeyView]:
        """Return every key that ever was, the oldest first."""
        return self._done(lambda connection: api_keys.every(connection, actor, now=self._now(connection)))

    def key(self, id_or_prefix: str, *, actor: Actor | None = None) -> KeyView:
        """Return one key."""
        return self._done(
            lambda connection: api_keys.one(connection, actor, id_or_prefix, now=self._now(connection))
        )

    def revoke_key(self, id_or_prefix: str, *, actor: Actor) -> KeyView:
        """Let a key be valid no more, from this instant on, on every node; its row stays."""
        return self._done(
            lambda connection: api_keys.revoke(connection, actor, id_or_prefix, now=self._now(connection))
        )

    def rotate_key(
        self,
        id_or_prefix: str,
        *,
        keep_old_s: float = KEEP_OLD_S,
        expires_at: datetime | None = None,
        actor: Actor,
    ) -> KeyView:
        """Put a new key in the place of a current one: for the same actor. Its `key` is shown this once.

        Args:
            id_or_prefix: the one that is there; it may have expired.
            keep_old_s: how long that is still valid beside the new one, in seconds; 0: it ends at once.
            expires_at: when the new one ends; None: it lives as long as the one before was made to.
            actor: who asks.

        Raises:
            Refused: `wrong-state`: it was rotated or revoked before.
        """
        return self._done(
            lambda connection: api_keys.rotate(
                connection,
                actor,
                id_or_prefix,
                keep_old_s=keep_old_s,
                expires_at=expires_at,
                now=self._now(connection),
            )
        )

    def authenticate(self, key: str | None) -> Actor:
        """Return who comes with a key: an actor whose id is the key's name, and `via` is `http`.

        Raises:
            Unauthenticated: no key, or none that is valid; which of these, nobody is told.
            DatabaseUnavailable: it cannot be known now.
        """
        presented = api_keys.presented(key)
        return self._done(
            lambda connection: api_keys.authenticate(connection, presented, now=self._now(connection))
        )
