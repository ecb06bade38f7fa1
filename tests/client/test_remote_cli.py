"""The same commands, asked of a database and of a server over another: the same answers and exit statuses.

One story is told twice on each kind of database, step by step; ids are numbered in the order in which they
are first seen, and the present's instants are hidden. What must differ is named here, and nothing else does.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.conftest import UNSAID, run_here
from tests.serving.served import Served
from workflow import Engine
from workflow.testing import admin

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).resolve().parents[2]
SHEET: Final = str(ROOT / "examples" / "mi-sheet-46-23.txt")
#: Where a webhook may go, and nobody listens.
NOWHERE: Final = "http://127.0.0.1:9/eoi"
ALLOWED: Final = "127.0.0.1"
#: Who asks -> roles and organisations.
PEOPLE: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "off": ("officer", ()),
    "rev": ("reviewer", ()),
    "dec": ("decider", ()),
    "aud": ("auditor", ()),
    "adm": ("admin", ()),
    "sch": ("applicant", ("URN:1",)),
    "oth": ("applicant", ("URN:2", "URN:3")),
}
#: The story: who asks what, and under which name the first id of the answer is kept.
STORY: Final = """
off: call open --reference 46/90 --title Bases --closes-on 2090-03-17 --opens-at {then} --key k > call
off: call open --reference 46/90 --title Bases --closes-on 2090-03-17 --opens-at {then} --key k
off: call open --reference 46/90 --title Other --closes-on 2090-03-17 --opens-at {then} --key k
off: call open --reference 46/90 --title Bases --closes-on 2090-03-17
off: call open --reference 46/91 --title Bases --closes-on 2023-03-17 --opens-at 2023-01-01T00:00Z
off: call open --reference 46/91 --title Bases --closes-on 2090-03-17 --opens-at 2089-01-01T00:00Z
sch: call open --reference 46/91 --title Bases --closes-on 2090-03-17
off: call open {sheet} --closes-at 2091-03-17T17:00
off: call open {sheet} --reference 46/90 --closes-at 2091-03-17T17:00 --dry-run
aud: call list
sch: call list
sch: call show 46/90
aud: call show {call}
aud: call show 1/1
aud: call show 0186e27e-7a80-7000-8000-0000000000c1
off: call extend 46/90 --closes-on 2090-03-24
off: call extend 46/90 --closes-on 2090-03-01 --reason Why
off: call extend 46/90 --closes-on 2090-03-24 --reason Strike --expect-version 1
off: call extend 46/90 --closes-at 2090-03-30T12:00 --reason Again --expect-version 1
off: call extend 1/1 --closes-on 2090-03-24 --reason Why
aud: call history 46/90
sch: draft 46/90 --answers {answers} --name School > eoi
sch: draft 46/90 --answers {answers}
aud: draft 46/90 --answers {answers}
oth: draft 46/90 --answers {answers}
oth: draft 46/90 --answers {answers} --applicant URN:9
oth: draft {call} --answers {answers} --applicant URN:3
sch: draft 1/1 --answers {answers}
sch: save {eoi} --answers {others} --expect-version 1
sch: save {eoi} --answers {others} --expect-version 1
sch: save {eoi} --answers {nan}
oth: save {eoi} --answers {others}
sch: show {eoi}
oth: show {eoi}
sch: show nonsense
aud: list
aud: list --call 46/90 --state draft --limit 1 --applicant URN:1
sch: list
aud: list --limit 0
aud: list --limit 300
aud: list --state enlightened
aud: list --call 1/1
off: call close 46/90
rev: review {eoi}
sch: fire {eoi} fly
sch: fire {eoi} save --answers {answers}
sch: submit {eoi} --key s-1
sch: submit {eoi} --key s-1
sch: submit {eoi} --key s-2
sch: withdraw {eoi} --key s-1
dec: approve {eoi}
dec: approve {eoi} --reason Good
dec: allowed {eoi}
sch: allowed {eoi}
sch: allowed {eoi} --at 2090-04-01T00:00Z
sch: allowed {eoi} --at 0001-01-01T00:00Z
oth: allowed {eoi}
dec: explain {eoi} approve
dec: explain {eoi} approve --reason Good --at 2090-04-01T00:00+01:00
sch: explain {eoi} withdraw --reason Sorry
sch: explain {eoi} save --at 2090-04-01T00:00Z
sch: explain {eoi} fly
sch: explain nonsense withdraw
oth: explain {eoi} withdraw
aud: history {eoi}
aud: history 46/90
aud: history 1/1
oth: history {eoi}
aud: attempts {eoi}
aud: attempts 46/90
sch: attempts {call}
aud: attempts 0186e27e-7a80-7000-8000-0000000000c1
off: endpoint add a@council.example --via smtp --events eoi.* > people
off: endpoint add {nowhere} --header X-A:b --timeout 1 --concurrency 2 --unordered > hook
off: endpoint add nonsense
off: endpoint add ftp://council.example
off: endpoint add https://10.0.0.1/eoi
sch: endpoint add a@council.example --via smtp
off: endpoint list
sch: endpoint list
off: endpoint show {hook}
off: endpoint show {eoi}
off: endpoint disable {people} --reason Sick
off: endpoint enable {people}
off: endpoint rotate {hook} --keep-old 2
off: endpoint rotate {people}
off: endpoint test {hook}
off: endpoint test {people}
sch: withdraw {eoi} --reason Sorry
   : tick
