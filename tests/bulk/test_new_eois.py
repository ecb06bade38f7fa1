"""Rows become EOIs: once each, all checked before, whoever stops in between."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.bulk.importing import MOST_ROWS, Importer
from adapters.bulk.new_eois import EoiOptions, NewEois
from adapters.inbound.school_register import School, SchoolRegister
from adapters.inbound.table_file import BadTable, TableFile
from states.errors import RoleMissing
from tests.bulk.tables import checked, done, eois, table, told
from tests.databases.raw import RawDatabase
from workflow import CallClosed, CallView, Engine, NotFound, Refused
from workflow.testing import FrozenClock, Kit, admin, auditor, decider, new_call, officer, school

HEAD = "applicant,applicant_name,answers.places,answers.why\n"
THREE = f"{HEAD}URN:1,Ash,18,Need\nURN:2,Beech,=1+1,\nURN:3,,,\n"
NewEngine = Callable[..., Engine]


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """Return an engine on each database."""
    return new_engine()


@pytest.fixture(autouse=True)
def call(engine: Engine) -> CallView:
    """Open the call."""
    return engine.open_call(new_call(), actor=officer())


def test_rows_become_eois(engine: Engine) -> None:
    """Texts stay texts, formulas among them; empty cells are no answers; who did it for whom is on record."""
    given = eois(engine, officer(), THREE)
    assert checked(given) == [(2, "would", None), (3, "would", None), (4, "would", None)]
    assert engine.find().items == ()
    assert done(given) == [(2, "made", None), (3, "made", None), (4, "made", None)]
    found = [(each.applicant, each.applicant_name, each.state, each.answers) for each in engine.find()]
    assert found == [
        ("URN:1", "Ash", "draft", {"places": "18", "why": "Need"}),
        ("URN:2", "Beech", "draft", {"places": "=1+1"}),
        ("URN:3", None, "draft", {}),
    ]
    (change,) = engine.history(engine.find(applicant="URN:2").items[0].id)
    assert (change.actor, change.on_behalf_of) == ("programme.team", "URN:2")


def test_a_second_time_nothing_is_done(engine: Engine, database: RawDatabase) -> None:
    """The same rows again, in another order and another file: all were carried out already."""
    done(eois(engine, officer(), THREE, submit=True))
    before = database.tables()
    rows = THREE.splitlines()
    turned = "\n".join([rows[0], *reversed(rows[1:])])
    for text in (THREE, turned, THREE.replace("answers.", "Answers.")):
        given = eois(engine, officer(), text, submit=True)
        assert {status for _, status, _ in checked(given) + done(given)} == {"already"}
    assert database.tables() == before


def test_once_keys_are_forgotten_the_content_tells(
    engine: Engine, database: RawDatabase, clock: FrozenClock
) -> None:
    """Another officer, or the same one months later: what is there and says the same is left alone."""
    done(eois(engine, officer(), THREE))
    before = database.tables()
    assert {status for _, status, _ in done(eois(engine, officer("another"), THREE))} == {"already"}
    after = database.tables()
    assert {name for name in after if after[name] != before[name]} <= {"eoi_attempt"}


def test_a_mended_row_is_another(engine: Engine) -> None:
    """An EOI of that applicant that says something else stands in its way; nothing is overwritten."""
    done(eois(engine, officer(), THREE))
    given = eois(engine, officer(), THREE.replace("Need", "Need and room"))
    assert checked(given)[0] == done(given)[0] == (2, "refused", "already-applied")
    assert engine.find(applicant="URN:1").items[0].answers["why"] == "Need"


def test_submitting_goes_on_where_drafting_stopped(engine: Engine) -> None:
    """What was drafted before is handed in now; what was handed in is left alone."""
    done(eois(engine, officer(), THREE))
    given = eois(engine, officer(), THREE, submit=True)
    assert checked(given)[0] == (2, "would", None)
    assert {status for _, status, _ in done(given)} == {"made"}
    assert {each.state for each in engine.find()} == {"submitted"}
    assert {status for _, status, _ in checked(given) + done(given)} == {"already"}


def test_a_draft_that_a_school_has_changed_is_not_handed_in(engine: Engine) -> None:
    """What was drafted for it and is another thing by now is the school's own to hand in."""
    done(eois(engine, officer(), THREE))
    (mine,) = engine.find(applicant="URN:1")
    engine.save(mine.id, answers={"why": "Ours"}, actor=school(1))
    given = eois(engine, officer(), THREE, submit=True)
    assert checked(given)[0] == (2, "refused", "already-applied")
    assert done(given)[0] == (2, "refused", "stale-version")
    assert engine.get(mine.id).state == "draft"


