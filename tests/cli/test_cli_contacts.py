import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from workflow import Contact, Engine
from workflow.testing import officer

OFFICER: Final = ("--as", "programme.team", "--role", "officer")
HEAD: Final = "organisation,address,name\n"
ROWS: Final = (
    f"{HEAD}URN:121234,head@sprowston.example,Sprowston Junior School\nURN:2,office@alder.example,\n"
)
#: The same, as another program wrote them.
TURNED: Final = (
    b"name,address,organisation,,\nSprowston Junior School,head@sprowston.example,URN:121234\n"
    b",office@alder.example,URN:2,\n"
)
KEPT: Final = [
    {
        "organisation": "URN:121234",
        "address": "head@sprowston.example",
        "name": "Sprowston Junior School",
    },
    {"organisation": "URN:2", "address": "office@alder.example", "name": None},
]
Eoi = Callable[..., Any]


def imported(eoi: Eoi, data: str | bytes, *words: str) -> Any:
    """Import a list from the standard input."""
    return eoi("contact", "import", "-", "--list", "schools", *words, *OFFICER, stdin=data)


def test_a_list_is_imported_and_listed(eoi: Eoi, tmp_path: Path) -> None:
    """An officer imports a file; who looks sees the lists, how many are on each, and who."""
    (tmp_path / "schools.csv").write_text(ROWS, encoding="utf-8")
    answer = eoi("contact", "import", str(tmp_path / "schools.csv"), "--list", "Primary schools", *OFFICER)
    assert (answer.status, answer.out) == (0, "The list Primary schools now holds 2 contacts.\n")
    assert eoi("contact", "lists", "--json").json == {"Primary schools": 2}
    assert eoi("contact", "lists").out == "list             contacts\nPrimary schools  2\n"
    assert eoi("contact", "list", "Primary schools", "--json").json == KEPT
    told = eoi("contact", "list", "Primary schools", "--as", "a", "--role", "auditor").out
    assert told.splitlines()[1].split()[:2] == ["URN:121234", "head@sprowston.example"]
    assert eoi("contact", "list", "none").out == "(none)\n"


@pytest.mark.parametrize(
    "data",
    [
        ROWS.encode("utf-8-sig"),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        ROWS.rstrip("\n").encode(),
        ROWS.replace("organisation,address,name", " Organisation ,ADDRESS,Name").encode(),
        ROWS.replace("\nURN:2", "\n\n,,\nURN:2").encode(),
        ROWS.replace("URN:2,office@alder.example,", ' URN:2 ,"office@alder.example"').encode(),
        TURNED,
    ],
)
def test_what_spreadsheets_make_of_a_file_is_read(eoi: Eoi, data: bytes) -> None:
    """A byte order mark, any line end, columns in another order, capitals, blanks: all the same."""
    answer = imported(eoi, data, "--json")
    assert answer.json == {"list": "schools", "contacts": 2, "rows": 2}
    assert eoi("contact", "list", "schools", "--json").json == KEPT


def test_an_import_replaces_the_list_and_no_other(eoi: Eoi, engine: Engine) -> None:
    """Whoever is not in the new file is off the list; other lists stay; twice there counts once."""
    old = Contact(organisation="URN:9", address="old@school.example")
    for name in ("schools", "governors"):
        engine.put_contacts(name, [old], actor=officer())
    answer = imported(eoi, f"{HEAD}URN:1,a@b.example,A\nURN:1,a@b.example,The new name\n")
    assert answer.out == (
        "The list schools now holds 1 contact, some of whom stand in the file more than once.\n"
    )
    assert engine.contacts("schools") == [
        Contact(organisation="URN:1", address="a@b.example", name="The new name")
    ]
    assert engine.contacts("governors") == [old]


