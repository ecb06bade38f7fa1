import json
from collections.abc import Callable
from datetime import date
from typing import Any

from workflow import Engine
from workflow.testing import FrozenClock, new_call, officer, school, submitted

OFFICER = ("--as", "programme.team", "--role", "officer")
Eoi = Callable[..., Any]


def opened(eoi: Eoi, *words: str) -> Any:
    """Open a call that stays open, and return the answer."""
    return eoi("call", "open", *OFFICER, "--reference", "46/99", "--title", "Bases", *words)


def test_calls_are_listed_and_shown_with_the_views_own_names(eoi: Eoi, engine: Engine) -> None:
    """A script finds the fields of CallView; a person finds deadline, counts and title in a row."""
    call = engine.open_call(new_call(), actor=officer())
    submitted(engine, call.id, school())
    (row,) = eoi("call", "list", "--json").json
    assert row == eoi("call", "show", "46/23", "--json").json == eoi("call", "show", call.id, "--json").json
    assert (row["id"], row["counts"], row["closes_at"]) == (call.id, {"submitted": 1}, "2023-03-18T00:00:00Z")
    assert "46/23 open 11:59pm on Friday 17 March 2023 1 submitted Specialist" in eoi("call", "list").told
    assert "EOIs 1 submitted" in eoi("call", "show", "46/23").told


def test_a_deadline_is_moved_by_day_by_local_time_and_by_offset(eoi: Eoi) -> None:
    """An extension reads days and times as an opening does, in the call's own zone."""
    opened(eoi, "--closes-on", "2099-03-17", "--timezone", "America/New_York")
    moves = {
        ("--closes-on", "2099-03-18"): "2099-03-19T04:00:00Z",
        ("--closes-at", "2099-03-19T17:00"): "2099-03-19T21:00:00Z",
        ("--closes-at", "2099-03-20T17:00Z"): "2099-03-20T17:00:00Z",
    }
    for words, closes_at in moves.items():
        answer = eoi("call", "extend", "46/99", *words, "--reason", "Strike", *OFFICER, "--json")
        assert (answer.status, answer.json["closes_at"]) == (0, closes_at)
    told = eoi("call", "extend", "46/99", "--closes-on", "2099-03-27", "--reason", "x", *OFFICER)
    assert told.out.startswith("Call 46/99 now closes at 11:59pm on Friday 27 March 2099.\n")
    assert [each["trigger"] for each in eoi("call", "history", "46/99", "--json").json] == [
        "open",
        *["extend"] * 4,
    ]


def test_an_extension_without_its_terms_says_how_to_give_them(eoi: Eoi) -> None:
    """Whoever extends without reason and date hears of both, with the options that give them."""
    opened(eoi, "--closes-on", "2099-03-17")
    answer = eoi("call", "extend", "46/99", *OFFICER)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("Not done, for 2 reasons:\n- ")
    assert "--reason TEXT" in answer.err
    assert "--closes-on DATE or --closes-at TIME" in answer.err


def test_a_call_is_closed_early_by_an_officer_while_nobody_has_begun(eoi: Eoi) -> None:
    """Before anybody drafts, an officer may close; a stale version is refused first."""
    opened(eoi, "--closes-on", "2099-03-17")
    stale = eoi("call", "close", "46/99", "--expect-version", "7", *OFFICER, "--json")
    assert (stale.status, stale.json["code"]) == (1, "stale-version")
    answer = eoi("call", "close", "46/99", "--expect-version", "1", *OFFICER)
    assert (answer.status, answer.out.splitlines()[0]) == (0, "Call 46/99 is closed.")
    assert eoi("call", "show", "46/99", "--json").json["state"] == "closed"


def test_a_call_is_cancelled_by_an_admin_with_a_reason_in_words(eoi: Eoi) -> None:
    """A reason of several lines is kept as it is, and shown in one row of history."""
    opened(eoi, "--closes-on", "2099-03-17")
    admin = ("--as", "head.of.service", "--role", "admin")
    assert eoi("call", "cancel", "46/99", *admin, "--json").json["code"] == "reason-missing"
    answer = eoi("call", "cancel", "46/99", *admin, "--reason", "Merged\nwith autumn")
    assert (answer.status, answer.out.splitlines()[0]) == (0, "Call 46/99 is cancelled.")
    *_, last = eoi("call", "history", "46/99", "--json").json
    assert (last["trigger"], last["reason"], last["via"], last["actor"]) == (
        "cancel",
        "Merged\nwith autumn",
        "cli",
        "head.of.service",
    )
    assert eoi("call", "history", "46/99").out.splitlines()[-1].endswith("Merged with autumn")


def test_history_tells_the_planned_and_the_actual_instant_of_a_close(
    eoi: Eoi, engine: Engine, clock: FrozenClock
) -> None:
    """Closed an hour late, a call's history says when it was to close, and when it was in fact closed."""
    engine.open_call(new_call(closes_on=date(2023, 3, 17)), actor=officer())
    clock.move_by(hours=37)
    engine.close_due()
    *_, close = eoi("call", "history", "46/23", "--json").json
    assert (close["at"], close["recorded_at"]) == ("2023-03-18T00:00:00Z", "2023-03-18T01:00:00Z")
    row = eoi("call", "history", "46/23").out.splitlines()[-1]
    assert "2023-03-18 00:00:00 GMT  2023-03-18 01:00:00 GMT" in row


def test_json_keeps_to_one_document_with_every_letter(eoi: Eoi) -> None:
    """Letters of every script come out as themselves."""
    answer = opened(eoi, "--closes-on", "2099-03-17", "--contact", "Zoë 学校 🏫", "--json")
    assert json.loads(answer.out)["contact"] == "Zoë 学校 🏫"
    assert "Zoë 学校 🏫" in answer.out