def test_what_a_school_has_handed_in_itself_needs_nothing(engine: Engine) -> None:
    """The import drafted it, the school submitted it as it was: that is what the row asks for."""
    done(eois(engine, officer(), THREE))
    (mine,) = engine.find(applicant="URN:1")
    engine.submit(mine.id, actor=school(1))
    given = eois(engine, officer(), THREE, submit=True)
    assert checked(given)[0] == done(given)[0] == (2, "already", None)


def test_an_applicant_imports_for_its_own_organisations(engine: Engine) -> None:
    """A trust drafts for its schools as itself; for another one it is refused, row by row."""
    trust = school(1)
    refused = [(row, "refused", "not-your-organisation") for row in (3, 4)]
    assert checked(eois(engine, trust, THREE)) == [(2, "would", None), *refused]
    assert done(eois(engine, trust, THREE)) == [(2, "made", None), *refused]
    (change,) = engine.history(engine.find().items[0].id)
    assert (change.actor, change.on_behalf_of) == ("head-of-1", None)


def test_a_row_costs_what_stands_in_it(engine: Engine) -> None:
    """A first row that names very many columns makes no more work of each row after it, blank or not."""

    def cost_s(head: str) -> float:
        found = table("\n".join([head, *(f"URN:{number}" for number in range(500))]))
        kind = NewEois(engine, officer(), found.columns, EoiOptions(call="46/23"))
        began_s = time.process_time()
        assert sum(not kind.read(row).answers for row in found.rows()) == 500
        return time.process_time() - began_s

    few_s = cost_s("applicant,a")
    many = [f"answers.{number}" for number in range(30_000)]
    assert cost_s(",".join(["applicant", *many])) < few_s * 20 + 0.2
    assert cost_s(",".join(["applicant", *[""] * 300_000, "answers.a"])) < few_s * 20 + 0.5


def test_a_table_with_very_many_strange_columns_is_refused_in_few_words(engine: Engine) -> None:
    """The first few are named, and how many there are besides."""
    names = [f"c{number}" for number in range(1000)]
    with pytest.raises(BadTable) as failed:
        eois(engine, officer(), ",".join(["applicant", "answers.a", *names]))
    assert "'c0', 'c1', 'c2', 'c3', 'c4' and 995 more. Name them" in failed.value.message


def test_the_check_knows_who_may_apply(engine: Engine) -> None:
    """Who may draft nothing at all hears so from the check, of drafts that are there, too."""
    done(eois(engine, school(1), f"{HEAD}URN:1,Ash,18,Need\n"))
    for text in (THREE, f"{HEAD}URN:1,Ash,18,Need\n"):
        with pytest.raises(RoleMissing, match="takes the role applicant to draft"):
            checked(eois(engine, decider(), text, submit=True))


def test_rows_that_contradict_or_repeat_each_other_are_told(engine: Engine) -> None:
    """Two rows for one applicant: the same words are one row; other words are refused before all else."""
    text = f"{HEAD}URN:1,Ash,18,\nURN:1,Ash,18,\nURN:1,Ash,19,\n"
    given = eois(engine, officer(), text)
    assert checked(given) == [(2, "would", None), (3, "already", "same-row"), (4, "refused", "row-twice")]
    assert [each.message for each in given[0].check(given[1].rows())][1:] == [
        "It says the same as row 2.",
        "Row 2 speaks of the same, and says something else: which one counts?",
    ]


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        (",Ash,1,", "bad-input", "applicant is empty."),
        ("URN:1,Ash,1,x,y", "bad-row", "It has 5 cells, and the first row names 4 columns."),
        ("URN:1,A\x1bsh,1,x", "bad-input", "applicant_name holds a control character (U+001B)."),
        (
            f"URN:1,{'A' * 501},1,x",
            "bad-input",
            "applicant_name has 501 characters; at most 500 are allowed.",
        ),
        ("URN:\u200b1,,,", "bad-input", "U+200B"),
        (
            ",A\x1bsh,1,x",
            "bad-input",
            "applicant is empty. applicant_name holds a control character (U+001B).",
        ),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(engine: Engine, row: str, code: str, said: str) -> None:
    """Each fault of it in one sentence; the rows around it are not touched by that."""
    importer, found = eois(engine, officer(), f"{HEAD}{row}\nURN:9,,,\n")
    first, second = importer.check(found.rows())
    assert (first.status, first.code, second.status) == ("refused", code, "would")
    assert said in (first.message or "")
    assert done((importer, found)) == [(2, "refused", code), (3, "made", None)]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("name,places", "none named applicant or urn"),
        ("applicant,applicant", "Two columns of the table are named 'applicant'"),
        ("applicant,URN", "leave one out"),
        ("Applicant name,applicant_name,applicant", "named 'applicant_name'"),
        ("applicant,places,places", "named 'places'"),
        ("applicant,answers.places,notes", "what these columns are for: 'notes'"),
        ("applicant,answers.", "one is named answers. and no more"),
        ("applicant,answers.a,Answers. a", "Two columns are of one answer"),
    ],
)
def test_columns_that_say_nothing_certain_are_refused(engine: Engine, head: str, said: str) -> None:
    """Before any row is read: a slip in a name must not lose what a school has said."""
    with pytest.raises(BadTable, match=said):
        eois(engine, officer(), f"{head}\nURN:1,a,b\n")


