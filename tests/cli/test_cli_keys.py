"""`eoi key`: keys of the HTTP door are made, shown once, listed, rotated and revoked."""

import re
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any, Final

import pytest

from workflow import Engine, KeyView
from workflow.testing import FrozenClock, admin

ADMIN: Final = ("--as", "head-of-places", "--role", "admin")
SCHOOL: Final = ("--name", "head-121234", "--may", "applicant", "--for", "URN:121234")
TEAM: Final = ("--name", "places-team", "--may", "officer")
KEY: Final = re.compile(r"eoi_([a-z0-9]{8})_[A-Za-z0-9_-]{43}")
Eoi = Callable[..., Any]


def made(eoi: Eoi, *words: str) -> Any:
    """Make a key; return its document."""
    return eoi("key", "create", *(words or TEAM), *ADMIN, "--json").json


def test_a_key_is_shown_once_with_how_to_use_it(eoi: Eoi, engine: Engine) -> None:
    """Who makes one is told whose it is, the key itself, that this is the only time, and where it goes."""
    answer = eoi("key", "create", *SCHOOL, *ADMIN)
    (key,) = KEY.finditer(answer.out)
    assert answer.out == (
        f"Whoever has the key {key[1]} is head-121234 (applicant for URN:121234), without an end.\n"
        f"The key is {key[0]}\n"
        "Keep it now, as you keep a password: it is not shown again.\n"
        "Send it with each request: Authorization: Bearer KEY\n"
    )
    assert engine.authenticate(key[0]).id == "head-121234"
    for words in (
        ("list",),
        ("list", "--json"),
        ("show", key[1]),
        ("show", key[1], "--json"),
        ("revoke", key[1]),
    ):
        assert key[0][13:] not in eoi("key", *words, *ADMIN).out


def test_json_has_the_fields_of_the_view(eoi: Eoi) -> None:
    """A program reads what Python has, `key` only where it was just made."""
    first = made(eoi, *TEAM, "--may", "reviewer")
    assert first.keys() == {field.name for field in fields(KeyView)}
    assert (first["roles"], first["organisations"], first["state"]) == (
        ["officer", "reviewer"],
        [],
        "current",
    )
    assert first["created_by"] == "head-of-places"
    assert KEY.fullmatch(first["key"])
    assert eoi("key", "show", first["prefix"], "--json").json == first | {"key": None}
    assert eoi("key", "list", "--json").json == [first | {"key": None}]


def test_who_asks_and_who_gets_it_are_told_apart(eoi: Eoi) -> None:
    """--role and --organisation are of who asks, before the command or after; --may and --for are not."""
    before = eoi(*ADMIN, "key", *ADMIN, "create", *SCHOOL, "--json").json
    assert (before["created_by"], before["roles"], before["organisations"]) == (
        "head-of-places",
        ["applicant"],
        ["URN:121234"],
    )
    by_shell = eoi("key", "create", *TEAM, "--json", EOI_AS="a", EOI_ROLES="admin").json
    assert (by_shell["created_by"], by_shell["roles"]) == ("a", ["officer"])
    none = eoi("key", "create", "--name", "b", "--role", "admin")
    assert (none.status, "--may" in none.err) == (2, True)
    alone = eoi("key", "create", "--name", "b", "--may", "officer")
    assert (alone.status, "[role-missing]" in alone.err, "--as NAME --role ROLE" in alone.err) == (
        1,
        True,
        True,
    )


def test_the_list_says_how_each_key_stands(eoi: Eoi, engine: Engine) -> None:
    """An auditor reads prefix, name, roles, for whom, state and last use, the ended ones too."""
    auditor = ("--as", "a", "--role", "auditor")
    assert eoi("key", "list", *auditor).out == "(none)\n"
    team, school = made(eoi, *TEAM), made(eoi, *SCHOOL, "--expires-at", "2099-01-01T00:00Z")
    new = eoi("key", "rotate", school["prefix"], *ADMIN, "--json").json
    eoi("key", "revoke", team["prefix"], *ADMIN)
    engine.authenticate(new["key"])
    lines = [re.sub(" {2,}", "|", each) for each in eoi("key", "list", *auditor).out.splitlines()]
    (old,) = [each for each in eoi("key", "list", "--json").json if each["state"] == "rotated"]
    until = re.sub(r"T(.{8}).*", r" \1 UTC", old["old_until"])
    ends = re.sub(r"T(.{8}).*", r" \1 UTC", new["expires_at"])
    assert lines == [
        "key|name|may|for|state|last used",
        f"{team['prefix']}|places-team|officer||revoked|never".replace("||", "|"),
        f"{school['prefix']}|head-121234|applicant|URN:121234|rotated until {until}|never",
        f"{new['prefix']}|head-121234|applicant|URN:121234|current until {ends}|2023-03-16 12:00:00 UTC",
    ]


