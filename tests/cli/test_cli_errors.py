import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from workflow import CallView, Engine
from workflow.testing import new_call, officer, school, submitted

OFFICER = ("--as", "programme.team", "--role", "officer")
HEAD = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234")
NEW = ("call", "open", "--reference", "46/99", "--title", "Bases", "--closes-on", "2099-03-17")
WHO = "Say who asks: --as NAME --role ROLE, or EOI_AS and EOI_ROLES for the whole shell."
Eoi = Callable[..., Any]


NOBODY: Final = "0186e27e-7a80-7000-8000-00000000dead"


@pytest.mark.parametrize(
    ("words", "listing"),
    [
        (("key", "rotate", NOBODY), "eoi key list"),
        (("key", "revoke", "school"), "eoi key list"),
        (("call", "show", "9/99"), "eoi call list"),
        (("endpoint", "show", NOBODY), "eoi endpoint list"),
        (("outbox", "show", "7"), "eoi outbox list"),
        (("job", "show", NOBODY), "eoi job list"),
        (("show", NOBODY), None),
    ],
)
def test_where_to_look_for_what_is_not_there_is_told(
    eoi: Eoi, words: tuple[str, ...], listing: str | None
) -> None:
    """By the command that lists such things, where there is one."""
    answer = eoi(*words, "--as", "it", "--role", "admin", "--json")
    assert (answer.status, answer.json["code"]) == (1, "not-found")
    assert answer.json.get("hint") == (listing and f"`{listing}` shows which there are.")


# ---- who asks


def test_options_stand_before_and_after_every_part_of_a_commands_name(eoi: Eoi, tmp_path: Path) -> None:
    """A user may say who asks, which database and how to answer anywhere; the later word counts."""
    other = str(tmp_path / "other.db")
    assert eoi(*OFFICER, "--json", *NEW).json["state"] == "open"
    assert eoi("call", "--json", *OFFICER, *NEW[1:], db=other).json["state"] == "open"
    assert (
        eoi("--as", "x", "call", "--role", "auditor", "open", *NEW[2:], *OFFICER, "--db", other).status == 1
    )
    assert eoi("--json", "call", "list", "--db", other).json[0]["reference"] == "46/99"
    (opening,) = eoi("call", "--json", "history", "46/99").json
    assert (opening["actor"], opening["via"]) == ("programme.team", "cli")


def test_a_shell_says_who_asks_once_for_all(eoi: Eoi, past: CallView) -> None:
    """EOI_AS, EOI_ROLES, EOI_ORGANISATIONS and EOI_DATABASE_URL stand for the options; options come first."""
    shell = {"EOI_AS": "head-9", "EOI_ROLES": "officer, applicant", "EOI_ORGANISATIONS": "URN:9, URN:8"}
    eoi(*NEW, **shell)
    draft = eoi("draft", "46/99", "--answers", "-", "--applicant", "URN:8", "--json", stdin="{}", **shell)
    (row,) = eoi("history", draft.json["eoi_id"], "--json").json
    assert row["actor"] == "head-9"
    other = eoi("draft", "46/99", "--answers", "-", *HEAD, "--json", stdin="{}", **shell).json["eoi_id"]
    assert eoi("show", other, "--json").json["applicant"] == "URN:121234"


def test_who_says_nothing_of_themselves_reads_everything_and_changes_nothing(
    eoi: Eoi, engine: Engine, past: CallView
) -> None:
    """The system's user, without a role, lists, shows, dry-runs and ticks; every command is refused."""
    eoi_id = submitted(engine, past.id, school())
    for words in (
        ("call", "list"),
        ("call", "show", "46/23"),
        ("call", "history", "46/23"),
        ("list",),
        ("show", eoi_id),
        ("history", eoi_id),
        ("attempts", "46/23"),
        ("endpoint", "list"),
        ("outbox", "list"),
        ("db", "check"),
        (*NEW, "--dry-run"),
        ("tick",),
    ):
        assert eoi(*words).status == 0, words
    before = (eoi("list", "--json").json, eoi("call", "list", "--json").json)
    for command in (
        NEW,
        ("call", "extend", "46/23", "--closes-on", "2099-01-01", "--reason", "x"),
        ("call", "close", "46/23"),
        ("call", "cancel", "46/23", "--reason", "x"),
        ("draft", "46/23", "--answers", "-"),
        ("save", eoi_id, "--answers", "-"),
        *((move, eoi_id, "--reason", "x") for move in ("submit", "withdraw", "review", "approve", "decline")),
        ("reinstate", eoi_id, "--reason", "x"),
        ("fire", eoi_id, "submit"),
        ("allowed", eoi_id),
        ("explain", eoi_id, "submit"),
        ("endpoint", "add", "https://council.example/eoi"),
        ("outbox", "retry", "--all"),
    ):
        answer = eoi(*command, "--json", stdin="{}")
        assert (answer.status, answer.json["code"], answer.json["hint"]) == (1, "role-missing", WHO), command
        told = eoi(*command, stdin="{}")
        assert (told.status, told.out, told.err.splitlines()[-1]) == (1, "", WHO), command
    assert (eoi("list", "--json").json, eoi("call", "list", "--json").json) == before


