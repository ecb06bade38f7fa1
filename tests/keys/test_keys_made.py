"""Keys are made for those who may have them, shown once, and kept as a hash."""

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.databases.raw import RawDatabase
from workflow import Actor, BadInput, Engine, KeyView, NameTaken, NotFound, Role, RoleMissing
from workflow.testing import FrozenClock, admin, auditor, decider, officer, reviewer, school

LATER: Final = datetime(2024, 3, 16, tzinfo=UTC)
ADMIN: Final = admin("head-of-places")
#: Another key of the same name, with one more column.
COPY: Final = """
INSERT INTO eoi_api_key (id, name, prefix, hash, roles, organisations, created_at, created_by, {})
SELECT 'x', name, 'other000', 'y', roles, organisations, created_at, created_by, {} FROM eoi_api_key
"""
FORM: Final = re.compile(r"eoi_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")


def test_a_key_is_shown_once_and_kept_as_a_hash(
    database: RawDatabase, engine: Engine, made: KeyView, key: str
) -> None:
    """Who makes a key sees it; nothing shows it later, and the database has its SHA-256 alone."""
    form = FORM.fullmatch(key)
    assert form is not None
    assert made == replace(engine.key(made.id), key=key)
    assert engine.keys() == [engine.key(made.prefix)] == [replace(made, key=None)]
    (row,) = database.rows("eoi_api_key")
    assert (row["hash"], row["prefix"]) == (hashlib.sha256(key.encode()).hexdigest(), form[1])
    assert form[2] not in str(database.tables())
    assert (form[2] in repr(made), form[2] in str(made)) == (False, False)


def test_a_key_is_in_no_file(database: RawDatabase, engine: Engine, key: str) -> None:
    """Not a page of the SQLite file or its log holds a key, however it has been used."""
    engine.authenticate(key)
    if database.name == "sqlite":
        files = [each.read_bytes() for each in database.path.parent.glob("eoi.db*")]  # type: ignore[attr-defined]
        assert [key.encode()[13:] in each for each in files] == [False] * len(files)
        assert any(b"head-121234" in each for each in files)