aud: outbox list --endpoint {hook} > delivery
aud: outbox list --endpoint log --state delivered
aud: outbox list --endpoint {hook} --state lost
sch: outbox list --endpoint {hook}
aud: outbox show {delivery}
aud: outbox show 999
off: outbox retry {delivery}
off: outbox retry 999
sch: outbox retry {delivery}
off: outbox redrive --endpoint {hook}
off: outbox redrive --endpoint {hook} --since 2023-03-17 --delivered
off: outbox redrive --endpoint {call}
aud: outbox list
aud: outbox list --state parked --limit 1
aud: outbox list --endpoint {call}
aud: outbox list --endpoint nonsense
sch: outbox list
aud: outbox stats
sch: outbox stats
off: outbox redrive
off: outbox redrive --delivered
off: outbox redrive --endpoint log --since 2023-03-17
aud: outbox redrive
off: outbox retry --all
aud: outbox retry --all
off: endpoint remove {people}
off: endpoint remove {people}
aud: outbox list --state parked > parked
off: outbox retry {parked}
off: outbox drop {parked} --endpoint {hook}
aud: outbox drop {parked}
off: outbox drop {parked} --endpoint {people}
off: outbox drop {parked}
off: outbox drop --all --endpoint {hook}
sch: outbox drop --all
off: outbox drop --all --endpoint nonsense
off: outbox drop --all --endpoint {people}
off: outbox drop --all
sch: event {event} --dry-run
sch: event {event}
sch: event {event} --dry-run
sch: event {event}
sch: event {notevent}
sch: event {notevent} --dry-run
aud: unhandled
sch: unhandled
off: call cancel 46/90 --reason Merged
adm: call cancel 46/90
adm: call cancel 46/90 --reason Merged --key c
adm: call cancel 46/90 --reason Merged --key c
sch: draft 46/90 --answers {answers}
aud: call show 46/90
off: call open --reference 46/92 --title Bases --closes-on 2090-03-17 --opens-at {then}
aud: import {rows} --call 46/92 --errors {errors}
sch: import {rows} --call 46/92 --errors {errors}
off: import {rows} --call 46/92 --errors {errors} --dry-run
off: import {rows} --call 46/92 --errors {errors}
off: import {rows} --call 46/92 --errors {errors} --submit
off: import {rows} --call 46/92 --errors {errors} --submit
off: import {rows} --call 1/1 --errors {errors}
off: import {badrows} --call 46/92 --errors {errors}
off: import {badrows} --call 46/92 --errors {errors} --skip-bad
sch: import {moves} --decisions --errors {errors} --dry-run
oth: import {moves} --decisions --errors {errors}
off: import {moves} --decisions --errors {errors}
rev: import {reviews} --decisions --errors {errors} --dry-run
sch: list --call 46/92 > third
sch: withdraw {third} --reason Sorry
sch: import {moves} --decisions --errors {errors} --dry-run
sch: import {moves} --decisions --errors {errors}
sch: import {moves} --decisions --errors {errors}
aud: list --call 46/92
aud: history {third}
aud: export --call 46/92
aud: export --format jsonl
aud: export --out {workbook}
aud: export --out {workbook} --call 1/1
sch: export --state submitted
oth: export --state enlightened
aud: export --format 360giving --prefix 360G-x --funder-id GB-X --funder-name X --amount 5
off: call lint {sheet}
""".strip().splitlines()
#: What is imported: name of the file -> the table.
TABLES: Final = {
    "rows": "applicant,applicant_name,places\nURN:1,One,8\nURN:7,Seven,9\nURN:7,Seven,9\n",
    "badrows": "applicant,applicant_name,places\nURN:8,Eight,8\n,None,9\nURN:8,Other,9\n",
    "moves": "applicant,call,decision,reason\nURN:1,46/92,withdraw,Sorry\n",
    "reviews": "applicant,call,decision\nURN:1,46/92,review\nURN:7,46/92,flown\n",
}
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOW: Final = re.compile(r"20(?!23|89|90|91)\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| [A-Z]+)")
_SECRET: Final = re.compile(r"whsec_[\w+/=-]+")
_TOOK: Final = re.compile(r'("duration_s": |Took +|now +(?=[\d.]+ s))[\d.]+')
_WORDS: Final = re.compile(r"\d+:\d\d:\d\d[ap]m on \w+ \d+ \w+ 20[^89]\d|\d+ days(?: \d+ hours?)?")


@dataclass
class Teller:
    """Carries commands out, each as somebody, and hides what no two databases have alike."""

    db: str
    who: Callable[[str], tuple[str, ...]]
    names: dict[str, str]
    #: Whether reads are told as text, too: once is enough.
    reads_text: bool
    ids: dict[str, str] = field(default_factory=dict)

    def tell(self, step: str, *more: str) -> tuple[int, str]:
        """Return the exit status of a step, and what it said."""
        who, _, words = step.partition(": ")
        words, _, kept = words.partition(" > ")
        line = [word.format(**self.names) for word in words.split()]
        asked = self.who(who.strip()) if who.strip() else ("--db", self.db)
        answer = run_here([*asked, *line, *more], env={**UNSAID, "EOI_WEBHOOK_ALLOW": ALLOWED})
        if kept and more:
            self.names[kept] = _kept(answer.json)
        return answer.status, self.hidden(answer.out)

    def hidden(self, said: str) -> str:
        """Return what was said without what is never alike."""
        for each in _ID.findall(said):
            self.ids.setdefault(each, f"id-{len(self.ids)}")
        said = _ID.sub(lambda found: self.ids[found[0]], said)
        said = _SECRET.sub("whsec_", _NOW.sub("now", said))
        return _WORDS.sub("then", _TOOK.sub(r"\g<1>0", said))


def _kept(document: Any) -> str:
    found = document.get("items", document) if isinstance(document, dict) else document
    first = found[0] if isinstance(found, list) else found
    return str(first.get("id") or first["eoi_id"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Teller, Teller]]:
    """Lend who asks a database, and who asks a server over another."""
    files = _files(tmp_path_factory.mktemp("files"))
    here, there = _databases(request)
    keys = _keys(there)
    folder, off = tmp_path_factory.mktemp("served"), ("--no-delivery", "--no-scheduler")
    with Served(folder, *off, EOI_DATABASE_URL=there, EOI_WEBHOOK_ALLOW=ALLOWED) as served:
        host, port = served.address
        server = f"http://{host}:{port}"
        text = request.param == "sqlite"
        yield (
            Teller(here, lambda who: ("--db", here, *_as(who)), dict(files), text),
            Teller(there, lambda who: ("--server", server, "--key", keys[who]), dict(files), text),
        )


def _databases(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the URLs of two new databases of the kind that is asked for."""
    if request.param == "postgresql":
        server, template = map(request.getfixturevalue, ("postgres", "postgres_template"))
        return server.new_database(template=template), server.new_database(template=template)
    template, folders = map(request.getfixturevalue, ("sqlite_template", "tmp_path_factory"))
    here, there = (folders.mktemp(each) / "eoi.db" for each in ("here", "there"))
    return f"sqlite:///{shutil.copy(template, here)}", f"sqlite:///{shutil.copy(template, there)}"