def test_columns_are_found_however_they_are_spelt(engine: Engine) -> None:
    """Capitals, blanks, another order; where no column is named answers.…, all that are left are answers."""
    text = "Why?,  APPLICANT ,Applicant Name,Notes,\nNeed,URN:1,Ash,mine,\n"
    done(eois(engine, officer(), text, ignored=["notes"]))
    (found,) = engine.find()
    assert (found.applicant, found.applicant_name, found.answers) == ("URN:1", "Ash", {"Why?": "Need"})
    with pytest.raises(BadTable, match="no column 'note'"):
        eois(engine, officer(), text, ignored=["note"])


def test_a_cell_in_a_column_without_a_name_is_refused(engine: Engine) -> None:
    """What stands there would be lost."""
    assert checked(eois(engine, officer(), "applicant,,a\nURN:1,x,y\n")) == [(2, "refused", "bad-row")]


def test_cells_are_json_where_that_is_said(engine: Engine) -> None:
    """Numbers and lists keep their kind; what is no JSON, or says a thing twice, is refused."""
    text = 'applicant,answers.a,b\nURN:1,"[18, true]",18\nURN:2,08,\nURN:3,"{""x"":1,""x"":2}",\nURN:4,NaN,\n'
    with pytest.raises(BadTable, match="no answer 'c'"):
        eois(engine, officer(), text, as_json=["c"], ignored=["b"])
    given = eois(engine, officer(), text, as_json=["answers.a"], ignored=["b"])
    assert [status for _, status, _ in done(given)] == ["made", "refused", "refused", "refused"]
    assert engine.find().items[0].answers == {"a": [18, True]}


def test_an_officer_without_a_role_is_told_once(engine: Engine) -> None:
    """What would meet every row ends it at the first; so does a call that takes no more, or is none."""
    with pytest.raises(RoleMissing):
        done(eois(engine, auditor(), THREE))
    with pytest.raises(NotFound):
        checked(eois(engine, officer(), THREE, call="1/1"))
    assert engine.find().items == ()


