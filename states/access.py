"""Who sees what, and who may do what no lifecycle table speaks of. Deny by default."""

from collections.abc import Collection

from states.errors import Refusal, Refused
from states.facts import Actor
from states.names import ROLES_THAT_READ_ALL, Role


def reads_all(actor: Actor | None) -> bool:
    """Every EOI, and the counts of a call: staff do, and so does the host's own code (None)."""
    return actor is None or bool(actor.roles & ROLES_THAT_READ_ALL)


def sees_eoi(actor: Actor | None, applicant: str) -> bool:
    """Staff see every EOI, an applicant those of its own organisations; what is not theirs is not found."""
    if actor is None or actor.roles & ROLES_THAT_READ_ALL:
        return True
    return Role.APPLICANT in actor.roles and applicant in actor.organisations


def may(actor: Actor, wanted: Collection[Role]) -> bool:
    """Whoever holds one of the roles may; and an officer, who stands in for an applicant, for a named one."""
    return bool(actor.roles & set(wanted)) or (Role.APPLICANT in wanted and stands_in(actor))


def stands_in(actor: Actor) -> bool:
    """Return whether an officer acts on behalf of somebody, as for a school whose line is dead.

    It is on record who did it, and for whom.
    """
    return Role.OFFICER in actor.roles and actor.on_behalf_of is not None


def not_for(actor: Actor, applicant: str) -> Refusal | None:
    """Return why an actor applies for no such organisation; None: it is its own, or an officer stands in."""
    if applicant in actor.organisations or stands_in(actor):
        return None
    message = f"{actor.id} does not act for {applicant}."
    return Refusal("not-your-organisation", message, field="organisation")


def require_some_role(actor: Actor) -> None:
    """Turn away whoever comes without a role, before anything is looked up.

    Raises:
        Refused: `role-missing`.
    """
    if not actor.roles:
        message = f"{actor.id} has no role, and without one nothing is allowed."
        raise Refused.because([Refusal("role-missing", message)])


def require_role(actor: Actor, wanted: Collection[Role], *, to: str) -> None:
    """Turn away whoever holds none of the roles wanted.

    Raises:
        Refused: `role-missing`.
    """
    if not may(actor, wanted):
        raise Refused.because([role_missing(actor, wanted, to=to)])


def role_missing(actor: Actor, wanted: Collection[Role], *, to: str) -> Refusal:
    """Say which role it takes, and which the actor has."""
    held = ", ".join(sorted(actor.roles)) or "none"
    message = f"It takes the role {' or '.join(sorted(wanted))} to {to}; {actor.id} has: {held}."
    if Role.APPLICANT in wanted and Role.OFFICER in actor.roles:
        message += " An officer may do it on behalf of somebody, who is named then."
    return Refusal("role-missing", message)
