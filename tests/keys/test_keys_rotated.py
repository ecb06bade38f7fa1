"""A key gives way to another: for the same actor, with an overlap, and once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.nodes import Nodes
from workflow import BadInput, Engine, EoiError, KeyView, NameTaken, Unauthenticated, WrongState
from workflow.testing import FrozenClock, admin, race, results

ADMIN: Final = admin("head-of-places")
MANY: Final = 6


def standing(engine: Engine) -> list[str]:
    """Return the state of each key, the oldest first."""
    found = engine.keys()
    return [each.state for each in found]


def test_both_open_until_the_old_one_ends(
    engine: Engine, clock: FrozenClock, made: KeyView, key: str
) -> None:
    """For a day the holder comes in by either, as the same actor; then by the new one alone."""
    clock.move_by(days=3)
    new = engine.rotate_key(made.prefix, actor=admin("another"))
    ends = clock.now() + timedelta(days=1)
    old = engine.key(made.id)
    assert old == replace(made, key=None, state="rotated", superseded_at=clock.now(), old_until=ends)
    assert (new.name, new.roles, new.organisations) == (made.name, made.roles, made.organisations)
    assert (new.created_by, new.created_at, new.state) == ("another", clock.now(), "current")
    assert new.key not in (None, key)
    assert engine.authenticate(key) == engine.authenticate(new.key)
    clock.move_to(ends - timedelta(microseconds=1))
    assert engine.authenticate(key).id == "head-121234"
    clock.move_to(ends)
    with pytest.raises(Unauthenticated):
        engine.authenticate(key)
    assert engine.authenticate(new.key).id == "head-121234"
    assert standing(engine) == ["ended", "current"]


def test_an_overlap_of_nothing_ends_the_old_one_at_once(engine: Engine, made: KeyView, key: str) -> None:
    """Whose key has leaked goes on with a new one, and the old one opens nothing any more."""
    new = engine.rotate_key(made.id, keep_old_s=0, actor=ADMIN)
    with pytest.raises(Unauthenticated):
        engine.authenticate(key)
    assert engine.authenticate(new.key).id == made.name
    assert (engine.key(made.id).state, engine.check()) == ("ended", [])


def test_one_that_was_rotated_can_be_revoked_alone(engine: Engine, made: KeyView, key: str) -> None:
    """The old one ends before its time, the new one stays; and the name is not free for that."""
    new = engine.rotate_key(made.id, actor=ADMIN)
    engine.revoke_key(made.prefix, actor=ADMIN)
    with pytest.raises(Unauthenticated):
        engine.authenticate(key)
    assert engine.authenticate(new.key).id == made.name
    with pytest.raises(NameTaken):
        engine.create_key(made.name, roles={"officer"}, actor=ADMIN)


def test_the_new_one_lasts_as_long_as_the_old_one_was_made_to(engine: Engine, clock: FrozenClock) -> None:
    """Ninety days are ninety days again, also where they are over; another end can be said."""
    days = timedelta(days=90)
    first = engine.create_key("a", roles={"officer"}, expires_at=clock.now() + days, actor=ADMIN)
    clock.move_by(days=100)
    assert engine.key(first.id).state == "expired"
    second = engine.rotate_key(first.id, actor=ADMIN)
    assert second.expires_at == clock.now() + days
    with pytest.raises(Unauthenticated):
        engine.authenticate(first.key)  # an overlap brings nothing back that had expired
    at = datetime(2030, 1, 1, tzinfo=UTC)
    assert engine.rotate_key(second.id, expires_at=at, actor=ADMIN).expires_at == at
    assert standing(engine) == ["expired", "rotated", "current"]


def test_a_key_without_an_end_stays_one(engine: Engine, made: KeyView) -> None:
    """Whose key does not expire gets another that does not."""
    assert engine.rotate_key(made.id, actor=ADMIN).expires_at is None


@pytest.mark.parametrize("what", ["rotate_key", "revoke_key"])
def test_only_a_current_key_is_rotated(
    database: RawDatabase, engine: Engine, made: KeyView, what: str
) -> None:
    """One that was rotated or revoked before is told so, and no key is made."""
    getattr(engine, what)(made.id, actor=ADMIN)
    before = database.rows("eoi_api_key")
    with pytest.raises(WrongState, match="rotated before" if what == "rotate_key" else "revoked") as caught:
        engine.rotate_key(made.id, actor=ADMIN)
    assert caught.value.code == "wrong-state"
    assert database.rows("eoi_api_key") == before


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"keep_old_s": -1}, "keep_old_s"),
        ({"keep_old_s": 30 * 86_400 + 1}, "keep_old_s"),
        ({"keep_old_s": float("nan")}, "keep_old_s"),
        ({"keep_old_s": float("inf")}, "keep_old_s"),
        ({"keep_old_s": "60"}, "keep_old_s"),
        ({"keep_old_s": True}, "keep_old_s"),
        ({"keep_old_s": None}, "keep_old_s"),
        ({"expires_at": datetime(2023, 3, 16, 12, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": datetime(2024, 3, 16)}, "expires_at"),  # noqa: DTZ001 -- that is the point
    ],
)
def test_terms_that_cannot_be_meant_are_refused(
    database: RawDatabase, engine: Engine, made: KeyView, terms: dict[str, Any], field: str
) -> None:
    """A time that is none or has passed is named, and the key stays as it was."""
    before = database.rows("eoi_api_key")
    with pytest.raises(BadInput) as caught:
        engine.rotate_key(made.id, **terms, actor=ADMIN)
    assert (caught.value.field, database.rows("eoi_api_key")) == (field, before)


def test_names_are_taken_once_at_once(new_engine: NewEngine) -> None:
    """Of admins who make a key of one name at the same moment, one has it, the others are told."""
    engines = [new_engine() for _ in range(MANY)]
    found = _at_once(lambda n: engines[n].create_key("places-team", roles={"officer"}, actor=ADMIN))
    (made,) = [each for each in found if isinstance(each, KeyView)]
    assert engines[0].keys() == [replace(made, key=None)]
    assert sorted(each for each in found if isinstance(each, str)) == (["name-taken"] * (MANY - 1))


def test_a_key_is_rotated_once_at_once(new_engine: NewEngine, made: KeyView) -> None:
    """Of admins who rotate it at the same moment, one shows a new key, the others are told."""
    engines = [new_engine() for _ in range(MANY)]
    found = _at_once(lambda n: engines[n].rotate_key(made.id, actor=ADMIN))
    assert sorted(each for each in found if isinstance(each, str)) == ["wrong-state"] * (MANY - 1)
    (new,) = [each for each in found if isinstance(each, KeyView)]
    assert engines[0].authenticate(new.key).id == made.name
    assert (standing(engines[0]), engines[0].check()) == (["rotated", "current"], [])


def test_what_is_revoked_meanwhile_is_not_rotated(
    database: RawDatabase, engine: Engine, nodes: Nodes, made: KeyView
) -> None:
    """An admin who rotates a key while another one revokes it is told so: nobody gets a new one unawares."""
    with database.connect() as other:
        other.execute("BEGIN IMMEDIATE" if database.name == "sqlite" else "BEGIN")
        other.execute("UPDATE eoi_api_key SET revoked_at = created_at, revoked_by = 'another'")
        rotating = nodes.start(lambda node: node.rotate_key(made.id, actor=ADMIN))
        waits = not rotating.done()
        other.execute("COMMIT")
    with pytest.raises(WrongState, match="revoked"):
        rotating.result(timeout=30)
    assert (waits, standing(engine)) == (True, ["revoked"])


def _at_once(do: Callable[[int], KeyView]) -> list[KeyView | str]:
    """Do it in so many threads; return what each came to: a key, or a code."""

    def one(number: int) -> KeyView | str:
        try:
            return do(number)
        except EoiError as exc:
            return exc.code

    return results(race(one, MANY))


def test_a_rotation_without_its_new_key_is_found(
    database: RawDatabase, engine: Engine, made: KeyView
) -> None:
    """`eoi db check` names a key that was rotated where the one that took its place is gone."""
    new = engine.rotate_key(made.id, actor=ADMIN)
    assert engine.check() == []
    database.ask("DELETE FROM eoi_api_key WHERE id = ?", new.id)
    assert engine.check() == [f"key {made.prefix}: rotated, and no other took its place"]