@pytest.mark.parametrize(
    ("words", "days"),
    [(("--expires-in", "365"), 365), (("--expires-at", "2099-01-01T00:00+00:00"), None), ((), 0)],
)
def test_an_expiry_is_said_in_days_or_as_an_instant(
    eoi: Eoi, words: tuple[str, ...], days: int | None
) -> None:
    """A key ends after so many days, at an instant, or not at all; the answer says which."""
    view = made(eoi, *TEAM, *words)
    if days is None:
        assert view["expires_at"] == "2099-01-01T00:00:00Z"
    else:
        assert (view["expires_at"] is not None) == bool(days)
    if days:
        year, later = int(view["created_at"][:4]), int(view["expires_at"][:4])
        assert later == year + 1
    assert view["state"] == "current"


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", "--name", "a"),
        ("create", *TEAM, "--expires-in", "1", "--expires-at", "2099-01-01T00:00Z"),
        ("create", *TEAM, "--expires-in", "0"),
        ("create", *TEAM, "--expires-in", "-1"),
        ("create", *TEAM, "--expires-in", "36501"),
        ("create", *TEAM, "--expires-in", "nan"),
        ("create", *TEAM, "--expires-at", "2099-01-01"),
        ("create", *TEAM, "--expires-at", "2099-01-01T00:00"),
        ("rotate",),
        ("rotate", "nothing0", "--keep-old", "-1"),
        ("rotate", "nothing0", "--keep-old", "721"),
        ("rotate", "nothing0", "--keep-old", "nan"),
        ("rotate", "nothing0", "--expires-in", "1", "--expires-at", "2099-01-01T00:00Z"),
        ("revoke",),
        ("show",),
    ],
)
def test_wrong_usage_ends_with_two(eoi: Eoi, tmp_path: Any, words: tuple[str, ...]) -> None:
    """What cannot be read as a command is told as such, and no database is made for it."""
    answer = eoi("key", *words, *ADMIN)
    assert (answer.status, answer.out, list(tmp_path.iterdir())) == (2, "", [])


@pytest.mark.parametrize("words", [("create", *TEAM), ("rotate", "nothing0")])
def test_two_ends_are_none(eoi: Eoi, words: tuple[str, ...]) -> None:
    """Whoever gives a key two ends is told which options are meant."""
    answer = eoi("key", *words, "--expires-in", "1", "--expires-at", "2099-01-01T00:00Z", *ADMIN)
    told = " ".join(answer.err.replace("│", " ").split())
    assert (answer.status, "Give --expires-in or --expires-at, not both." in told) == (2, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("create", "--name", "head@school.example", "--may", "officer"), "bad-input"),
        (("create", "--name", "a", "--may", "mayor"), "bad-input"),
        (("create", "--name", "a", "--may", "system"), "bad-input"),
        (("create", "--name", "a", "--may", "applicant"), "bad-input"),
        (("create", "--name", "a", "--may", "officer", "--for", "URN:1"), "bad-input"),
        (("create", *TEAM, "--expires-at", "2020-01-01T00:00Z"), "bad-input"),
        (("create", *SCHOOL), "name-taken"),
        (("show", "nothing0"), "not-found"),
        (("rotate", "nothing0"), "not-found"),
        (("revoke", "nothing0"), "not-found"),
    ],
)
def test_what_is_refused_ends_with_one(eoi: Eoi, words: tuple[str, ...], code: str) -> None:
    """The reason is a problem document, and nothing has changed."""
    made(eoi, *SCHOOL)
    before = eoi("key", "list", "--json").json
    answer = eoi("key", *words, *ADMIN, "--json")
    assert (answer.status, answer.json["code"]) == (1, code)
    assert eoi("key", "list", "--json").json == before


def test_a_key_is_rotated(eoi: Eoi, engine: Engine, clock: FrozenClock) -> None:
    """The new one is shown once, with how long the old one is still valid."""
    old = engine.create_key("places-team", roles={"officer"}, actor=admin())
    answer = eoi("key", "rotate", old.prefix, "--keep-old", "48", *ADMIN)
    (key,) = KEY.finditer(answer.out)
    assert answer.out.splitlines()[0] == f"The key {key[1]} of places-team takes its place, without an end."
    assert answer.out.splitlines()[-1] == "The old one is valid for 48 more hours."
    assert engine.authenticate(key[0]) == engine.authenticate(old.key)
    known = engine.key(old.id)
    assert known.superseded_at is not None
    assert known.old_until == known.superseded_at + timedelta(hours=48)
    at_once = eoi("key", "rotate", key[1], "--keep-old", "0", *ADMIN)
    assert at_once.out.endswith("The old one has ended.\n")


def test_a_key_is_revoked(eoi: Eoi) -> None:
    """It opens nothing any more; where its holder has another, that is said: it may have leaked, too."""
    old = made(eoi)
    new = eoi("key", "rotate", old["prefix"], *ADMIN, "--json").json
    answer = eoi("key", "revoke", new["key"], *ADMIN)
    assert answer.out == f"The key {new['prefix']} of places-team opens nothing any more.\n"
    assert f"places-team still comes in by {old['prefix']}" in answer.err
    last = eoi("key", "revoke", old["id"], *ADMIN)
    assert (last.status, last.err) == (0, "")
    shown = eoi("key", "show", old["prefix"])
    assert ("State revoked" in shown.told, "by head-of-places" in shown.told) == (True, True)


@pytest.mark.parametrize("role", ["officer", "auditor", "applicant"])
def test_only_an_admin_keeps_keys(eoi: Eoi, role: str) -> None:
    """Every change is an admin's; no other role may even look, but the auditor's."""
    known = made(eoi)["prefix"]
    other = ("--as", "a", "--role", role, "--json")
    changes: list[tuple[str, ...]] = [
        ("create", "--name", "b", "--may", "officer"),
        ("rotate", known),
        ("revoke", known),
    ]
    refused = [eoi("key", *words, *other) for words in changes]
    assert [(each.status, each.json["code"]) for each in refused] == [(1, "role-missing")] * 3
    looks = [eoi("key", *words, *other).status for words in (("list",), ("show", known))]
    assert looks == [0 if role == "auditor" else 1] * 2


@pytest.mark.parametrize("word", ["create", "list", "show", "rotate", "revoke"])
def test_help_shows_how(eoi: Eoi, word: str) -> None:
    """Each command says who may, and gives an example that can be copied."""
    told = eoi("key", word, "--help").out
    assert ("Admin" in told, f"  eoi key {word}" in told) == (True, True)