def _as(who: str) -> tuple[str, ...]:
    role, organisations = PEOPLE[who]
    acts = [word for each in organisations for word in ("--organisation", each)]
    return ("--as", who, "--role", role, *acts)


def _keys(db: str) -> dict[str, str]:
    with Engine(db) as engine:
        made = {
            who: engine.create_key(who, roles=[role], organisations=organisations, actor=admin("root"))
            for who, (role, organisations) in PEOPLE.items()
        }
    return {who: str(view.key) for who, view in made.items()}


def _files(folder: Path) -> dict[str, str]:
    event = {"specversion": "1.0", "id": "1", "source": "/forms", "type": "forms.printed", "data": {"a": 1}}
    told = {
        "answers": {"places": 8, "é": [1.5]},
        "others": {"places": 9},
        "event": event,
        "notevent": {"a": 1},
    }
    for name, document in told.items():
        (folder / name).write_text(json.dumps(document))
    (folder / "nan").write_text('{"a": NaN}')
    for name, table in TABLES.items():
        (folder / name).write_text(table)
    return {
        "sheet": SHEET,
        "nowhere": NOWHERE,
        "then": "2023-01-01T00:00Z",
        **{name: str(folder / name) for name in (*told, "nan", *TABLES, "errors")},
        "workbook": str(folder / "eois.xlsx"),
    }


