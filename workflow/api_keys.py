"""The use cases of keys of the HTTP door: who gets one, what it may do, and who comes with it.

A key is 256 random bits, of which only the SHA-256 is kept. That is enough, without salt and without a slow
hash: nobody can try that many. Source: NIST SP 800-63B (2017), 5.1.2.2: look-up secrets with at least 112
bits of entropy are hashed with an approved one-way function; only those with fewer need a salt and more.
"""

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from states.access import require_role
from states.errors import BadInput, EoiError, Refusal, Refused
from states.facts import BY_HTTP, Actor
from states.names import Role
from states.text import plain_id
from workflow.columns import PREFIX
from workflow.connection import Connection
from workflow.endpoints import KEEP_OLD_S
from workflow.errors import NameTaken, NotFound, Overtaken, Unauthenticated
from workflow.ids import is_id, new_id, shown
from workflow.inputs import aware, some_actor, span
from workflow.log import get_log
from workflow.store import api_keys
from workflow.unit_of_work import own_transaction
from workflow.views import KeyView

#: Who keeps keys; and who may look at them besides.
KEEPERS: Final = frozenset({Role.ADMIN})
LOOKERS: Final = KEEPERS | {Role.AUDITOR}
#: What a key's holder may be, in order.
GIVEN: Final = tuple(sorted(set(Role) - {Role.SYSTEM}))
#: How many random bytes a key has.
KEY_BYTES: Final = 32
#: A use is written down again when the last one is this long ago.
USED_EVERY: Final = timedelta(minutes=5)
#: The most organisations that one key acts for: the largest trust has about a hundred.
MOST: Final = 1000

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_PREFIX: Final = f"[a-z0-9]{{{PREFIX}}}"
_FORM: Final = re.compile(f"eoi_({_PREFIX})_[A-Za-z0-9_-]{{43}}")
# What people copy: the prefix, with `eoi_` or without, or all of a key that was found lying about.
_NAMED: Final = re.compile(f"(?:eoi_)?({_PREFIX})(?:_[A-Za-z0-9_-]*)?")
# What a key is compared with where its prefix is nobody's: nothing has this hash.
_NOBODYS: Final = "-" * 64
# By this name history knows the sweep.
_OURS: Final = "system"

