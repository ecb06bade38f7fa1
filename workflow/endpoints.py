"""The use cases of endpoints: who gets events, by which courier, on which terms."""

import base64
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from states.access import require_role
from states.errors import BadInput
from states.events import Event, Ping
from states.names import Role
from workflow.connection import Connection
from workflow.errors import NotFound
from workflow.headers import header_map
from workflow.hooks import event_types
from workflow.ids import existing_id, new_id, shown
from workflow.inputs import some_actor, span, whole_number
from workflow.outbox import fan_out
from workflow.ports import Delivery, Vault, VetUrl
from workflow.races import until_had
from workflow.receivers import courier, mail_receiver, web_address
from workflow.store import deliveries, endpoints, outbox, people
from workflow.unit_of_work import own_transaction
from workflow.vault import is_readable
from workflow.views import EndpointView

#: Who keeps endpoints, contacts and the outbox; and who may look at them besides.
KEEPERS: Final = frozenset({Role.OFFICER, Role.ADMIN})
LOOKERS: Final = KEEPERS | {Role.AUDITOR}
#: How long the old secret of an endpoint is still valid after a rotation, in seconds: a day.
KEEP_OLD_S: Final = 86_400.0
#: How many random bytes a secret has. Source: Standard Webhooks, 24 to 64.
SECRET_BYTES: Final = 32
#: The least and the longest that each step of an attempt may take, in seconds; the most that go at once.
LEAST_TIMEOUT_S: Final = 0.1
LONGEST_TIMEOUT_S: Final = 30.0
MOST_AT_ONCE: Final = 1000
#: Whom an endpoint stands for -> every event that concerns them.
_EVERY: Final = {people.APPLICANT: "eoi.*", people.AUDIENCE: "call.*"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """A receiver to be added, as it was given."""

    url: object
    #: Patterns; None: every event that concerns it.
    events: object = None
    via: object = "webhook"
    #: Names and texts that go with each request of a webhook.
    headers: object = None
    timeout_s: object = None
    concurrency: object = None
    ordered: object = True


def add(
    connection: Connection,
    actor: object,
    new: NewEndpoint,
    *,
    vault: Vault,
    vet_url: VetUrl | None = None,
    now: datetime,
) -> EndpointView:
    """Add a receiver of the events that happen from now on; a webhook gets its secret, shown this once.

    Raises:
        BadInput: no such courier; an address that is none of its kind; a pattern that fits no event; headers
            or terms that cannot be kept; a URL that `vet_url` does not let pass.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="add an endpoint")
    endpoint, headers = _endpoint(new, now)
    is_webhook = endpoint.courier == people.WEBHOOK
    if is_webhook and vet_url is not None:
        vet_url(endpoint.url)
    secret = _new_secret() if is_webhook else ""
    sealed = {
        "secret": vault.seal(secret) if secret else "",
        "headers": vault.seal(json.dumps(headers)) if headers else "",
    }
    until_had(lambda wait_s: _add(connection, endpoint, sealed, wait_s), longest_s=connection.lock_timeout_s)
    return replace(endpoint, secret=secret or None)


def every(connection: Connection, actor: object) -> list[EndpointView]:
    """Return every receiver, the oldest first.

    Raises:
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    return endpoints.every(connection)


def one(connection: Connection, actor: object, endpoint_id: object) -> EndpointView:
    """Return one receiver.

    Raises:
        NotFound: there is none with that id.
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    return existing(connection, endpoint_id)


def disable(
    connection: Connection, actor: object, endpoint_id: object, *, reason: str | None, now: datetime
) -> EndpointView:
    """Send nothing there any more, until it is enabled; what happens meanwhile is kept for it.

    Raises:
        NotFound: there is none with that id.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="disable an endpoint")
    with own_transaction(connection):
        known = existing(connection, endpoint_id)
        endpoints.disable(connection, known.id, now=now, why=reason or "Disabled by hand.")
        return existing(connection, known.id)


def enable(connection: Connection, actor: object, endpoint_id: object) -> EndpointView:
    """Send there again, what was kept first; its circuit is closed.

    Raises:
        NotFound: there is none with that id.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="enable an endpoint")
    with own_transaction(connection):
        known = existing(connection, endpoint_id)
        endpoints.enable(connection, known.id)
        deliveries.begin_anew(connection, known.id)
        return existing(connection, known.id)


def rotate(
    connection: Connection,
    actor: object,
    endpoint_id: object,
    *,
    vault: Vault,
    keep_old_s: object,
    now: datetime,
) -> EndpointView:
    """Give a webhook a new secret, shown this once; until the old one ends, both sign.

    One that cannot be read any more has ended: beside it nothing could be signed at all.

    Raises:
        BadInput: it is no webhook; a time that is none.
        NotFound: there is none with that id.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="rotate a secret")
    old_until = now + timedelta(
        seconds=span(keep_old_s, field="keep_old_s", unit="seconds", greatest=30 * KEEP_OLD_S)
    )
    secret = _new_secret()
    with own_transaction(connection):
        known = existing(connection, endpoint_id)
        if known.courier != people.WEBHOOK:
            msg = f"Only what goes to a webhook is signed, and {known.url} is none."
            raise BadInput(msg, field="endpoint_id")
        _, old = endpoints.sealed(connection, known.id, now)
        until = old_until if old and is_readable(old[0], vault) else None
        endpoints.rotate(connection, known.id, secret=vault.seal(secret), old_until=until)
        return replace(existing(connection, known.id), secret=secret)


