"""`./run mutants`: each fault of tests/mutants can be planted, and nothing but an assertion kills one."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.mutants import patches, plant, trees

ROOT = Path(__file__).resolve().parents[2]

#: A tree in which somebody is late.
TREE = {
    "gate/__init__.py": "",
    "gate/rule.py": """
        def is_open(now, end):
            # The end is too late.
            return now < end


        def words():
            return "open until the end"
        """,
    "tests/test_rule.py": """
        import pytest

        from gate.rule import is_open, words


        @pytest.fixture
        def end():
            assert words()
            return 5


        @pytest.mark.parametrize("now", [4, 5])
        def test_end(now, end):
            assert is_open(now, end) == (now == 4)


        def test_start():
            assert is_open(0, 5)


        def test_refused():
            with pytest.raises(ZeroDivisionError):
                1 / (0 if is_open(0, 5) else 1)


        def test_skipped():
            pytest.skip("not today")


        def test_broken():
            assert not is_open(0, 5)
        """,
}
_DECIDES = "    return now < end"
_END, _START = "tests/test_rule.py::test_end", "tests/test_rule.py::test_start"
#: Fault -> the tests it names, the line that it changes, what it makes of it, and the verdict.
FAULTS = {
    "01-killed": (_END, _DECIDES, "    return now <= end", "killed"),
    "02-did-not-raise": ("tests/test_rule.py::test_refused", _DECIDES, "    return False", "killed"),
    "03-as-long-as-before": (f"{_START}, {_END}", _DECIDES, "    return end < now", "killed"),
    "04-survives": (_START, _DECIDES, "    return now <= end", "survived"),
    "05-half-survives": (f"{_END}, {_START}", _DECIDES, "    return now <= end", "survived"),
    "06-import-breaks": (_START, _DECIDES, "    return now < end :", "void"),
    "07-raises": (_START, _DECIDES, "    raise ValueError(now)", "void"),
    "08-fixture-fails": (_END, '    return "open until the end"', '    return ""', "void"),
    "09-skipped": ("tests/test_rule.py::test_skipped", _DECIDES, "    return False", "void"),
    "10-fails-anyhow": ("tests/test_rule.py::test_broken", _DECIDES, "    return False", "void"),
    "11-does-not-fit": (_START, "    return now<end", "    return False", "void"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the made-up tree, with its faults in `faults`."""
    root = tmp_path_factory.mktemp("gate")
    for name, text in TREE.items():
        _write(root / name, dedent(text).lstrip())
    for name, (tests, before, after, _) in FAULTS.items():
        _write(root / "faults" / f"{name}.patch", _patch(tests, before, after))
    return root


@pytest.fixture(scope="module")
def verdicts(tree: Path) -> dict[str, plant.Verdict]:
    """Return what comes of each fault of the made-up tree."""
    return {f"{each.number}-{each.name}": each for each in _try(tree, "faults")}


def test_every_fault_fits_the_tree() -> None:
    """Each patch finds its lines, exactly and once, and what it leaves can be read as Python."""
    mutants, misfits = patches.mutants_in(plant.FOLDER), list[str]()
    for mutant in mutants:
        try:
            for file, text in patches.planted(mutant, ROOT).items():
                compile(text, file, "exec", dont_inherit=True)
        except (patches.BadPatch, SyntaxError) as exc:
            misfits.append(str(exc))
    assert misfits == []
    assert len(mutants) >= 25