def test_an_unknown_role_is_refused_with_those_there_are(eoi: Eoi) -> None:
    """A slip in a role's name is no role at all."""
    for answer in (
        eoi(*NEW, "--as", "x", "--role", "oficer", "--json"),
        eoi(*NEW, "--json", EOI_AS="x", EOI_ROLES="oficer"),
    ):
        assert (answer.status, answer.json["code"], answer.json["field"]) == (1, "bad-input", "roles")
        assert "officer" in answer.json["detail"]


# ---- answers


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{places: 18}", "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b"[1, 2]", "one JSON object"),
        (b"null", "one JSON object"),
        (b'{"a": "' + b"x" * (256 * 1024) + b'"}', "256 KiB"),
        (b'{"a": "x\\u0000y"}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\ud800": 1}', "surrogate"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"b": {"a": 1, "a": 2}}', "twice"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "deep"),
        (b"[" * 200_000, "deep"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"%PDF-1.7", "not JSON"),
    ],
)
def test_absurd_answers_are_refused_in_words(eoi: Eoi, form: bytes, said: str) -> None:
    """Whatever is no form: `bad-input`, exit status 1, what is wrong with it, and no EOI."""
    eoi(*NEW, *OFFICER)
    answer = eoi("draft", "46/99", "--answers", "-", *HEAD, "--json", stdin=form)
    assert (answer.status, answer.json["code"]) == (1, "bad-input")
    assert said in answer.json["detail"]
    assert len(answer.json["detail"]) < 300
    assert eoi("list", "--json").json["items"] == []


def test_answers_that_cannot_be_read_are_named(eoi: Eoi, tmp_path: Path) -> None:
    """A missing file is refused by name, before the database is touched."""
    answer = eoi("draft", "46/99", "--answers", str(tmp_path / "form.json"), *HEAD, "--json")
    assert (answer.status, answer.json["code"]) == (1, "file-unreadable")
    assert "form.json" in answer.json["detail"]
    assert not (tmp_path / "eoi.db").exists()


@pytest.mark.parametrize("form", [b"{}", b"\xef\xbb\xbf{}", b' {"a": [{"b": null}]}\r\n'])
def test_any_one_object_is_a_form(eoi: Eoi, form: bytes) -> None:
    """An empty form is fine, and so are a byte order mark and white space."""
    eoi(*NEW, *OFFICER)
    assert eoi("draft", "46/99", "--answers", "-", *HEAD, stdin=form).status == 0


# ---- texts that would steer a terminal


def test_nothing_that_is_stored_steers_a_terminal(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """Escape sequences and overrides of direction in answers are shown as codes, in text and in JSON."""
    hostile = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\r\u2028"
    eoi_id = engine.draft(past.id, answers={hostile: [hostile]}, actor=school()).eoi_id
    for words in (("show", eoi_id), ("show", eoi_id, "--json")):
        answer = eoi(*words)
        assert [char for char in answer.out if char != "\n" and not char.isprintable()] == []
        assert "\\u001b[2J\\u009b31m\\u202egnp.exe\\u2066" in answer.out
    assert eoi("show", eoi_id, "--json").json["answers"] == {hostile: [hostile]}


def test_no_name_turns_a_row_around(eoi: Eoi, engine: Engine, past: CallView, tmp_path: Path) -> None:
    """What turns letters around in a name or title, and escapes in a file's name, are codes in text."""
    engine.draft(past.id, answers={}, actor=school(), applicant_name="a\u2066b\u2069")
    engine.open_call(new_call(reference="9/23", title="x\u202ay\u202c"), actor=officer())
    assert "a\\u2066b\\u2069" in eoi("list").out
    assert "x\\u202ay\\u202c" in eoi("call", "show", "9/23").out
    assert "x\\u202ay\\u202c" in eoi("call", "list").out
    made = eoi("call", "list", db=tmp_path / "\x1b[2J.db").err
    assert ("\x1b" in made, made.endswith("\\x1b[2J.db\n")) == (False, True)


@pytest.mark.parametrize("word", ["\x1b[2J", "\udcff", "a\u202eb", "x\ny"])
def test_nothing_that_is_typed_steers_a_terminal(eoi: Eoi, word: str) -> None:
    """What is echoed in a refusal is shown as its code."""
    for words in (("call", "show", word), ("show", word), (*NEW, "--as", word), ("list", "--state", word)):
        answer = eoi(*words)
        assert answer.status == 1, words
        assert [char for char in answer.err if char != "\n" and not char.isprintable()] == []
        assert json.loads(eoi(*words, "--json").out)["code"] in {"not-found", "bad-input"}


@pytest.mark.parametrize(
    ("words", "env"),
    [
        ((*NEW, "--as", "\udcff", "--role", "officer"), {}),
        ((*NEW, "--role", "\udcff"), {}),
        (("call", "list"), {"EOI_AS": "\udcff", "EOI_ROLES": "auditor"}),
        (("call", "list"), {"EOI_ROLES": "\udcff"}),
        (("call", "list"), {"EOI_SETTLE_S": "\udcff"}),
        (("draft", "1/2", "--answers", "\udcff.json"), {}),
    ],
)
def test_odd_bytes_are_refused(eoi: Eoi, words: tuple[str, ...], env: dict[str, str]) -> None:
    """What is no text, in an argument or a variable, is refused in words that can be printed."""
    told = eoi(*words, **env)
    assert (told.status, told.out, told.err.isascii()) == (1, "", True)
    assert eoi(*words, "--json", **env).json["code"] in {"bad-input", "file-unreadable"}