def test_the_log_tells_of_keys_without_showing_any(
    engine: Engine, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator reads that a key was made, rotated, revoked, by its prefix; no secret, no hash."""
    with caplog.at_level(logging.DEBUG, logger="eoi"):
        old = engine.create_key("places-team", roles={"officer"}, actor=ADMIN)
        new = engine.rotate_key(old.id, actor=ADMIN)
        engine.revoke_key(new.id, actor=ADMIN)
        engine.revoke_key(new.id, actor=ADMIN)
        engine.authenticate(key)
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
        _code_of(lambda: engine.authenticate(wrong))
    told = [(each.getMessage(), vars(each)["prefix"]) for each in caplog.records]
    assert told == [("key.created", old.prefix), ("key.rotated", new.prefix), ("key.revoked", new.prefix)]
    said = " ".join(str(vars(each)) for each in caplog.records)
    secrets = [str(each)[13:] for each in (key, wrong, old.key, new.key)]
    assert [each for each in secrets if each in said] == []


def test_a_view_says_who_had_it_and_what_they_may(engine: Engine, clock: FrozenClock) -> None:
    """Name, roles and organisations in order, who made it and when, until when."""
    made = engine.create_key(
        "trust.desk",
        roles=["reviewer", "applicant", "reviewer"],
        organisations=["UKPRN:2", "UKPRN:1"],
        expires_at=LATER,
        actor=ADMIN,
    )
    assert replace(made, id="", prefix="", key=None) == KeyView(
        id="",
        name="trust.desk",
        prefix="",
        roles=(Role.APPLICANT, Role.REVIEWER),
        organisations=("UKPRN:1", "UKPRN:2"),
        state="current",
        created_at=clock.now(),
        created_by="head-of-places",
        expires_at=LATER,
    )


def test_no_two_keys_are_alike(engine: Engine) -> None:
    """Each has a prefix and a secret of its own."""
    keys = [str(engine.create_key(f"n{n}", roles={"officer"}, actor=ADMIN).key) for n in range(50)]
    parts = [found.groups() for each in keys if (found := FORM.fullmatch(each))]
    assert [len(set(each)) for each in zip(*parts, strict=True)] == [50, 50]


@pytest.mark.parametrize("actor", [officer(), reviewer(), decider(), auditor(), school()])
def test_only_an_admin_keeps_keys(database: RawDatabase, engine: Engine, made: KeyView, actor: Actor) -> None:
    """No other role makes, rotates or revokes one, and nothing has changed; auditors may look."""
    before = database.rows("eoi_api_key")
    asks: list[Callable[[], Any]] = [
        lambda: engine.create_key("mine", roles={"admin"}, actor=actor),
        lambda: engine.rotate_key(made.id, actor=actor),
        lambda: engine.revoke_key(made.id, actor=actor),
        lambda: engine.keys(actor=actor),
        lambda: engine.key(made.id, actor=actor),
    ]
    looks = "ok" if actor == auditor() else "role-missing"
    assert [_code_of(ask) for ask in asks] == ["role-missing"] * 3 + [looks] * 2
    assert database.rows("eoi_api_key") == before


def test_nobody_learns_from_a_refusal_which_keys_there_are(engine: Engine, made: KeyView) -> None:
    """Who lacks the role gets the same answer for a key that is there and for one that is not."""
    for name in (made.id, made.prefix, "nothing0", ""):
        with pytest.raises(RoleMissing) as caught:
            engine.key(name, actor=officer())
        told = "It takes the role admin or auditor to see keys; programme.team has: officer."
        assert caught.value.message == told


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "head@school.example"}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": "zero\u200bwidth"}, "name"),
        ({"name": "half \ud800"}, "name"),
        ({"name": "system"}, "name"),
        ({"name": "https://login.example/council#8f21"}, "name"),
        ({"name": "HTTP://login.example"}, "name"),
        ({"name": " System "}, "name"),
        ({"roles": ()}, "roles"),
        ({"roles": {"system"}}, "roles"),
        ({"roles": {"officer", "system"}}, "roles"),
        ({"roles": {"mayor"}}, "roles"),
        ({"roles": "officer"}, "roles"),
        ({"roles": None}, "roles"),
        ({"roles": [["officer"]]}, "roles"),
        ({"roles": (each for each in ("officer",))}, "roles"),
        ({"roles": {"applicant"}}, "organisations"),
        ({"organisations": {"URN:1"}}, "organisations"),
        ({"roles": {"applicant"}, "organisations": "URN:1"}, "organisations"),
        ({"roles": {"applicant"}, "organisations": [1]}, "organisation"),
        ({"roles": {"applicant"}, "organisations": [""]}, "organisation"),
        ({"roles": {"applicant"}, "organisations": None}, "organisations"),
        ({"roles": {"applicant"}, "organisations": [f"URN:{n}" for n in range(1001)]}, "organisations"),
        ({"expires_at": datetime(2024, 3, 16)}, "expires_at"),  # noqa: DTZ001 -- that is the point
        ({"expires_at": datetime(2023, 3, 16, 12, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": datetime(2023, 3, 15, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": datetime(9999, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": "2024-03-16T00:00Z"}, "expires_at"),
        ({"expires_at": 86_400}, "expires_at"),
    ],
)
def test_a_key_that_nobody_may_have_is_refused(
    database: RawDatabase, engine: Engine, changes: dict[str, Any], field: str
) -> None:
    """What is wrong is named, and nothing is written."""
    given: dict[str, Any] = {"name": "places-team", "roles": {"officer"}} | changes
    with pytest.raises(BadInput) as caught:
        engine.create_key(**given, actor=ADMIN)
    assert caught.value.field == field
    assert database.rows("eoi_api_key") == []


@pytest.mark.parametrize("roles", [(), {"mayor"}, {"system"}, {"officer", "system"}, [["officer"]]])
def test_who_asks_for_a_role_that_no_key_has_is_told_which_there_are(engine: Engine, roles: Any) -> None:
    """Each role but the engine's own, of which no list of what may be given speaks."""
    with pytest.raises(BadInput) as caught:
        engine.create_key("places-team", roles=roles, actor=ADMIN)
    what, _, told = caught.value.message.partition(". Roles of a key are: ")
    assert told == "admin, applicant, auditor, decider, officer, reviewer."
    assert set(what.split()).isdisjoint({"applicant", "admin"})


def test_a_naive_expiry_has_a_code_of_its_own(engine: Engine) -> None:
    """As every other instant that is given without its zone."""
    with pytest.raises(BadInput) as caught:
        engine.create_key("a", roles={"officer"}, expires_at=datetime(2024, 3, 16), actor=ADMIN)  # noqa: DTZ001
    assert caught.value.code == "naive-datetime"


def test_a_name_has_one_current_key(database: RawDatabase, engine: Engine, clock: FrozenClock) -> None:
    """A second one is refused, by the first one's prefix; expired it still has the name, revoked not."""
    first = engine.create_key("places-team", roles={"officer"}, expires_at=LATER, actor=ADMIN)

    def again() -> KeyView:
        return engine.create_key(" places-team ", roles={"auditor"}, actor=ADMIN)

    with pytest.raises(NameTaken, match=first.prefix) as caught:
        again()
    assert (caught.value.code, caught.value.facts) == ("name-taken", {"prefix": first.prefix})
    clock.move_to(LATER + timedelta(days=1))
    assert (_code_of(again), engine.key(first.id).state) == ("name-taken", "expired")
    engine.revoke_key(first.prefix, actor=ADMIN)
    assert again().name == "places-team"
    states = [row["revoked_at"] is None for row in database.rows("eoi_api_key")]
    assert states == [False, True]


def test_the_database_itself_keeps_a_name_to_one_key(database: RawDatabase, made: KeyView) -> None:
    """Nobody writes a second current key beside the engine, nor one rotated or revoked by halves."""
    for bad in (("last_used_at", "NULL"), ("superseded_at", "created_at"), ("revoked_at", "created_at")):
        with pytest.raises(database.error):
            database.run(COPY.format(*bad))
    database.run(COPY.format("revoked_at, revoked_by", "created_at, name"))
    assert [row["prefix"] for row in database.rows("eoi_api_key")] == [made.prefix, "other000"]


@pytest.mark.parametrize(
    "name", ["", "nothing0", "NOTHING0", "%", "eoi_", None, 5, "x" * 100_000, "0" * 36, "a\x00b", b"nothing0"]
)
def test_what_no_key_is_called_is_not_found(engine: Engine, made: KeyView, name: Any) -> None:
    """An id or prefix that nothing has is told apart from nothing, and never repeated: it may be a secret."""
    asks: list[Callable[[], Any]] = [
        lambda: engine.key(name),
        lambda: engine.revoke_key(name, actor=ADMIN),
        lambda: engine.rotate_key(name, actor=ADMIN),
    ]
    for ask in asks:
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.message == "No key has that id or prefix."
    assert engine.key(made.id).state == "current"


def test_a_key_that_lies_about_is_revoked_by_itself(engine: Engine, made: KeyView, key: str) -> None:
    """Whoever found a key, whole or the beginning of it, need not take it to pieces."""
    named = {engine.key(each).id for each in (made.id, made.prefix, f"eoi_{made.prefix}", key, key[:30])}
    assert named == {made.id}
    revoked = engine.revoke_key(key, actor=ADMIN)
    assert (revoked.state, revoked.key) == ("revoked", None)


def _code_of(ask: Callable[[], Any]) -> str:
    try:
        ask()
    except Exception as exc:  # noqa: BLE001 -- whatever it says
        return str(getattr(exc, "code", repr(exc)))
    return "ok"