def remove(connection: Connection, actor: object, endpoint_id: object) -> EndpointView:
    """Remove a receiver for good; what still waited for it is parked, what has no delivery yet, too.

    - what waits is given its place, and its deliveries
    - those to the receiver are parked
    - the receiver is gone

    Raises:
        NotFound: there is none with that id.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="remove an endpoint")
    existing(connection, endpoint_id)
    while fan_out(connection):
        pass
    with own_transaction(connection):
        known = existing(connection, endpoint_id)
        # Deliveries are locked before endpoints, as by whoever writes down attempts; those that were being
        # made meanwhile are there when it could be removed.
        deliveries.park_of(connection, known.id)
        endpoints.remove(connection, known.id)
        deliveries.park_of(connection, known.id)
    return known


def ping(connection: Connection, actor: object, endpoint_id: object, *, now: datetime) -> Delivery:
    """Return a delivery of nothing that happened, to try a webhook with.

    Raises:
        BadInput: it is no webhook.
        NotFound: there is none with that id.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="test an endpoint")
    known = existing(connection, endpoint_id)
    if known.courier != people.WEBHOOK:
        msg = f"Only a webhook can be tested, and {known.url} is none."
        raise BadInput(msg, field="endpoint_id")
    headers, signing = endpoints.sealed(connection, known.id, now)
    return Delivery(
        id=0,
        event=_ping(known.id, now),
        courier=known.courier,
        address=known.url,
        attempt=1,
        endpoint_id=known.id,
        timeout_s=known.timeout_s,
        headers=headers,
        secrets=signing,
    )


def existing(connection: Connection, endpoint_id: object) -> EndpointView:
    """Return one receiver.

    Raises:
        NotFound: there is none with that id.
    """
    found = endpoints.one(connection, existing_id(endpoint_id))
    if found is None:
        msg = f"No endpoint has the id {shown(endpoint_id)}."
        raise NotFound(msg)
    return found


def require_keeper(actor: object, *, to: str) -> None:
    """Turn away whoever is neither officer nor admin."""
    require_role(some_actor(actor), KEEPERS, to=to)


def require_looker(actor: object) -> None:
    """Turn away whoever may not look at endpoints and deliveries; the host's own code (None) may."""
    if actor is not None:
        require_role(some_actor(actor), LOOKERS, to="see endpoints and deliveries")


def _endpoint(new: NewEndpoint, now: datetime) -> tuple[EndpointView, Mapping[str, str]]:
    via = courier(new.via)
    is_webhook = via == people.WEBHOOK
    headers = header_map({} if new.headers is None else new.headers)
    if headers and not is_webhook:
        msg = "Only a webhook has headers."
        raise BadInput(msg, field="headers")
    url = web_address(new.url) if is_webhook else mail_receiver(new.url, via)
    endpoint = EndpointView(
        id=new_id(),
        courier=via,
        url=url,
        events=_patterns(new.events, people.whom_of(via, url)[0]),
        created_at=now,
        timeout_s=_timeout_or_none(new.timeout_s),
        concurrency=_at_once_or_none(new.concurrency),
        ordered=_yes_or_no(new.ordered, field="ordered"),
        signed=is_webhook,
        has_headers=bool(headers),
    )
    return endpoint, headers


def _add(connection: Connection, endpoint: EndpointView, sealed: Mapping[str, str], wait_s: float) -> None:
    with own_transaction(connection, wait_s=wait_s):
        # An event that is written and not yet committed has its position already, perhaps below the last one
        # that can be seen; whoever reads the state from now on must get it, so it is waited for.
        outbox.hold_still(connection)
        endpoints.add(connection, endpoint, after_position=outbox.last_position(connection), **sealed)


def _new_secret() -> str:
    """Return a new secret. Source: Standard Webhooks, Symmetric."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _ping(endpoint_id: str, now: datetime) -> Event:
    return Event(
        id=f"{new_id()}:1",
        type=Ping.ENDPOINT_PINGED,
        call_id=endpoint_id,
        call_reference="",
        eoi_id=None,
        applicant=None,
        source=None,
        state="pinged",
        version=1,
        at=now,
        recorded_at=now,
        closes_at=now,
    )


def _patterns(events: object, whom: str) -> tuple[str, ...]:
    if events is None:
        return (_EVERY.get(whom, "*"),)
    if isinstance(events, str) or not isinstance(events, Collection):
        msg = f"events must be a list of patterns, such as ['eoi.*'], not {type(events).__name__}."
        raise BadInput(msg, field="events")
    if not events:
        msg = "events holds no pattern: give one such as 'eoi.*', or leave it out for every event."
        raise BadInput(msg, field="events")
    for pattern in events:
        if not people.concerns(whom, event_types(pattern)):
            msg = (
                f"{pattern} does not concern {whom}: an applicant is told of EOIs, the whole audience of "
                "calls, since an EOI is nobody else's business."
            )
            raise BadInput(msg, field="events")
    return tuple(dict.fromkeys(events))


def _timeout_or_none(value: object) -> float | None:
    if value is None:
        return None
    timeout_s = span(value, field="timeout_s", unit="seconds", greatest=LONGEST_TIMEOUT_S)
    if timeout_s < LEAST_TIMEOUT_S:
        msg = f"timeout_s must be at least {LEAST_TIMEOUT_S:g} seconds."
        raise BadInput(msg, field="timeout_s")
    return timeout_s


def _at_once_or_none(value: object) -> int | None:
    if value is None:
        return None
    return whole_number(value, field="concurrency", least=1, greatest=MOST_AT_ONCE)


def _yes_or_no(value: object, *, field: str) -> bool:
    if not isinstance(value, bool):
        msg = f"{field} must be true or false, not {shown(value)}."
        raise BadInput(msg, field=field)
    return value
