"""A twin in a host's transaction, which holds its key until it commits: no chance in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from tests.databases.lent import Broken
from tests.nodes import Nodes
from workflow import CallView, Engine, Receipt
from workflow.testing import new_call, officer, school

HEAD: Final = school(1)
Command = Callable[..., Receipt | CallView]
#: A command on an engine in whose call 46/23 school 1 has a draft.
COMMANDS: Final[dict[str, Callable[[Engine, str], Command]]] = {
    "submit": lambda engine, eoi: lambda **terms: engine.submit(eoi, actor=HEAD, **terms),
    "draft": lambda engine, _: lambda **terms: engine.draft("46/23", answers={}, actor=school(2), **terms),
    "open": lambda engine, _: (
        lambda **terms: engine.open_call(new_call(reference="2"), actor=officer(), **terms)
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_twin_waits_for_a_host_to_commit_or_not(
    *,
    engine: Engine,
    draft: str,
    new_session: Callable[[], Session],
    nodes: Nodes,
    broken: Broken,
    name: str,
    end: str,
) -> None:
    """Where the host commits, its twin is told the same; where not, the twin itself is carried out."""
    session = new_session()
    first = COMMANDS[name](engine, draft)(session=session, idempotency_key="k")
    twin = nodes.start(lambda node: COMMANDS[name](node, draft)(idempotency_key="k"))
    waited = not twin.done()
    getattr(session, end)()
    answer: Any = twin.result()
    assert waited
    if end == "commit":
        assert answer == (replace(first, replayed=True) if isinstance(first, Receipt) else first)
    else:
        assert getattr(answer, "replayed", False) is False
        assert answer != first or name == "submit"
    assert COMMANDS[name](engine, draft)(idempotency_key="k") == (
        replace(answer, replayed=True) if isinstance(answer, Receipt) else answer
    )
    assert broken() == []
