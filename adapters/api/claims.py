"""What a token's claims make of its holder: who it is, which of our roles, for which organisations.

Deny by default: a word that is not listed gives no role, and what is of an odd type gives nothing.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from states.errors import BadInput
from states.facts import BY_HTTP
from states.names import Role
from states.text import plain_id
from workflow import Actor, Unauthenticated

#: Between an issuer and whom it names, in an actor's id: no issuer has one in its name.
BETWEEN: Final = "#"

#: Whom an issuer names. Source: OpenID Connect Core 1.0, 2 (`sub`): ASCII. And no e-mail address.
_SUBJECT: Final = re.compile(r"[!-?A-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """How an issuer's claims are read; each by its name, or by a path: `realm_access.roles`.

    Raises:
        BadInput: no roles, one that no token may have; or applicants without a claim for organisations.
    """

    #: The issuer's word -> our roles.
    roles: Mapping[str, Collection[str]]
    #: Where the issuer's words are: a list of texts, or one.
    roles_claim: str = "roles"
    #: Where an applicant's organisations are: a list of ids, or one; None: nobody is an applicant.
    organisations_claim: str | None = None
    #: What stands before each of them: `URN:`.
    organisations_prefix: str = ""
    #: Who it is: what stays for good, and is given to nobody else.
    actor_claim: str = "sub"

    def __post_init__(self) -> None:
        """Check what was given."""
        given = {_role(role) for roles in self.roles.values() for role in roles}
        if not given:
            msg = "EOI_OIDC_ROLES must say which of the issuer's words gives which role: Staff=officer."
            raise BadInput(msg, field="oidc_roles")
        if Role.APPLICANT in given and not self.organisations_claim:
            msg = "EOI_OIDC_ORGANISATIONS_CLAIM must say where an applicant's organisations stand."
            raise BadInput(msg, field="oidc_organisations_claim")

    def actor(self, claims: Mapping[str, Any], *, issuer: str) -> Actor:
        """Return whom claims speak of; it may hold no role.

        Raises:
            Unauthenticated: nobody, or somebody by an e-mail address, or by what is too long to be kept.
        """
        subject = found(claims, self.actor_claim)
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise Unauthenticated(why="actor")
        roles = {
            Role(role)
            for word in _words(found(claims, self.roles_claim))
            for role in self.roles.get(word, ())
        }
        organisations = set(self._organisations(claims)) if Role.APPLICANT in roles else set()
        try:
            return Actor(f"{issuer}{BETWEEN}{subject}", roles, organisations, via=BY_HTTP)
        except BadInput:
            raise Unauthenticated(why="actor") from None

    def _organisations(self, claims: Mapping[str, Any]) -> Iterator[str]:
        for word in _words(found(claims, self.organisations_claim or "")):
            try:
                yield plain_id(
                    self.organisations_prefix + plain_id(word, field="organisation"), field="organisation"
                )
            except BadInput:
                continue


def parsed_roles(text: str) -> dict[str, list[str]]:
    """Read `EOI_OIDC_ROLES`: `Council.Officer=officer, Panel=reviewer, Panel=decider`.

    Raises:
        BadInput: a part is no such pair.
    """
    roles = dict[str, list[str]]()
    for part in filter(None, (each.strip() for each in text.split(","))):
        word, _, role = (each.strip() for each in part.partition("="))
        if not word or not role or "=" in role:
            msg = f"EOI_OIDC_ROLES must hold pairs with commas between, Staff=officer, not {part[:60]!r}."
            raise BadInput(msg, field="oidc_roles")
        roles.setdefault(word, []).append(_role(role))
    return roles


def found(claims: object, path: str) -> object:
    """Return what stands at a path, or under a name with dots in it: https://council.example/roles."""
    if not isinstance(claims, Mapping):
        return None
    if path in claims:
        return claims[path]
    name, _, rest = path.partition(".")
    return found(claims.get(name), rest) if rest else None


def _words(value: object) -> Iterator[str]:
    """Yield the texts of a list, or of one; whole numbers, too, as ids of organisations may be."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str | int) and not isinstance(each, bool):
            yield str(each)


def _role(word: str) -> Role:
    if word in set(Role) - {Role.SYSTEM}:
        return Role(word)
    given = ", ".join(sorted(set(Role) - {Role.SYSTEM}))
    msg = f"EOI_OIDC_ROLES gives {str(word)[:60]!r}, which no token may: give some of {given}."
    raise BadInput(msg, field="oidc_roles")