def test_every_bad_row_is_told_and_nothing_is_changed(eoi: Eoi, engine: Engine) -> None:
    """Each row that cannot be taken is told by its number in a spreadsheet; what stands there is not."""
    old = Contact(organisation="URN:9", address="old@school.example")
    engine.put_contacts("schools", [old], actor=officer())
    rows = [
        "URN:1,good@school.example,",
        "URN:2,secret.name,",
        "",
        ",secret@school.example,",
        "URN:4",
        ",,Secret",
        'URN:6,"secret@a.example, secret@b.example",',
        "URN:7,secret@school.example,Secret\x1b[2J",
        "URN\u200b:8,secret@school.example,",
        f"URN:9,secret@school.example,{'s' * 501}",
        "URN:10,secret@school.example,Secret,and more",
    ]
    answer = imported(eoi, HEAD + "\n".join(rows), "--json")
    assert (answer.status, answer.json["code"], answer.json["field"]) == (1, "bad-input", "contacts")
    assert answer.json["detail"].splitlines() == [
        "Row 3: its address is no e-mail address.",
        "Row 5: its organisation is missing.",
        "Row 6: its address is missing.",
        "Row 7: its organisation and its address are missing.",
        "Row 8: its address is no e-mail address.",
        "Row 9: its name is no name: too long, or with a character that cannot be shown.",
        "Row 10: its organisation is no id: too long, or with a character that cannot be seen.",
        "Row 11: its name is no name: too long, or with a character that cannot be shown.",
        "Row 12: it has 4 cells, and the first row names 3 columns.",
        "Nothing was changed: mend these 9 rows, and import the whole list again.",
    ]
    assert engine.contacts("schools") == [old]
    told = imported(eoi, HEAD + "\n".join(rows))
    assert (told.out, "ecret" in told.err) == ("", False)
    assert told.err.startswith("Not done: Row 3: its address is no e-mail address.\nRow 5: ")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "name the columns"),
        (b"\n\nURN:1,secret@school.example,\n", "name the columns"),
        (b"URN:1,secret@school.example,Secret\n", "name the columns"),
        (b"organisation;address;name\nURN:1;secret@school.example;\n", "with commas between them"),
        (b"organisation,address,address\nURN:1,a@b.example,secret@school.example\n", "name the columns"),
        (b"organisation,address,phone\nURN:1,secret@school.example,1\n", "nothing else may stand there"),
        (b"organisation,name\nURN:1,Secret\n", "name the columns"),
        (ROWS.encode("utf-16"), "CSV UTF-8"),
        (f"{HEAD}URN:1,a@b.example,École\n".encode("latin-1"), "CSV UTF-8"),
        (f'{HEAD}URN:1,secret@school.example,"Secret\n'.encode(), "Row 2 is no CSV"),
        (f'{HEAD}URN:1,a@b.example,\nURN:1,secret@school.example,"Sec"ret\n'.encode(), "Row 3 is no CSV"),
        (f"{HEAD}URN:1,secret@school.example,{'s' * 140_000}\n".encode(), "Row 2 is no CSV"),
        (HEAD.encode() + b"\0" * 100, "Row 2: its address is missing."),
        (HEAD.encode() + b"\n" * (4 * 1024 * 1024), "more than 4 MB"),
    ],
)
def test_what_is_no_list_is_refused(eoi: Eoi, data: bytes, said: str) -> None:
    """No head, other columns, other separators, other letters, a quote left open, no end: said, not shown."""
    answer = imported(eoi, data)
    assert (answer.status, said in answer.err, "ecret" in answer.err) == (1, True, False), answer.err
    assert eoi("contact", "lists", "--json").json == {}


def test_a_list_is_not_emptied_by_mistake(eoi: Eoi, engine: Engine) -> None:
    """A file that holds nobody, such as one cut off, changes nothing; unless that is what is wanted."""
    engine.put_contacts("schools", [Contact(organisation="URN:9", address="a@b.example")], actor=officer())
    answer = imported(eoi, HEAD)
    assert (answer.status, "--allow-empty" in answer.err) == (1, True)
    assert engine.contact_lists() == {"schools": 1}
    emptied = imported(eoi, HEAD, "--allow-empty")
    assert (emptied.status, emptied.out) == (0, "The list schools now holds 0 contacts.\n")
    assert engine.contact_lists() == {}


def test_a_file_that_is_not_there_is_said(eoi: Eoi, tmp_path: Path) -> None:
    """The name of the file is told, and a list that nobody names is wrong usage."""
    missing = eoi("contact", "import", str(tmp_path / "no.csv"), "--list", "a", *OFFICER, "--json")
    assert (missing.status, missing.json["code"]) == (1, "file-unreadable")
    assert eoi("contact", "import", "-", *OFFICER, stdin=ROWS).status == 2
    nameless = eoi("contact", "import", "-", "--list", " ", *OFFICER, "--json", stdin=ROWS)
    assert (nameless.status, nameless.json["field"]) == (1, "list")


def test_contacts_are_for_officers_and_to_be_seen_by_auditors(eoi: Eoi) -> None:
    """A school neither reads nor changes who is told; an auditor reads."""
    head = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234", "--json")
    for words in (("lists",), ("list", "schools"), ("import", "-", "--list", "schools")):
        answer = eoi("contact", *words, *head, stdin=ROWS)
        assert (answer.status, answer.json["code"]) == (1, "role-missing"), words
    auditor = ("--as", "a", "--role", "auditor", "--json")
    assert eoi("contact", "lists", *auditor).json == {}
    assert eoi("contact", "import", "-", "--list", "a", *auditor, stdin=ROWS).json["code"] == "role-missing"


def test_no_log_line_holds_a_contact(eoi: Eoi, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever becomes of an import, the log knows nothing of who stands in it."""
    logging.getLogger("eoi").setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        for data in (ROWS, f"{HEAD}URN:121234,sprowston,Sprowston\n"):
            imported(eoi, data)
        eoi("contact", "list", "schools")
    assert [record.getMessage() for record in caplog.records if "prowston" in record.getMessage()] == []
