"""Who asks, normalised; and who sees what."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any, Final

import pytest

from states.access import reads_all, require_role, require_some_role, sees_eoi
from states.errors import BadInput, Refused, RoleMissing
from states.facts import Actor
from states.names import Role

SCHOOL: Final = "URN:121234"
E_ACUTE: Final = "\u00e9"
COMBINING_ACUTE: Final = "\u0301"


def test_an_actor_is_normalised() -> None:
    """Ids come without white space around them and in one form, roles as roles, several as sets."""
    actor = Actor(f" jane{COMBINING_ACUTE} ", ["officer", Role.OFFICER], (f" {SCHOOL}",), " sam ", " cli ")
    assert (actor.id, actor.on_behalf_of, actor.via) == (f"jan{E_ACUTE}", "sam", "cli")
    assert actor.roles == frozenset({Role.OFFICER})
    assert actor.organisations == frozenset({SCHOOL})
    assert actor == Actor(f"jan{E_ACUTE}", {"officer"}, [SCHOOL], "sam", "cli")


def test_an_actor_may_do_nothing_by_default() -> None:
    """Whoever is only named has no role and no organisation, acts for itself, and came through Python."""
    actor = Actor("x")
    assert (len(actor.roles), len(actor.organisations), actor.on_behalf_of, actor.via) == (
        0,
        0,
        None,
        "python",
    )


def test_acting_for_oneself_is_acting_directly() -> None:
    """Whoever acts in the name of itself acts in nobody else's, however it is spelt."""
    assert Actor("sam", on_behalf_of=" sam ").on_behalf_of is None
    assert Actor(f"jan{E_ACUTE}", on_behalf_of=f"jane{COMBINING_ACUTE}").on_behalf_of is None
    assert Actor("sam", on_behalf_of="Sam").on_behalf_of == "Sam"


def test_an_actor_is_frozen_and_travels() -> None:
    """What was asked as stays so; copies, and those that went to another process, are equal."""
    actor = Actor("head", {"applicant"}, {SCHOOL}, "sam")
    with pytest.raises(FrozenInstanceError):
        actor.id = "other"  # type: ignore[misc]  # that is the test
    assert pickle.loads(pickle.dumps(actor)) == copy.deepcopy(actor) == actor  # noqa: S301 -- our own
    assert replace(actor, via="http") == Actor("head", {"applicant"}, {SCHOOL}, "sam", "http")
    assert len({actor, replace(actor)}) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"id": ""}, "actor"),
        ({"id": None}, "actor"),
        ({"id": "x" * 201}, "actor"),
        ({"id": "a\x00"}, "actor"),
        ({"id": "a\ud800"}, "actor"),
        ({"id": "a\u200bb"}, "actor"),
        ({"id": "a\x1b[31m"}, "actor"),
        ({"on_behalf_of": ""}, "on_behalf_of"),
        ({"on_behalf_of": "a\u00adb"}, "on_behalf_of"),
        ({"via": "x" * 33}, "via"),
        ({"via": None}, "via"),
        ({"roles": "officer"}, "roles"),
        ({"roles": b"officer"}, "roles"),
        ({"roles": None}, "roles"),
        ({"roles": {"Officer"}}, "roles"),
        ({"roles": {"officer "}}, "roles"),
        ({"roles": [["officer"]]}, "roles"),
        ({"roles": [None]}, "roles"),
        ({"organisations": SCHOOL}, "organisations"),
        ({"organisations": 121234}, "organisations"),
        ({"organisations": [121234]}, "organisation"),
        ({"organisations": [""]}, "organisation"),
        ({"organisations": ["URN:\u2060121234"]}, "organisation"),
    ],
)
def test_what_is_no_actor_is_refused(given: dict[str, Any], field: str) -> None:
    """A bare text for several, an unknown role, an id that is empty or unseen: refused by its field."""
    with pytest.raises(BadInput) as caught:
        Actor(**({"id": "x"} | given))
    assert caught.value.field == field


def test_an_unknown_role_is_answered_with_the_roles() -> None:
    """A slip of the pen is shown, cut where it is long, with all roles that there are."""
    with pytest.raises(BadInput) as caught:
        Actor("x", {"officer\x1b" + "r" * 999})
    assert caught.value.message == (
        f"There is no role {'officer' + chr(27) + 'r' * 52!r}. Roles are: applicant, officer, reviewer, "
        "decider, auditor, admin, system."
    )


STAFF: Final = ("officer", "reviewer", "decider", "auditor", "admin", "system")


@pytest.mark.parametrize("role", [None, *Role])
def test_staff_see_every_eoi_and_applicants_their_own(role: str | None) -> None:
    """Who sees which EOI, for every role: staff all, an applicant its organisations', nobody else any."""
    actor = Actor("x", {role} if role else (), {SCHOOL})
    own, others = sees_eoi(actor, SCHOOL), sees_eoi(actor, "URN:999999")
    assert (own, others) == (role in {*STAFF, "applicant"}, role in STAFF)
    assert reads_all(actor) == (role in STAFF)


def test_the_hosts_own_code_sees_everything() -> None:
    """Reads without an actor are those of the host itself."""
    assert (reads_all(None), sees_eoi(None, SCHOOL)) == (True, True)


def test_without_a_role_nothing_is_allowed() -> None:
    """Whoever comes without a role is turned away by name; any role at all passes this first door."""
    with pytest.raises(RoleMissing, match=r"x has no role, and without one nothing is allowed\."):
        require_some_role(Actor("x", organisations={SCHOOL}))
    for role in Role:
        require_some_role(Actor("x", {role}))


@pytest.mark.parametrize("role", [None, *Role])
def test_a_role_that_is_asked_for_is_included_in_no_other(role: Role | None) -> None:
    """What an officer or admin may do, no other role may, and the refusal says which were needed and held."""
    actor = Actor("x", {role} if role else ())
    if role in {Role.OFFICER, Role.ADMIN}:
        require_role(actor, {Role.OFFICER, Role.ADMIN}, to="add an endpoint")
        return
    with pytest.raises(Refused) as caught:
        require_role(actor, {Role.OFFICER, Role.ADMIN}, to="add an endpoint")
    assert [reason.code for reason in caught.value.reasons] == ["role-missing"]
    assert caught.value.message == (
        f"It takes the role admin or officer to add an endpoint; x has: {role or 'none'}."
    )
