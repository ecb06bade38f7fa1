"""The engine's face towards what leaves it: hooks, endpoints, contacts, deliveries and the feed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from states.facts import Actor
from workflow import contacts, delivering, endpoints, sealing
from workflow.connection import Connection
from workflow.endpoints import KEEP_OLD_S, NewEndpoint
from workflow.hooks import Hooks
from workflow.inputs import reason_or_none
from workflow.ports import Delivery, Hook, Vault, VetUrl
from workflow.views import Contact, DeliveryDetail, DeliveryView, EndpointStats, EndpointView, Fed, Page

R = TypeVar("R")


class Outgoing(ABC):
    """Half of the engine's face. Officers and admins keep what is here, auditors may look at it.

    A command raises `Refused` (`role-missing`) for anybody else, `NotFound` for an id that nothing has.
    """

    _hooks: Hooks
    _vault: Vault
    _vet_url: VetUrl | None
    _keep_deliveries: timedelta

    @abstractmethod
    def _done(self, do: Callable[[Connection], R], *, at_once: bool = False) -> R:
        """Do it on a connection."""

    @abstractmethod
    def _now(self, connection: Connection) -> datetime:
        """Return the present instant."""

    def on(self, pattern: str, hook: Hook) -> Callable[[], None]:
        """Call `hook(event)` in this process, after the commit: `eoi.*`, `*`. Best effort.

        Returns:
            What to call to end that; twice is harmless.
        """
        return self._hooks.on(pattern, hook)

    def events(
        self, *, after: int = 0, pattern: str = "*", limit: int = 100, actor: Actor | None = None
    ) -> Page[Fed]:
        """Return what has happened, each event once and none ever skipped; go on from `int(page.next)`.

        Args:
            after: the place (`cursor`) of the last event that was seen; 0: from the beginning.
            pattern: which events: `eoi.*`.
            limit: how many at the most, 1 to 1000.
            actor: who asks; None: the host's own code.
        """
        return self._done(
            lambda connection: delivering.events(connection, actor, after=after, pattern=pattern, limit=limit)
        )

    # ---- endpoints

    def add_endpoint(
        self,
        url: str,
        *,
        events: Sequence[str] | None = None,
        via: str = "webhook",
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        concurrency: int | None = None,
        ordered: bool = True,
        actor: Actor,
    ) -> EndpointView:
        """Add a receiver; it gets the events from now on. A webhook's secret is shown this once.

        Where the engine was built of settings, a URL is refused that they do not let webhooks go to. Its name
        is not looked up.

        Args:
            url: where to POST; or whom to write to: an e-mail address, `applicant`, `audience`, `officers`,
                `list:NAME`.
            events: which: `eoi.submitted`, `call.*`; None: every event that concerns it.
            via: by which courier: `webhook`, `smtp`, `notify`.
            headers: what goes with each request of a webhook.
            timeout_s: how long each step of an attempt may take, in seconds, up to 30.
            concurrency: how many are on their way at once from each node.
            ordered: whether what is of one EOI or call arrives in order.
            actor: who asks.
        """
        new = NewEndpoint(
            url=url,
            events=events,
            via=via,
            headers=headers,
            timeout_s=timeout_s,
            concurrency=concurrency,
            ordered=ordered,
        )
        return self._done(
            lambda connection: endpoints.add(
                connection,
                actor,
                new,
                vault=self._vault,
                vet_url=self._vet_url,
                now=self._now(connection),
            )
        )

    def endpoints(self, *, actor: Actor | None = None) -> list[EndpointView]:
        """Return every receiver, the oldest first."""
        return self._done(lambda connection: endpoints.every(connection, actor))

    def endpoint(self, endpoint_id: str, *, actor: Actor | None = None) -> EndpointView:
        """Return one receiver."""
        return self._done(lambda connection: endpoints.one(connection, actor, endpoint_id))

    def unreadable_endpoints(self, *, actor: Actor | None = None) -> list[EndpointView]:
        """Return each receiver of which the secret or the headers cannot be read with this engine's vault.

        Nothing is sent there from here: the key is another one, or was lost.
        """
        return self._done(
            lambda connection: sealing.unreadable(
                connection, actor, vault=self._vault, now=self._now(connection)
            )
        )

    def unsealed_endpoints(self, *, actor: Actor | None = None) -> list[EndpointView]:
        """Return each receiver of which the secret or the headers lie readable in the database."""
        return self._done(lambda connection: sealing.unsealed(connection, actor))

    def seal_endpoints(self, *, actor: Actor) -> int:
        """Seal secrets and headers of all receivers under the vault's present key; return of how many.

        For what was kept before there was a key, and before an old key is taken away. What cannot be read
        here stays as it is.
        """
        return self._done(lambda connection: sealing.seal_anew(connection, actor, vault=self._vault))

    def disable_endpoint(self, endpoint_id: str, *, actor: Actor, reason: str | None = None) -> EndpointView:
        """Send nothing there until it is enabled; what happens meanwhile is kept for it."""
        why = reason_or_none(reason)
        return self._done(
            lambda connection: endpoints.disable(
                connection, actor, endpoint_id, reason=why, now=self._now(connection)
            )
        )

    def enable_endpoint(self, endpoint_id: str, *, actor: Actor) -> EndpointView:
        """Send there again, what was kept first."""
        return self._done(lambda connection: endpoints.enable(connection, actor, endpoint_id))

    def rotate_endpoint(
        self, endpoint_id: str, *, actor: Actor, keep_old_s: float = KEEP_OLD_S
    ) -> EndpointView:
        """Give a webhook a new secret, shown this once; for `keep_old_s` seconds both sign."""
        return self._done(
            lambda connection: endpoints.rotate(
                connection,
                actor,
                endpoint_id,
                vault=self._vault,
                keep_old_s=keep_old_s,
                now=self._now(connection),
            )
        )

    def remove_endpoint(self, endpoint_id: str, *, actor: Actor) -> EndpointView:
        """Remove a receiver for good; what waited for it is parked."""
        return self._done(lambda connection: endpoints.remove(connection, actor, endpoint_id))

    def ping(self, endpoint_id: str, *, actor: Actor) -> Delivery:
        """Return a delivery of nothing that happened, for a courier to try a webhook with."""
        return self._done(
            lambda connection: endpoints.ping(connection, actor, endpoint_id, now=self._now(connection))
        )

    # ---- contacts

    def put_contacts(self, list_name: str, people: Iterable[Contact], *, actor: Actor) -> int:
        """Let a list hold these, and nobody else; return how many."""
        return self._done(lambda connection: contacts.replace(connection, actor, list_name, people))

    def contacts(self, list_name: str, *, actor: Actor | None = None) -> list[Contact]:
        """Return who is on a list."""
        return self._done(lambda connection: contacts.of_list(connection, actor, list_name))

    def contact_lists(self, *, actor: Actor | None = None) -> dict[str, int]:
        """Return the lists, and how many are on each."""
        return self._done(lambda connection: contacts.counts(connection, actor))

    # ---- deliveries

    def deliveries(
        self,
        *,
        state: str | None = None,
        endpoint: str | None = None,
        before: int | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> list[DeliveryView]:
        """Return deliveries (pending, delivered, parked), newest first; `before`: only those of lower ids."""
        return self._done(
            lambda connection: delivering.listed(
                connection, actor, state=state, endpoint=endpoint, before=before, limit=limit
            )
        )

    def delivery(self, delivery_id: int, *, actor: Actor | None = None) -> DeliveryDetail:
        """Return one delivery with every attempt."""
        return self._done(lambda connection: delivering.one(connection, actor, delivery_id))

    def delivery_stats(self, *, actor: Actor | None = None) -> list[EndpointStats]:
        """Return how it stands with what there is for each endpoint."""
        return self._done(lambda connection: delivering.stats(connection, actor))

    def retry(self, delivery_id: int | None = None, *, actor: Actor) -> int:
        """Put a parked delivery (None: all of them) back into its line; return how many.

        What is for people goes to those who are there now.

        Raises:
            NobodyToTell: whom it was for is not there, and nobody else who has not had it.
            NotFound: nothing parked has that id.
        """
        return self._done(
            lambda connection: delivering.retry(connection, actor, delivery_id, now=self._now(connection))
        )

    def redrive(
        self,
        *,
        since: datetime | None = None,
        endpoint: str | None = None,
        delivered: bool = False,
        actor: Actor,
    ) -> int:
        """Put what is parked back into its line; return how many.

        Args:
            since: only of events that were recorded then or later, aware; None: of all.
            endpoint: only for the one with this id; None: for all.
            delivered: send again what was delivered, too, to a receiver that has lost it.
            actor: who asks.
        """
        return self._done(
            lambda connection: delivering.redrive(
                connection,
                actor,
                since=since,
                endpoint=endpoint,
                delivered=delivered,
                now=self._now(connection),
            )
        )

    def drop_delivery(
        self, delivery_id: int | None = None, *, endpoint: str | None = None, actor: Actor
    ) -> int:
        """Forget a parked delivery (None: all of them) with its attempts; return how many.

        Args:
            delivery_id: which.
            endpoint: only for the one with this id; None: for all.
            actor: who asks.

        Raises:
            NotFound: nothing parked has that id.
        """
        return self._done(
            lambda connection: delivering.drop(connection, actor, delivery_id, endpoint=endpoint)
        )

    def forget_deliveries(self) -> int:
        """Forget what was delivered so long ago that it is no longer kept; return how many."""
        return self._done(
            lambda connection: delivering.forget(connection, self._now(connection) - self._keep_deliveries)
        )
