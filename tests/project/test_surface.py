"""The public surface, pinned: what others build on changes only on purpose, with a CHANGELOG entry."""

import inspect
from datetime import datetime
from pathlib import Path
from typing import assert_type

import workflow
from workflow import (
    Actor,
    AttemptView,
    CallView,
    CloseReport,
    DeliveryView,
    EndpointView,
    Engine,
    EoiState,
    EoiView,
    HistoryView,
    Option,
    Page,
    Receipt,
)
from workflow.testing import engine_in, new_call, officer, school

_ENGINE = {
    "open_call": "new actor **terms",
    "extend_call": "call_id closes_at actor reason **terms",
    "close_call": "call_id actor reason **terms",
    "cancel_call": "call_id actor reason **terms",
    "call": "id_or_reference actor",
    "calls": "actor",
    "draft": "call_id answers actor applicant applicant_name **terms",
    "save": "eoi_id answers actor **terms",
    "fire": "eoi_id trigger actor reason data **terms",
    "submit": "eoi_id actor reason **terms",
    "review": "eoi_id actor reason **terms",
    "approve": "eoi_id actor reason **terms",
    "decline": "eoi_id actor reason **terms",
    "withdraw": "eoi_id actor reason **terms",
    "allowed": "eoi_id actor at",
    "explain": "eoi_id trigger actor data at",
    "get": "eoi_id actor",
    "find": "call state applicant after limit actor",
    "history": "eoi_or_call_id actor",
    "attempts": "eoi_or_call_id actor",
    "close_due": "",
    "next_due": "",
    "prune": "",
    "clock_skew_s": "",
    "on": "pattern hook",
    "add_endpoint": "url events actor",
    "endpoints": "actor",
    "deliveries": "state limit actor",
    "retry": "delivery_id actor",
    "migrate": "",
    "create": "",
    "check": "",
    "backup": "to",
    "close": "",
}


def _parameters(name: str) -> str:
    signature = inspect.signature(getattr(Engine, name))
    given = list(signature.parameters.values())[1:]
    return " ".join(f"**{each.name}" if each.kind is each.VAR_KEYWORD else each.name for each in given)


def test_the_engine_has_the_methods_that_hosts_were_promised() -> None:
    """A host that upgrades finds every method and parameter where it was."""
    public = {name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if not name.startswith("_")}
    assert {name: _parameters(name) for name in public} == _ENGINE


def test_every_command_takes_the_same_terms() -> None:
    """A host can give any command a key, an expected version and its own session."""
    assert workflow.engine.Terms.__annotations__.keys() == {"idempotency_key", "expected_version", "session"}
    commands = [name for name, words in _ENGINE.items() if words.endswith("**terms")]
    assert commands == [*list(_ENGINE)[:4], *list(_ENGINE)[6:14]]


def test_everything_that_workflow_exports_is_there() -> None:
    """Each name in `workflow.__all__` can be imported, and they stand in order."""
    assert [name for name in workflow.__all__ if not hasattr(workflow, name)] == []
    assert sorted(workflow.__all__) == workflow.__all__


def test_the_types_are_those_that_a_hosts_checker_sees(tmp_path: Path) -> None:
    """A host's type checker knows what each method returns; mypy holds this file to it."""
    with engine_in(tmp_path) as engine:
        _use(engine, school())


def _use(engine: Engine, head: Actor) -> None:
    call = assert_type(engine.open_call(new_call(), actor=officer()), CallView)
    assert_type(call.id, str)
    assert_type(call.closed_at, datetime | None)
    receipt = assert_type(engine.draft(call.id, answers={}, actor=head), Receipt)
    assert_type(receipt.state, EoiState)
    assert_type(engine.submit(receipt.eoi_id, actor=head, idempotency_key="k"), Receipt)
    assert_type(engine.allowed(receipt.eoi_id, head), list[Option])
    assert_type(engine.explain(receipt.eoi_id, "withdraw", head), Option)
    assert_type(engine.get(receipt.eoi_id), EoiView)
    page = assert_type(engine.find(call="46/23"), Page[EoiView])
    assert_type([each.id for each in page], list[str])
    assert_type(engine.history(call.id), list[HistoryView])
    assert_type(engine.attempts(call.id), list[AttemptView])
    assert_type(engine.close_due(), CloseReport)
    assert_type(engine.next_due(), datetime | None)
    assert_type(engine.prune(), int)
    assert_type(engine.clock_skew_s(), float | None)
    assert_type(engine.deliveries(), list[DeliveryView])
    assert_type(engine.endpoints(), list[EndpointView])
    assert_type(Actor("x"), Actor)
    assert [each.id for each in page] == [receipt.eoi_id]
