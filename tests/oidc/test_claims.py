"""What claims make of a token's holder."""

from typing import Any

import pytest

from adapters.api.claims import ClaimRules, found, parsed_roles
from states.errors import BadInput
from tests.oidc.conftest import RULES
from workflow import Actor

ISSUER = "https://login.example/council"


def actor_of(claims: dict[str, Any], rules: ClaimRules = RULES) -> Actor:
    """Return whom claims speak of."""
    return rules.actor({"sub": "8f21", **claims}, issuer=ISSUER)


@pytest.mark.parametrize(
    ("roles", "given"),
    [
        (["Staff"], {"officer"}),
        ("Staff", {"officer"}),
        (["Staff", "Panel", "Staff"], {"officer", "reviewer", "decider"}),
        (["Staff", "No-Such-Word"], {"officer"}),
        (["School"], {"applicant"}),
        (["officer"], set()),
        (["system"], set()),
        (["staff"], set()),
        (["Staff "], set()),
        ("Staff Panel", set()),
        ("Staff,Panel", set()),
        ([], set()),
        ("", set()),
        (None, set()),
        (5, set()),
        (True, set()),
        ({"Staff": True}, set()),
        ([["Staff"]], set()),
        ([{"name": "Staff"}], set()),
        ([None, True, 5, "Staff"], {"officer"}),
    ],
)
def test_only_a_listed_word_gives_a_role(roles: object, given: set[str]) -> None:
    """Letter by letter; one text is one word; what is odd, and our own names of roles, give nothing."""
    assert actor_of({"roles": roles}).roles == given


def test_without_a_claim_there_is_no_role() -> None:
    """Nobody has a role by default."""
    assert actor_of({}) == Actor(f"{ISSUER}#8f21", via="http")


@pytest.mark.parametrize(
    ("urn", "given"),
    [
        ("121234", {"URN:121234"}),
        (121234, {"URN:121234"}),
        (["121234", 9, "7"], {"URN:121234", "URN:9", "URN:7"}),
        (["121234", None, "", " ", "\x00", "a\u200bb", "x" * 200, 1.5, True, {}, []], {"URN:121234"}),
        ([], set()),
        (None, set()),
        (True, set()),
        ({"121234": "URN"}, set()),
    ],
)
def test_an_applicant_acts_for_those_that_are_named(urn: object, given: set[str]) -> None:
    """One or several, as texts or whole numbers, with what stands before each; odd ones are left out."""
    assert actor_of({"roles": ["School"], "organisation": {"urn": urn}}).organisations == given


def test_only_an_applicant_acts_for_organisations() -> None:
    """Of staff, they are passed over, as a key of staff has none."""
    assert actor_of({"roles": ["Staff"], "organisation": {"urn": "121234"}}).organisations == frozenset()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("roles", "top"),
        ("realm_access.roles", "below"),
        ("https://council.example/roles", "named"),
        ("realm_access", {"roles": "below"}),
        ("realm_access.", None),
        (".roles", None),
        ("realm_access.roles.0", None),
        ("none", None),
        ("none.roles", None),
        ("", None),
    ],
)
def test_a_claim_is_found_by_its_name_or_a_path(path: str, value: object) -> None:
    """A name may have dots in it: it goes before the path that it might be."""
    claims = {
        "roles": "top",
        "realm_access": {"roles": "below"},
        "https://council.example/roles": "named",
    }
    assert found(claims, path) == value


def test_another_claim_may_say_who_it_is() -> None:
    """As `oid`, where `sub` is another one for each program."""
    rules = ClaimRules(roles={"Staff": {"officer"}}, actor_claim="oid")
    assert actor_of({"oid": "c3f1"}, rules).id == f"{ISSUER}#c3f1"


def test_two_issuers_name_two_people() -> None:
    """The same `sub` of two issuers is two actors, and neither can be had by writing it into the other's."""
    ids = {RULES.actor({"sub": "b#c"}, issuer=each).id for each in ("https://a", "https://a/b", ISSUER)}
    assert ids == {"https://a#b#c", "https://a/b#b#c", f"{ISSUER}#b#c"}
    assert {each.partition("#")[0] for each in ids} == {"https://a", "https://a/b", ISSUER}


def test_roles_are_read_from_one_text() -> None:
    """Pairs with commas between; a word may stand there several times, and have spaces in it."""
    assert parsed_roles(" Staff=officer , Panel = reviewer,Panel=decider,, EOI admins=admin,") == {
        "Staff": ["officer"],
        "Panel": ["reviewer", "decider"],
        "EOI admins": ["admin"],
    }
    assert parsed_roles("") == {}


@pytest.mark.parametrize(
    "text", ["Staff", "Staff=", "=officer", "=", "Staff=officer;Panel=decider", "Staff=system"]
)
def test_what_gives_no_role_is_refused(text: str) -> None:
    """A slip of the pen ends the start, and shuts nobody out later; the engine's own role is nobody's."""
    with pytest.raises(BadInput, match="EOI_OIDC_ROLES") as caught:
        parsed_roles(text)
    assert caught.value.field == "oidc_roles"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"roles": {}}, "oidc_roles"),
        ({"roles": {"Staff": []}}, "oidc_roles"),
        ({"roles": {"Staff": ["chair"]}}, "oidc_roles"),
        ({"roles": {"Staff": ["system"]}}, "oidc_roles"),
        ({"roles": {"Staff": "officer"}}, "oidc_roles"),
        ({"roles": {"School": ["applicant"]}}, "oidc_organisations_claim"),
    ],
)
def test_rules_that_make_no_sense_are_refused(given: dict[str, Any], field: str) -> None:
    """No role at all, one that is none, applicants of nowhere: told when it is built."""
    with pytest.raises(BadInput) as caught:
        ClaimRules(**given)
    assert caught.value.field == field