def test_a_call_that_takes_no_more_is_told_before_any_row(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """Closed or called off, in the words of each."""
    other = engine.open_call(new_call(reference="1/1"), actor=officer())
    engine.cancel_call(other.id, actor=admin(), reason="No money")
    clock.move_by(days=2)
    with pytest.raises(CallClosed):
        done(eois(engine, officer(), THREE))
    engine.close_due()
    with pytest.raises(CallClosed, match=r"The call 46/23 is closed"):
        checked(eois(engine, officer(), THREE))
    with pytest.raises(Refused, match=r"is cancelled") as refused:
        checked(eois(engine, officer(), THREE, call="1/1"))
    assert refused.value.code == "call-cancelled"


def test_a_table_without_rows_or_with_too_many_is_refused(engine: Engine) -> None:
    """Nobody imports nothing, and what is too much is told once it is known."""
    with pytest.raises(BadTable, match="has no rows"):
        checked(eois(engine, officer(), HEAD))
    importer, found = eois(engine, officer(), f"{HEAD}URN:1,Ash,18,Need,more\n")  # refused at a glance
    (row,) = found.rows()
    with pytest.raises(BadTable, match=r"over 100,000 rows"):
        told(importer.check([row] * (MOST_ROWS + 1)))


def register() -> SchoolRegister:
    """Return a register of two schools, one of which has closed."""
    return SchoolRegister(
        {"121234": School("Sprowston Junior School", "Open"), "121235": School("Alder", "Closed")}
    )


def test_schools_are_looked_up(engine: Engine) -> None:
    """Missing names come from the register; who is unknown there is refused, who has closed is told."""
    rows = ("URN:121234,", "URN:121235,Our own", "URN:121236,", "121234,", "urn 121234,", "UKPRN:1,Trust")
    text = "\n".join(["applicant,applicant_name", *rows])
    given = eois(engine, officer(), text, register=register())
    assert checked(given) == [
        (2, "would", None),
        (3, "would", "school-closed"),
        (4, "refused", "unknown-school"),
        (5, "refused", "unknown-school"),
        (6, "refused", "unknown-school"),
        (7, "would", None),
    ]
    assert [code for _, status, code in done(given) if status == "made"] == [None, "school-closed", None]
    names = [each.applicant_name for each in engine.find()]
    assert names == ["Sprowston Junior School", "Our own", "Trust"]
    renamed = SchoolRegister({"121234": School("Sprowston Academy", "Open")})
    later = eois(engine, officer(), text.splitlines()[0] + "\nURN:121234,\n", register=renamed)
    assert checked(later) == done(later) == [(2, "already", None)]


def test_urns_may_stand_alone_in_their_column(engine: Engine) -> None:
    """Six digits are the id URN:…; what a spreadsheet made of them is refused."""
    given = eois(engine, officer(), "URN,a\n121234,x\nURN:121235,x\n121234.0,x\n1.21E+05,x\n,x\n")
    assert [status for _, status, _ in done(given)] == ["made", "made", "refused", "refused", "refused"]
    assert [each.applicant for each in engine.find()] == ["URN:121234", "URN:121235"]


def test_memory_stays_flat(new_engine: NewEngine, tmp_path: Path) -> None:
    """A table of many megabytes is never held: not whole, and not a tenth of it."""
    path, row = tmp_path / "large.csv", f",Ash,18,{'x' * 60_000}\n"
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        file.writelines(f"URN:{number}{row}" for number in range(400))
    with path.open("rb") as source:
        found = TableFile(source)
        importer = Importer(NewEois(new_engine(), officer(), found.columns, EoiOptions(call="46/23")))
        tracemalloc.start()
        try:
            assert sum(1 for _ in importer.check(found.rows())) == 400
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < path.stat().st_size / 10


def test_rows_that_were_settled_are_left_alone(engine: Engine) -> None:
    """Whoever carries out names those that were refused; they cost no attempt."""
    assert done(eois(engine, officer(), THREE), but=[3]) == [(2, "made", None), (4, "made", None)]


def test_the_columns_of_an_export_say_themselves_what_they_are(engine: Engine, call: CallView) -> None:
    """What was exported of last year's call is imported into this year's, without marks of formulas."""
    text = (
        "id,call_id,call,applicant,applicant_name,state,version,created_at,updated_at,submitted_at,decided_at,"
        "digest,answers.sum\nx,y,1/1,URN:1,Ash,approved,4,a,b,c,d,e,'=1+1\n"
    )
    assert done(eois(engine, officer(), text)) == [(2, "made", None)]
    assert engine.find().items[0].answers == {"sum": "=1+1"}
    assert table(text).columns[:2] == ("id", "call_id")


#: The moments at which what is under way has not happened.
BEFORE = [
    ("before", "begin"),
    ("after", "begin"),
    ("before", "write"),
    ("after", "write"),
    ("before", "commit"),
]


def test_a_crash_at_any_moment_loses_and_doubles_nothing(database: RawDatabase, clock: FrozenClock) -> None:
    """Whenever the process dies, the same rows begun again come to one submitted EOI each."""
    with Kit(database.url, clock=clock, used=True) as kit:
        for side, step in [*BEFORE, ("after", "commit")]:
            with getattr(kit, f"crash_{side}")(step):
                done(eois(kit.engine, officer(), THREE, submit=True))
        done(eois(kit.engine, officer(), THREE, submit=True))
        found = kit.engine.find().items
    assert [(each.applicant, each.state, each.version) for each in found] == [
        (f"URN:{number}", "submitted", 2) for number in (1, 2, 3)
    ]
