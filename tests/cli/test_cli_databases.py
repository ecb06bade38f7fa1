import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

OFFICER = ("--as", "programme.team", "--role", "officer")
HEAD = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234")
NEW = ("call", "open", "--reference", "46/99", "--title", "Bases", "--closes-on", "2099-03-17")
Eoi = Callable[..., Any]


def test_a_missing_database_is_made_and_that_is_said(eoi: Eoi, tmp_path: Path) -> None:
    """A missing or empty file is made on first use, with one line on stderr; the second use says nothing."""
    (tmp_path / "empty.db").touch()
    for name in ("eoi.db", "empty.db", "odd ?#%20.db"):
        first = eoi("call", "list", "--json", db=tmp_path / name)
        assert (first.status, first.json) == (0, [])
        assert first.err == f"There was no database yet, so it was made: {tmp_path / name}\n"
        assert (tmp_path / name).stat().st_size > 0
        assert eoi("call", "list", db=tmp_path / name).err == ""
    for words in (("tick",), ("endpoint", "list"), ("list",)):
        assert "so it was made" in eoi(*words, db=tmp_path / f"{words[0]}.db").err


def test_a_database_is_named_by_path_or_by_url(eoi: Eoi, tmp_path: Path) -> None:
    """The same file can be given either way, by option or by variable."""
    eoi(*NEW, *OFFICER)
    url = f"sqlite:///{tmp_path / 'eoi.db'}"
    assert eoi("call", "show", "46/99", db=url).status == 0


def test_a_database_of_somebody_elses_is_left_alone(eoi: Eoi, tmp_path: Path) -> None:
    """A database with tables, and none of ours, is refused with what to do, and left alone."""
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as rows:
        rows.execute("CREATE TABLE theirs (x)")
    for words in (("call", "list"), (*NEW, *OFFICER), ("tick",)):
        answer = eoi(*words, "--json")
        assert (answer.status, answer.json["code"]) == (1, "schema-missing")
        assert "`eoi db upgrade`" in answer.json["detail"]
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as rows:
        assert rows.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert (eoi("db", "upgrade").status, eoi("call", "list").status) == (0, 0)


def test_a_database_of_a_newer_version_is_refused_in_one_line(eoi: Eoi, tmp_path: Path) -> None:
    """Not even `db upgrade` touches what a newer version has made."""
    eoi("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as rows:
        rows.execute("UPDATE eoi_schema_version SET version_num = '9999'")
        rows.commit()
    for words in (
        ("call", "list"),
        (*NEW, *OFFICER),
        ("tick",),
        ("serve", "--no-api"),
        ("db", "upgrade"),
        ("db", "check"),
    ):
        answer = eoi(*words)
        assert (answer.status, answer.out, answer.err.count("\n")) == (1, "", 1), words
        assert "newer version" in answer.err
        assert eoi(*words, "--json").json["code"] == "schema-too-new"


def _foreign(path: Path) -> None:
    path.write_bytes(b"This is a letter, and no database at all.\n" * 100)


def _corrupt(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 60_000)


@pytest.mark.parametrize(("damage", "code"), [(_foreign, "database-foreign"), (_corrupt, "database-corrupt")])
def test_a_damaged_database_is_one_line_and_exit_status_1(
    eoi: Eoi, tmp_path: Path, damage: Callable[[Path], None], code: str
) -> None:
    """A file that is no database, and one that is damaged: their code, in words and as a problem."""
    eoi(*NEW, *OFFICER)
    damage(tmp_path / "eoi.db")
    for words in (
        ("call", "list"),
        ("draft", "46/99", "--answers", "-", *HEAD),
        ("tick",),
        ("serve", "--no-api"),
    ):
        answer = eoi(*words, "--json", stdin="{}")
        assert (answer.status, answer.json["code"]) == (1, code), words
    told = eoi("call", "list")
    assert (told.status, told.out, told.err.endswith(f"[{code}]\n"), told.err.count("\n")) == (1, "", True, 1)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def test_a_locked_database_is_waited_for_and_then_one_line(eoi: Eoi, tmp_path: Path) -> None:
    """While somebody else writes, reads answer; a command waits as long as it is told, then gives up."""
    eoi(*NEW, *OFFICER)
    with _held(tmp_path / "eoi.db"):
        assert eoi("call", "list").status == 0
        words = ("draft", "46/99", "--answers", "-", *HEAD)
        answer = eoi(*words, "--json", stdin="{}", EOI_LOCK_TIMEOUT_S="0.05")
        assert (answer.status, answer.json["code"]) == (1, "database-locked")
        told = eoi(*words, stdin="{}", EOI_LOCK_TIMEOUT_S="0.05")
        assert (told.status, told.out, told.err.count("\n")) == (1, "", 1)
    assert eoi(*words, stdin="{}").status == 0


@pytest.mark.parametrize(
    ("db", "code"),
    [
        ("mysql://council/eoi", "bad-input"),
        ("nonsense://x", "bad-input"),
        ("sqlite://host/eoi.db", "bad-input"),
        ("missing/eoi.db", "database-not-opened"),
        (".", "database-not-opened"),
    ],
)
def test_a_database_that_cannot_be_meant_is_refused(eoi: Eoi, tmp_path: Path, db: str, code: str) -> None:
    """Another kind of database, a folder that is missing, a folder itself: one refusal each."""
    for words in (("call", "list"), ("db", "upgrade"), ("tick",)):
        answer = eoi(*words, "--json", db=db if "://" in db else tmp_path / db)
        assert (answer.status, answer.json["code"]) == (1, code)


def test_a_setting_that_cannot_be_used_is_named(eoi: Eoi) -> None:
    """A slip in a variable is refused with the variable's name, whatever the command."""
    for name, value in {
        "EOI_SETTLE_S": "soon",
        "EOI_WEBHOOK_ALLOW": "no host",
        "EOI_LOG_LEVEL": "loud",
        "EOI_LOCK_TIMEOUT_S": "-1",
    }.items():
        answer = eoi("call", "list", "--json", **{name: value})
        assert (answer.status, answer.json["code"], name in answer.json["detail"]) == (1, "bad-input", True)
