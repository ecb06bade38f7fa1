"""docs/lifecycle.md and docs/errors.md are in step with the code."""

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest

from states import diagram
from states.errors import Refused
from states.lifecycle import CALL, EOI, Lifecycle
from states.names import NOT_YET, Role

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("states", "workflow", "scheduler", "adapters")

# ---- lifecycle.md


def test_the_lifecycle_document_is_that_of_the_tables() -> None:
    """Whoever changes a table makes the page anew: `./run eoi diagram --markdown > docs/lifecycle.md`."""
    assert (ROOT / "docs/lifecycle.md").read_text(encoding="utf-8") == diagram.document()


#: Mermaid's stateDiagram-v2, as far as we use it: a state is a word or [*], and so is what an arrow says.
ARROW: Final = re.compile(r"    (\[\*\]|[a-z]+) --> (\[\*\]|[a-z]+)(?:: ([a-z]+))?")


@pytest.mark.parametrize("lifecycle", [CALL, EOI])
def test_the_diagram_is_mermaid_and_shows_every_move(lifecycle: Lifecycle) -> None:
    """Whatever draws Mermaid shows an arrow for each trigger and source, and one out of each final state."""
    head, direction, *lines, end = diagram.mermaid(lifecycle).split("\n")
    assert (head, direction, end) == ("stateDiagram-v2", "    direction LR", "")
    arrows = [found.groups() for line in lines if (found := ARROW.fullmatch(line))]
    assert len(arrows) == len(lines)
    begun = {"[*]": NOT_YET}
    drawn = {(begun.get(source, source), target, trigger) for source, target, trigger in arrows if trigger}
    assert drawn == {
        (source, move.target, move.trigger) for move in lifecycle.moves for source in move.sources
    }
    assert {(source, target) for source, target, trigger in arrows if not trigger} == {
        (state, "[*]") for state in lifecycle.final
    }
    # A reserved word as a state would end the diagram in the middle.
    reserved = {"end", "state", "note", "direction", "class", "classdef", "style", "default"}
    assert reserved.isdisjoint(lifecycle.states)


def test_every_move_is_told_in_words() -> None:
    """A programme officer reads each move as a sentence: from where to where, by whom, and if what."""
    assert diagram.words(CALL).split("\n- ")[2] == (
        "**Close the call** (`close`): from open to closed. An officer or the system itself.\n"
        "  - Only if: the deadline and the settle time after it have passed; before that, an officer, while "
        "no EOI exists.\n"
        "  - Told as `call.closed`."
    )
    assert diagram.words(CALL).split("\n- ")[1] == (
        "**Extend the deadline** (`extend`): open, and stays so. An officer.\n"
        "  - Only if: the call is open, and this arrived before the first instant that is too late.\n"
        "  - Only if: the new closing is later than the present one: an extension never takes time away.\n"
        "  - Must be given: a reason and the new closing.\n"
        "  - Told as `call.extended`."
    )
    either = "An applicant, or an officer on behalf of a named one."
    assert diagram.words(EOI).startswith(f"- **Begin an EOI** (`draft`): begins as draft. {either}\n")
    assert f"from draft, submitted or reviewed to withdrawn. {either}" in diagram.words(EOI)


def test_the_document_leaves_out_no_state_move_or_condition() -> None:
    """The page names each state with its meaning, each label, and each guard's sentence."""
    page = diagram.document()
    for lifecycle in (CALL, EOI):
        chapter = page.split(f"## The life of {'a call' if lifecycle is CALL else 'an EOI'}\n")[1]
        assert [state for state in lifecycle.states if f"\n| {state} | " not in chapter] == []
        assert [move.label for move in lifecycle.moves if f"**{move.label}**" not in chapter] == []
    guards = {guard for lifecycle in (CALL, EOI) for move in lifecycle.moves for guard in move.guards}
    conditions = {(guard.__doc__ or "").split("\n")[0][1:] for guard in guards}
    assert {condition for condition in conditions if condition not in page} == set()
    assert diagram._WHO.keys() == set(Role)


# ---- errors.md

GROUPS: Final = ("Mend the request", "Read again", "Wait", "Ask a person")