def test_every_fault_is_to_be_killed_by_tests_that_are_there() -> None:
    """What a patch names can be collected."""
    named = {test for mutant in patches.mutants_in(plant.FOLDER) for test in mutant.killed_by}
    done = _python("-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider", *sorted(named))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_patch_is_one_that_git_takes_too() -> None:
    """Whoever wants to see a fault with their own eyes applies it as any patch."""
    found = []
    for patch in sorted(plant.FOLDER.glob("*.patch")):
        command = ["git", "apply", "--check", "--whitespace=error-all", str(patch)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        found += [done.stderr] if done.returncode else []
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_only_an_assertion_kills(verdicts: dict[str, plant.Verdict], name: str) -> None:
    """Not an import that breaks, another exception, a fixture, a skip, or a test that fails anyhow."""
    assert verdicts[name].verdict == FAULTS[name][3], verdicts[name].why


@pytest.mark.slow
def test_why_a_fault_was_not_killed_is_said(verdicts: dict[str, plant.Verdict]) -> None:
    """Whoever mends it reads which test let it pass, or what came instead of an assertion."""
    said = {name: verdict.why.splitlines()[0] for name, verdict in verdicts.items() if verdict.why}
    broken = "tests/test_rule.py::test_broken"
    assert said == {
        "04-survives": f"{_START} passes",
        "05-half-survives": f"{_START} passes",
        "06-import-breaks": said["06-import-breaks"],
        "07-raises": f"{_START} failed, but not by assertion: ValueError in its call: 0",
        "08-fixture-fails": said["08-fixture-fails"],
        "09-skipped": "without the fault, tests/test_rule.py::test_skipped is skipped",
        "10-fails-anyhow": f"without the fault, {broken} fails as well: assertion",
        "11-does-not-fit": "11-does-not-fit: these lines stand 0 times in gate/rule.py:",
    }
    assert said["06-import-breaks"].startswith(f"{_START} did not run.")
    assert "AssertionError in its setup" in said["08-fixture-fails"]


@pytest.mark.slow
def test_a_fault_that_only_some_cases_see_is_told(verdicts: dict[str, plant.Verdict]) -> None:
    """Whoever planted half of it reads with which parameters its test fails, and with which it passes."""
    assert {name: verdict.partly for name, verdict in verdicts.items() if verdict.partly} == {
        "01-killed": (f"{_END}: [5] fail; [4] pass",),
        "03-as-long-as-before": (f"{_END}: [4] fail; [5] pass",),
        "05-half-survives": (f"{_END}: [5] fail; [4] pass",),
    }


@pytest.mark.slow
def test_a_test_that_is_not_there_is_told(tree: Path) -> None:
    """A name that has changed kills nothing, and pytest's own words say which."""
    gone = "tests/test_rule.py::test_gone"
    _write(tree / "misnamed" / "01-fault.patch", _patch(gone, _DECIDES, "    return False"))
    (verdict,) = _try(tree, "misnamed")
    assert (verdict.verdict, "not found" in verdict.why) == ("void", True)
    assert verdict.why.startswith(f"without the fault, {gone} did not run.")


@pytest.mark.slow
def test_the_tree_itself_stays_as_it_is(tree: Path, verdicts: dict[str, plant.Verdict]) -> None:
    """Faults are planted in copies, which are gone afterwards."""
    assert len(verdicts) == len(FAULTS)
    assert (tree / "gate" / "rule.py").read_text() == dedent(TREE["gate/rule.py"]).lstrip()
    assert [str(path) for path in tree.rglob("__pycache__")] == []


@pytest.mark.slow
def test_a_test_that_hangs_kills_nothing(tree: Path) -> None:
    """It is ended after a while, and the fault counts for nothing."""
    hang = _patch(_START, _DECIDES, "    import time; time.sleep(600)")
    _write(tree / "hanging" / "01-hangs.patch", hang)
    (verdict,) = _try(tree, "hanging", limit_s=5.0)
    assert (verdict.verdict, verdict.why) == ("void", f"{_START} did not run. It had not ended after 5 s.")


@pytest.mark.slow
def test_what_is_tested_is_what_was_planted(tree: Path, tmp_path: Path) -> None:
    """A test that comes by another copy of the project than the one with the fault counts for nothing."""
    elsewhere = tmp_path / "elsewhere"
    trees.copy(tree, elsewhere)
    reaching = f"import sys\nsys.path.insert(0, {str(elsewhere)!r})\n"
    _write(tmp_path / "gate" / "tests" / "test_rule.py", reaching + dedent(TREE["tests/test_rule.py"]))
    trees.copy(elsewhere / "gate", tmp_path / "gate" / "gate")
    _write(tmp_path / "faults" / "01-killed.patch", _patch(_END, _DECIDES, "    return now <= end"))
    (verdict,) = _try(tmp_path / "gate", tmp_path / "faults")
    assert verdict.verdict == "void"
    assert "What was tested is not what was planted: gate from " in verdict.why


@pytest.mark.slow
def test_the_command_tells_and_fails_where_one_is_left(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers choose; the table says each fault and the sum; status 1 where one was not killed."""
    folder = tree / "faults"
    assert plant.main(["1"], root=tree, folder=folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        "01 killed killed   A fault.",
        "",
        "01 killed is seen by some cases only:",
        f"  {_END}: [5] fail; [4] pass",
        "",
        "faults: 1; 1 killed, 0 survived, 0 void",
    ]
    assert plant.main(["--json", "01", "04"], root=tree, folder=folder) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(each["number"], each["verdict"]) for each in told] == [("01", "killed"), ("04", "survived")]


def test_a_fault_that_is_not_there_is_refused(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong number is told, with status 2, before anything is run."""
    with pytest.raises(SystemExit) as ended:
        plant.main(["77"], root=tree, folder=tree / "faults")
    assert (ended.value.code, "there is no fault 77" in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("1-fault", "", "", "is not named as in 07-short-name.patch"),
        ("01-fault", "What: A fault.\n", "", "has no field 'What'"),
        ("01-fault", "What:", "Who: I\nWhat:", "has an unknown field 'Who'"),
        (
            "01-fault",
            "Killed by: ",
            "Killed by: luck, ",
            "is to be killed by 'luck', which is no test's node id",
        ),
        (
            "01-fault",
            "What: A fault.",
            "What: A fault.\nand more",
            "says 'and more', which belongs to no field",
        ),
        ("01-fault", "--- a/", "-- a/", "holds no diff"),
        ("01-fault", "+++ b/", "+++ ", "holds no diff as `git diff` writes it"),
        ("01-fault", "@@\n", "@@\nrubbish\n", "holds no diff as `git diff` writes it"),
    ],
)
def test_a_patch_that_cannot_be_meant_is_refused(
    tmp_path: Path, name: str, old: str, new: str, says: str
) -> None:
    """What is missing or misspelt in a header is told, instead of being taken for nothing."""
    text = _patch(_END, _DECIDES, "    return True").replace(old, new, 1)
    _write(tmp_path / f"{name}.patch", text)
    with pytest.raises(patches.BadPatch) as refused:
        patches.mutants_in(tmp_path)
    assert says in str(refused.value)


def test_a_number_is_given_once(tmp_path: Path) -> None:
    """Whoever says `07` means one fault."""
    for name in ("01-one", "01-other"):
        _write(tmp_path / f"{name}.patch", _patch(_END, _DECIDES, "    return True"))
    with pytest.raises(patches.BadPatch, match="the number 01 is given twice"):
        patches.mutants_in(tmp_path)


def test_lines_that_stand_twice_are_no_place(tmp_path: Path) -> None:
    """A fault is planted where it was meant, or not at all."""
    _write(tmp_path / "01-fault.patch", _patch(_END, _DECIDES, "    return True"))
    _write(tmp_path / "gate" / "rule.py", f"{_DECIDES}\n" * 2)
    (fault,) = patches.mutants_in(tmp_path)
    with pytest.raises(patches.BadPatch, match=r"01-fault: these lines stand 2 times in gate/rule.py"):
        patches.plant(fault, tmp_path)
    assert (tmp_path / "gate" / "rule.py").read_text() == f"{_DECIDES}\n" * 2


def test_a_tree_without_git_is_copied_too(tmp_path: Path) -> None:
    """All but what tools leave behind."""
    for name in ("a/b.py", ".venv-test/c.py", "a/__pycache__/b.pyc", ".git-is-not-here", "d.md"):
        _write(tmp_path / "tree" / name, "")
    trees.copy(tmp_path / "tree", tmp_path / "copy")
    found = (path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*") if path.is_file())
    assert sorted(path.as_posix() for path in found) == ["a/b.py", "d.md"]


def test_a_tree_with_git_is_copied_as_git_would(tmp_path: Path) -> None:
    """What is new goes along, what is ignored or gone does not."""
    tree = tmp_path / "tree"
    for name in ("old.py", "gone.py", "new.py", "big.db"):
        _write(tree / name, "")
    _write(tree / ".gitignore", "*.db\n")
    for words in (["init", "-q"], ["add", "old.py", "gone.py"]):
        subprocess.run(["git", *words], cwd=tree, check=True)  # noqa: S607 -- git is where PATH says
    (tree / "gone.py").unlink()
    trees.copy(tree, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == [".gitignore", "new.py", "old.py"]


def _try(tree: Path, faults: str | Path, *, limit_s: float = plant.LIMIT_S) -> list[plant.Verdict]:
    """Try the faults of a folder, in silence."""
    return plant.try_all(tree, patches.mutants_in(tree / faults), tell=lambda _: None, limit_s=limit_s)


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _patch(tests: str, before: str, after: str) -> str:
    header = f"What: A fault.\nKilled by: {tests}\n\n"
    return f"{header}--- a/gate/rule.py\n+++ b/gate/rule.py\n@@ -1 +1 @@\n-{before}\n+{after}\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