#: Which steps change nothing: they are told as text, too.
_READS: Final = re.compile(
    r"\w+: (call (list|show|history|lint)|show|list|history|attempts|allowed|explain|unhandled"
    r"|endpoint (list|show)|outbox (show|stats)|event .* --dry-run|import .* --dry-run)\b"
)


def test_the_same_story_is_told_by_both(both: tuple[Teller, Teller]) -> None:
    """Each command has the same exit status and the same JSON, key by key in order; reads the same text."""
    here, there = both
    differs = dict[str, list[tuple[int, str]]]()
    for step in STORY:
        told = [_without_doors(*each.tell(step, "--json")) for each in (here, there)]
        if here.reads_text and _READS.match(step):
            told += [_text(*each.tell(step)) for each in (here, there)]
        if told[::2] != told[1::2]:
            differs[step] = told
    assert differs == {}


def test_the_story_leaves_no_command_out() -> None:
    """Every command that a server is asked stands in the story."""
    told = {
        " ".join(words) for step in STORY if (words := re.findall(r"[a-z]+", step.partition(": ")[2])[:2])
    }
    told |= {each.split()[0] for each in told}
    asked = {
        "call open", "call list", "call show", "call history", "call extend", "call close",
        "call cancel", "draft", "save", "fire", "submit", "withdraw", "review", "approve", "show",
        "list", "history", "attempts", "allowed", "event", "unhandled", "endpoint add",
        "endpoint list", "endpoint show", "endpoint disable", "endpoint enable", "endpoint rotate",
        "endpoint test", "endpoint remove", "outbox list", "outbox show", "outbox retry",
        "outbox redrive", "outbox drop", "outbox stats", "explain", "import", "export", "call lint",
    }  # fmt: skip
    assert asked - told == set()


def _without_doors(status: int, said: str) -> tuple[int, Any]:
    """Return an answer without what the doors must tell differently: which they are, how to mend it there."""
    try:
        document = json.loads(said) if said else None
    except ValueError:  # an export
        return status, said
    if isinstance(document, dict):
        document.pop("hint", None)
    for each in document if isinstance(document, list) else ():
        if "via" in each:
            each["via"] = "door"
    return status, json.dumps(document, indent=1, ensure_ascii=False)


def _text(status: int, said: str) -> tuple[int, str]:
    """Return what a person reads, without the door, and without the widths of columns that it makes."""
    told = re.sub(r"[ -]+", " ", re.sub(r"\b(cli|http)\b", "door", said))
    # When it was written is told only where it is another second than when it took effect.
    return status, told.replace("effect written", "effect").replace("now now", "now")