class Codes:
    """Every code that the four packages can say, found by reading their source."""

    def __init__(self) -> None:
        #: Name of each error class -> its bases, and its own code.
        self.bases: dict[str, list[str]] = {}
        self.own: dict[str, str] = {}
        #: Classes that are raised or built by name.
        self.used: set[str] = set()
        #: code -> the classes that carry it.
        self.found: dict[str, set[str]] = {}
        trees = [
            ast.parse(path.read_bytes()) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
        ]
        for tree in trees:
            self._learn_classes(tree)
        for tree in trees:
            self._learn_codes(tree)
        self.groups = {
            self.own[name]
            for name in self.own
            if self._is_error(name)
            and name not in self.used
            and any(name in bases for bases in self.bases.values())
        }
        for name, code in self.own.items():
            if self._is_error(name) and code not in self.groups:
                self.found.setdefault(code, set()).add(name)

    def _learn_classes(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self.bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                for line in node.body:
                    match line:
                        case (
                            ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code)))
                            | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code)))
                        ):
                            self.own[node.name] = code

    def _learn_codes(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            match node:
                case ast.Raise(exc=ast.Name(id=name)):
                    self.used.add(name)
                case ast.Dict(values=values):
                    self.used |= {each.id for each in values if isinstance(each, ast.Name)}
                case ast.Call(func=ast.Name(id="Refusal"), args=[ast.Constant(value=str(code)), *_]):
                    self.found.setdefault(code, set()).add(Refused.by_code.get(code, Refused).__name__)
                case ast.Call(func=ast.Name(id=name), keywords=keywords) if self._is_error(name):
                    self.used.add(name)
                    for keyword in keywords:
                        if keyword.arg == "code":
                            for code in self._values(keyword.value, tree):
                                self.found.setdefault(code, set()).add(name)

    def _is_error(self, name: str) -> bool:
        return name == "EoiError" or any(self._is_error(base) for base in self.bases.get(name, []))

    @staticmethod
    def _values(value: ast.expr, tree: ast.Module) -> Iterator[str]:
        """Yield what a `code=` can be: a word; a word with a `{field}` that callers give; another error's."""
        match value:
            case ast.Constant(value=str(code)):
                yield code
            case ast.JoinedStr(
                values=[ast.Constant(value=str(start)), ast.FormattedValue(value=ast.Name(id=name))]
            ):
                given = [
                    keyword.value
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id[0] == "_"
                    for keyword in node.keywords
                    if keyword.arg == name
                ]
                yield from (f"{start}{each.value!s}" for each in given if isinstance(each, ast.Constant))
            case ast.Attribute(attr="code"):
                return
            case _:
                raise AssertionError(ast.unparse(value))


CODES: Final = Codes()
PAGE: Final = ROOT / "docs/errors.md"


def rows() -> list[list[str]]:
    """Return the rows of the page's one table, as cells."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_reader_of_codes_finds_them_all() -> None:
    """A code in a class, in a refusal, given by keyword or pieced together: each is found in the source."""
    assert CODES.found["stale-version"] == {"StaleVersion"}
    assert CODES.found["reviewed-by-you"] == {"Refused"}
    assert CODES.found["call-closed"] == {"CallClosed"}
    assert CODES.found["naive-datetime"] == {"BadDeadline"}
    assert CODES.found["no-title"] == CODES.found["no-reference"] == {"BadDocument"}


def test_every_code_that_can_come_out_is_in_the_table() -> None:
    """A caller finds each code in docs/errors.md, once, with its class; and none that nothing says."""
    listed = [(code.strip("`"), name.strip("`")) for code, name, *_ in rows()]
    assert dict(listed) == {code: " or ".join(sorted(names)) for code, names in CODES.found.items()}
    assert len(listed) == len(dict(listed))


def test_classes_that_only_group_others_are_told_apart() -> None:
    """A host that catches a group finds its word under the table, and that it never comes out itself."""
    (line,) = re.findall(r"^Only to catch: (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"\(`([a-z-]+)`\)", line)) == CODES.groups


def test_the_table_is_in_order_of_what_a_caller_can_do() -> None:
    """The table's four groups follow each other, each row with an HTTP status that exists, and advice."""
    table = rows()
    groups = [row[3].partition(":")[0].strip("*") for row in table]
    assert list(dict.fromkeys(groups)) == list(GROUPS)
    assert groups == sorted(groups, key=GROUPS.index)
    assert {row[2] for row in table} <= {"–", *(str(status.value) for status in HTTPStatus if status >= 400)}
    assert [row[0] for row in table if not re.fullmatch(r"\*\*[A-Z][a-z ]+\*\*: .*[.?]", row[3])] == []


@pytest.mark.parametrize("package", ["states", "workflow"])
def test_the_tree_on_top_of_the_errors_is_the_real_one(package: str) -> None:
    """Whoever opens errors.py sees its classes drawn as they are derived, each with its place."""
    tree = ast.parse((ROOT / package / "errors.py").read_bytes())
    docstring = ast.get_docstring(tree) or ""
    margin = len(re.findall(r"^( *)EoiError", docstring, flags=re.MULTILINE)[0])
    path, drawn = ["EoiError"], dict[str, str]()
    for line in docstring.splitlines():
        if found := re.match(r"([│ ]*)[├└]── ([A-Za-z]+)", line[margin:]):
            depth = len(found[1]) // 4 + 1
            path[depth:] = [found[2]]
            drawn[found[2]] = path[depth - 1]
    defined = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    bases = {name: CODES.bases[name][0] for name in defined if CODES._is_error(name) and name != "EoiError"}
    assert drawn == bases