_log = get_log("keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be made, as it was asked for."""

    name: object
    roles: object
    organisations: object = ()
    expires_at: object = None


@dataclass(frozen=True, slots=True)
class Presented:
    """What somebody comes with, that looks like a key."""

    prefix: str
    #: SHA-256, in hex, of the whole.
    hash: str = field(repr=False)


def create(connection: Connection, actor: object, new: NewKey, *, now: datetime) -> KeyView:
    """Make a key, shown this once.

    Raises:
        BadInput: a name, roles, organisations or an expiry that no key may have.
        NameTaken: there is a current one of that name; expired or not.
        Refused: `role-missing`: no admin.
    """
    admin = _require_keeper(actor, to="create a key")
    whose, expires_at = _holder(new), _later(new.expires_at, now)
    key, view = _made(whose, by=admin, expires_at=expires_at, now=now)
    with own_transaction(connection):
        if taken := api_keys.current(connection, view.name, now):
            msg = f"{view.name} has a key already, {taken.prefix}: rotate it, or revoke it first."
            raise NameTaken(msg, prefix=taken.prefix)
        api_keys.add(connection, view, hashed=_hash(key))
    _log.info("key.created", key_id=view.id, prefix=view.prefix)
    return replace(view, key=key)


def every(connection: Connection, actor: object, *, now: datetime) -> list[KeyView]:
    """Return every key that ever was, the oldest first.

    Raises:
        Refused: `role-missing`: neither admin nor auditor.
    """
    _require_looker(actor)
    return api_keys.every(connection, now)


def one(connection: Connection, actor: object, id_or_prefix: object, *, now: datetime) -> KeyView:
    """Return one key.

    Raises:
        NotFound: there is none with that id or prefix.
        Refused: `role-missing`: neither admin nor auditor.
    """
    _require_looker(actor)
    return _existing(connection, id_or_prefix, now)


def revoke(connection: Connection, actor: object, id_or_prefix: object, *, now: datetime) -> KeyView:
    """Let a key be valid no more, from this instant on; one that was revoked before stays as it is.

    Raises:
        NotFound: there is none with that id or prefix.
        Refused: `role-missing`: no admin.
    """
    admin = _require_keeper(actor, to="revoke a key")
    with own_transaction(connection):
        known = _existing(connection, id_or_prefix, now)
        is_new = api_keys.revoke(connection, known.id, now=now, who=admin.id)
        view = _existing(connection, known.id, now)
    if is_new:
        _log.info("key.revoked", key_id=view.id, prefix=view.prefix)
    return view


def rotate(
    connection: Connection,
    actor: object,
    id_or_prefix: object,
    *,
    keep_old_s: object,
    expires_at: object,
    now: datetime,
) -> KeyView:
    """Put a new key in the place of a current one, shown this once: for the same actor, who may the same.

    Args:
        connection: in no transaction.
        actor: who asks.
        id_or_prefix: the one that is there; it may have expired.
        keep_old_s: how long that is still valid, in seconds; 0: it ends at once.
        expires_at: when the new one ends; None: it lives as long as the one before was made to.
        now: the present instant.

    Raises:
        BadInput: a time that is none, or has passed.
        NotFound: there is none with that id or prefix.
        Refused: `role-missing`: no admin. `wrong-state`: it was rotated or revoked before.
    """
    admin = _require_keeper(actor, to="rotate a key")
    kept = timedelta(seconds=span(keep_old_s, field="keep_old_s", unit="seconds", greatest=30 * KEEP_OLD_S))
    until = _later(expires_at, now)
    with own_transaction(connection):
        known = _existing(connection, id_or_prefix, now)
        _require_current(known)
        holder = Actor(known.name, known.roles, known.organisations)
        key, view = _made(holder, by=admin, expires_at=until or _as_long(known, now), now=now)
        if not api_keys.supersede(connection, known.id, now=now, until=now + kept):
            raise Overtaken
        api_keys.add(connection, view, hashed=_hash(key))
    _log.info("key.rotated", key_id=view.id, prefix=view.prefix, old_key_id=known.id)
    return replace(view, key=key)


def presented(key: object) -> Presented:
    """Return what somebody comes with, if it is a key by its looks: these are no secret.

    Raises:
        Unauthenticated: it is none.
    """
    form = _FORM.fullmatch(key) if isinstance(key, str) else None
    if form is None:
        raise Unauthenticated
    return Presented(form[1], _hash(form[0]))


def authenticate(connection: Connection, key: Presented, *, now: datetime) -> Actor:
    """Return who comes with a key.

    Whatever is wrong with it, the answer is one and the same; and it takes the same steps for a prefix that
    is somebody's as for one that is nobody's.

    - the key's last use, to within five minutes; where that cannot be written, the answer is no other

    Raises:
        Unauthenticated: nobody does: it is not valid, or no more.
        DatabaseUnavailable: it cannot be known now.
    """
    view, stored = api_keys.hashed(connection, key.prefix, now) or (None, _NOBODYS)
    is_it = compare_digest(stored, key.hash)
    if view is None or not is_it or view.state not in api_keys.VALID:
        raise Unauthenticated
    if view.last_used_at is None or view.last_used_at + USED_EVERY <= now:
        _note_use(connection, view, now)
    return Actor(view.name, view.roles, view.organisations, via=BY_HTTP)


def _note_use(connection: Connection, view: KeyView, now: datetime) -> None:
    """Write down that it is used, if that can be done without waiting for anybody."""
    try:
        with own_transaction(connection, wait_s=0):
            api_keys.used(connection, view.id, now=now, before=now - USED_EVERY)
    except EoiError as exc:
        _log.debug("key.use-not-noted", key_id=view.id, code=exc.code)


def _made(whose: Actor, *, by: Actor, expires_at: datetime | None, now: datetime) -> tuple[str, KeyView]:
    """Return a new key for somebody, and its view."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(PREFIX))
    view = KeyView(
        id=new_id(),
        name=whose.id,
        prefix=prefix,
        roles=tuple(sorted(whose.roles)),
        organisations=tuple(sorted(whose.organisations)),
        state="current",
        created_at=now,
        created_by=by.id,
        expires_at=expires_at,
    )
    return f"eoi_{prefix}_{secrets.token_urlsafe(KEY_BYTES)}", view


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _holder(new: NewKey) -> Actor:
    """Return for whom a key is asked, checked."""
    name = plain_id(new.name, field="name")
    if "@" in name:
        msg = "The name of a key stands in history for good: let it be opaque, not an e-mail address."
        raise BadInput(msg, field="name")
    if "://" in name:
        msg = "By a name with :// history knows whom an issuer of tokens named: give another."
        raise BadInput(msg, field="name")
    if name.casefold() == _OURS:
        msg = f"By the name {name} history knows the engine's own sweep: give another."
        raise BadInput(msg, field="name")
    roles, organisations = _several(new.roles, "roles"), _several(new.organisations, "organisations")
    _require_given(roles)
    holder = Actor(name, roles, organisations)
    _check_organisations(holder)
    return holder


def _several(values: object, name: str) -> Collection[str]:
    if isinstance(values, str | bytes) or not isinstance(values, Collection):
        msg = f"{name} must be a list of texts, not {type(values).__name__}."
        raise BadInput(msg, field=name)
    return values


def _require_given(roles: Collection[object]) -> None:
    """Let pass one role or several that a key may have; `system` is the engine's own."""
    wrong = [each for each in roles if each not in GIVEN]
    if wrong or not roles:
        what = f"No key may have the role {shown(wrong[0])}" if wrong else "A key has at least one role"
        msg = f"{what}. Roles of a key are: {', '.join(GIVEN)}."
        raise BadInput(msg, field="roles")


def _check_organisations(holder: Actor) -> None:
    is_applicant = Role.APPLICANT in holder.roles
    if is_applicant and not holder.organisations:
        msg = "An applicant acts for an organisation: say for which one, or for several."
        raise BadInput(msg, field="organisations")
    if holder.organisations and not is_applicant:
        msg = "Only an applicant acts for organisations, and the roles of this key hold no applicant."
        raise BadInput(msg, field="organisations")
    if len(holder.organisations) > MOST:
        msg = f"A key acts for {MOST:,} organisations at the most."
        raise BadInput(msg, field="organisations")


def _later(value: object, now: datetime) -> datetime | None:
    """Return when a key is to end, UTC; None: never."""
    if value is None:
        return None
    at = aware(value, field="expires_at")
    if at <= now:
        msg = "That expiry has passed: the key would never be valid."
        raise BadInput(msg, field="expires_at")
    return at


def _as_long(known: KeyView, now: datetime) -> datetime | None:
    """Return when a key ends that is made now, to last as long as another was made to."""
    return None if known.expires_at is None else now + (known.expires_at - known.created_at)


def _existing(connection: Connection, id_or_prefix: object, now: datetime) -> KeyView:
    """Return one key; who asks for it by all of a key finds it, too, and never sees that again."""
    name = id_or_prefix if isinstance(id_or_prefix, str) else ""
    if named := _NAMED.fullmatch(name):
        name = named[1]
    elif not is_id(name):
        name = ""
    found = api_keys.one(connection, name, now) if name else None
    if found is None:
        msg = "No key has that id or prefix."
        raise NotFound(msg)
    return found


def _require_current(known: KeyView) -> None:
    if known.revoked_at is not None:
        msg = f"The key {known.prefix} was revoked: create a new one."
    elif known.superseded_at is not None:
        msg = f"The key {known.prefix} was rotated before: rotate the one that took its place."
    else:
        return
    raise Refused.because([Refusal("wrong-state", msg, field="state")])


def _require_keeper(actor: object, *, to: str) -> Actor:
    """Return who asks, an admin."""
    known = some_actor(actor)
    require_role(known, KEEPERS, to=to)
    return known


def _require_looker(actor: object) -> None:
    """Turn away whoever may not look at keys; the host's own code (None) may."""
    if actor is not None:
        require_role(some_actor(actor), LOOKERS, to="see keys")
