"""A process that forks: two of them on one connection would mix up what they say."""

import json
from typing import Any

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.servers.scripts import python
from workflow.testing import new_call, officer

SAYS = "This engine was in use before the process forked: build one in each process, after the fork."
# Builds an engine, uses it or not, and forks. Both processes then draft: the child, and after it the parent.
FORKS = """
import json, os
from sqlalchemy import event
from workflow import Engine, EoiError
from workflow.testing import FrozenClock, school

url, use, child_closes = {url!r}, {use!r}, {closes!r}
engine, opened = Engine(url, clock=FrozenClock()), []
event.listen(engine._database.engine, "connect", lambda *_: opened.append(1))
if use:
    engine.calls()

def told(urn):
    try:
        return engine.draft("46/23", answers={{}}, actor=school(urn)).state
    except EoiError as exc:
        return [exc.code, exc.message]

out, into = os.pipe()
child = os.fork()
if child == 0:
    found = [told(1), told(2)]
    if child_closes:
        engine.close()
        found.append(told(3))
    os.write(into, json.dumps(found).encode())
    os._exit(0)
os.close(into)
with os.fdopen(out) as answer:
    found = json.loads(answer.read())
os.waitpid(child, 0)
print(json.dumps([found, [told(4), told(5)], len(opened), engine.check()]))
engine.close()
"""


def fork(url: str, *, use: bool, closes: bool = False) -> Any:
    """Return what a child and its parent are told, how many connections that had, and what is then wrong."""
    with python(FORKS.format(url=url, use=use, closes=closes)) as process:
        said, wrong = process.communicate(timeout=60)
    assert wrong == ""
    return json.loads(said)


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["used", "closed again"])
def test_an_engine_that_was_used_before_the_fork_says_so_in_the_child(
    database: RawDatabase, new_engine: NewEngine, pool: str
) -> None:
    """What to do is said, nothing is written there, and the parent's goes on with the connection it has."""
    engine = new_engine()
    engine.open_call(new_call(), actor=officer())
    child, *rest = fork(database.url, use=True, closes=pool == "closed again")
    assert child[:2] == [["database-unavailable", SAYS]] * 2
    assert child[2:] == (["draft"] if pool == "closed again" else [])
    assert rest == [["draft", "draft"], 1, []]
    applicants = {"URN:4", "URN:5"} | ({"URN:3"} if pool == "closed again" else set())
    assert {each.applicant for each in engine.find()} == applicants


@pytest.mark.slow
def test_an_engine_that_was_only_built_before_the_fork_works_on_both_sides(
    database: RawDatabase, new_engine: NewEngine
) -> None:
    """A server that builds its engine and then forks its workers, each of which opens its own connections."""
    engine = new_engine()
    engine.open_call(new_call(), actor=officer())
    assert fork(database.url, use=False) == [["draft"] * 2, ["draft"] * 2, 1, []]
    assert sorted(each.applicant for each in engine.find()) == ["URN:1", "URN:2", "URN:4", "URN:5"]
