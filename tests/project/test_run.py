"""`./run`: its list, too old Pythons, environments, the summary, the wheel. No network is needed."""

import ast
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from shutil import copy, copytree, which
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "run"
Done = subprocess.CompletedProcess[str]

#: Runs `run` after a line that changes what this Python is.
DISGUISED = """
import runpy, sys
{}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
AS_PYTHON_3_8 = DISGUISED.format('sys.version_info = (3, 8, 18, "final", 0)')
#: As a Python that was started by its bare name where there is no PATH; it then looks where the line says.
WITHOUT_PATH = DISGUISED.format('import os; sys.executable, os.defpath = "", "{}"')
#: As Debian's Python is without its package for environments.
WITHOUT_ENSUREPIP = DISGUISED.format('sys.modules["ensurepip"] = None')

#: What no Python before 3 can read.
TOO_NEW_FOR_2 = (
    ast.AnnAssign,
    ast.AsyncFunctionDef,
    ast.Await,
    ast.JoinedStr,
    ast.Match,
    ast.MatMult,
    ast.NamedExpr,
    ast.Nonlocal,
    ast.TryStar,
    ast.YieldFrom,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with `run`, the pins and the project's table, and nothing else."""
    root = tmp_path / "a tree"
    copytree(ROOT / "requirements", root / "requirements")
    for name in ("run", "pyproject.toml"):
        copy(ROOT / name, root)
    return root


@pytest.fixture
def script(tree: Path) -> ModuleType:
    """Return the tree's `run` as a module."""
    return _load(tree / "run")


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_list(words: list[str], script: ModuleType) -> None:
    """Without a task, or asked for help, it lists every task and some examples."""
    done = _run(*words)
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert (done.returncode, done.stderr) == (0, "")
    assert listed == [task for task, _, _, _ in script.tasks()] + ["./run"] * 3 + ["PYTHON=python3.12"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["dmeo"], "run: there is no task 'dmeo'; ./run lists them\n"),
        (["check", "tests"], "run: check takes no arguments; a choice of tests: ./run test PYTEST-ARGS\n"),
        (["format", "run"], "run: format takes no arguments\n"),
        (["lock", "--kepe"], "run: lock takes --keep or nothing\n"),
    ],
)
def test_wrong_usage(words: list[str], line: str) -> None:
    """A task or an argument that is not known is refused in one line, with status 2."""
    done = _run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


def test_too_old_python(tmp_path: Path) -> None:
    """A Python too old is told so in one line that names it and says what to do."""
    done = _python("-c", AS_PYTHON_3_8, RUN, "demo", PATH=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"run: eoi-workflow needs Python 3.11 or newer; this is 3.8.18 ({sys.executable}). "
        "Install one, or name one: PYTHON=python3.12 ./run ...\n"
    )


def test_real_old_pythons(tmp_path: Path) -> None:
    """Every old Python that this machine happens to have reads the file and says the same."""
    for name in ("python2.7", "python3.6", "python3.8", "python3.10"):
        old = which(name)
        if old is None or _call(old, "-c", "").returncode:
            continue
        done = _call(old, RUN, "demo", PATH=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith("run: eoi-workflow needs Python 3.11 or newer; this is ")


def test_newer_python_on_path(tmp_path: Path) -> None:
    """A Python too old goes on under the newest one on PATH that starts; a shim may stand for none."""
    _stub(tmp_path / "python3.14", "exit 127")
    _stub(tmp_path / "python3.13", _answering("3 13"))
    _stub(tmp_path / "python3.12", _answering("3 12"))
    done = _python("-c", AS_PYTHON_3_8, RUN, "demo", "--fast", PATH=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"{tmp_path}/python3.13 {RUN} demo --fast\n",
        "",
    )


def test_python_that_does_not_know_where_it_is(tmp_path: Path) -> None:
    """Without PATH (`env -i ./run demo`) it goes on under the usual Python, or says what to set."""
    missing = _python("-c", WITHOUT_PATH.format(tmp_path), RUN, "demo")
    _stub(tmp_path / "python3", _answering("3 12"))
    found = _python("-c", WITHOUT_PATH.format(tmp_path), RUN, "demo", "--fast")
    assert (found.returncode, found.stdout, found.stderr) == (
        0,
        f"{tmp_path}/python3 {RUN} demo --fast\n",
        "",
    )
    assert (missing.returncode, missing.stdout, missing.stderr.count("\n")) == (1, "", 1)
    assert missing.stderr.startswith("run: this Python does not know where it is: set PATH, ")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("3 10", "is Python 3.10; eoi-workflow needs 3.11 or newer"),
        ("what?", "is no Python that starts; eoi-workflow needs 3.11 or newer"),
    ],
)
def test_named_python_is_no_use(answer: str, line: str, tmp_path: Path) -> None:
    """The Python that somebody names is the one that is meant: no other takes its place."""
    named = _stub(tmp_path / "snake", _answering(answer))
    done = _run("help", PYTHON=named)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"run: PYTHON={named} {line}\n")


def test_named_python(tmp_path: Path) -> None:
    """The Python that somebody names is used, though this one would do."""
    named = _stub(tmp_path / "snake", _answering("3 12"))
    assert _run("test", "-k", "x", PYTHON=named).stdout == f"{named} {RUN} test -k x\n"


def test_old_pythons_can_read_it() -> None:
    """The file holds nothing that Python 2.7 cannot read, so that each Python can say that it is too old."""
    nodes = list(ast.walk(ast.parse(RUN.read_text(encoding="ascii"))))
    assert [ast.dump(node) for node in nodes if isinstance(node, TOO_NEW_FOR_2)] == []
    assert [node.arg for node in nodes if isinstance(node, ast.arg) and node.annotation] == []
    assert [node for node in nodes if isinstance(node, ast.Raise) and node.cause] == []
    for function in (node for node in nodes if isinstance(node, ast.FunctionDef)):
        assert (function.returns, function.args.kwonlyargs, function.args.posonlyargs) == (None, [], [])


def test_no_ensurepip(tree: Path) -> None:
    """Where Python cannot make environments, one line says which package is missing; nothing is left."""
    done = _python("-c", WITHOUT_ENSUREPIP, tree / "run", "demo")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"run: {sys.executable} (Python {version}) cannot make environments. "
        f"On Debian or Ubuntu: apt install python{version}-venv. "
        "Or name another Python: PYTHON=python3.12 ./run ...\n"
    )
    assert not (tree / ".venv").exists()


def test_environment_of_somebody_else(tree: Path) -> None:
    """An environment that somebody made by hand is not removed."""
    theirs = tree / ".venv"
    theirs.mkdir()
    (theirs / "pyvenv.cfg").write_text("home = /usr/bin")
    done = _python(tree / "run", "demo")
    assert (done.returncode, (theirs / "pyvenv.cfg").read_text()) == (1, "home = /usr/bin")
    assert done.stderr.endswith(
        f"run: {theirs} was not made by ./run: move it away or remove it, then try again\n"
    )


def test_ready_environment_runs_at_once(tree: Path, script: ModuleType, tmp_path: Path) -> None:
    """In a whole environment a task runs in the caller's folder; nothing of ours is added to what it says."""
    _pretend(tree, script, "python", 'echo "$PWD: $@"; exit 3')
    _pretend(tree, script, "eoi", 'echo "$PWD: eoi $@"')
    python = _python(tree / "run", "python", "-c", "a b", PWD=tmp_path)
    eoi = _python(tree / "run", "eoi", "list", "--json", PWD=tmp_path)
    demo = _python(tree / "run", "demo", "--fast", PWD=tmp_path)
    assert (python.returncode, python.stdout, python.stderr) == (3, f"{tmp_path}: -c a b\n", "")
    assert (eoi.returncode, eoi.stdout, eoi.stderr) == (0, f"{tmp_path}: eoi list --json\n", "")
    assert demo.stdout == f"{tmp_path}: {tree}/examples/demo.py --fast\n"


def test_bench_has_an_environment_of_its_own(tree: Path, script: ModuleType) -> None:
    """What we are measured beside is not installed where the engine or its tests run."""
    _pretend(tree, script, "python", 'echo "$@"', environment=".venv-bench")
    assert _python(tree / "run", "bench", "W1", "--json").stdout == "-P -m bench W1 --json\n"
    assert not (tree / ".venv").exists()


def test_pins(tree: Path, script: ModuleType) -> None:
    """Each environment has its pins, which `lock` renews, with digests; a package has one version in all."""
    pinned = {pins: _pins(tree / pins) for pins, _, _ in script.ENVIRONMENTS.values()}
    assert {f"requirements/{path.name}" for path in (tree / "requirements").iterdir()} == set(pinned)
    assert [pins for pins in pinned if f'("{pins}", ' not in RUN.read_text(encoding="ascii")] == []
    assert [line for pins in pinned.values() for line, digests in pins.items() if digests == 0] == []
    everywhere = {line.partition(" ;")[0] for pins in pinned.values() for line in pins}
    versions = Counter(line.partition("==")[0] for line in everywhere)
    assert {name for name, count in versions.items() if count > 1} <= {
        "django",
        "deprecated",
    }  # one for each Python


def _new_pins(tree: Path) -> None:
    (tree / "requirements" / "runtime.txt").write_text("six==1.17.0")


def _new_dependency(tree: Path) -> None:
    project = tree / "pyproject.toml"
    project.write_text(project.read_text().replace("dependencies = [", 'dependencies = [\n    "six",'))


def _unfinished(tree: Path) -> None:
    (tree / ".venv" / "made-by-run").write_text("unfinished")


def _python_gone(tree: Path) -> None:
    (tree / ".venv" / "bin" / "python").unlink()


@pytest.mark.parametrize("change", [_new_pins, _new_dependency, _unfinished, _python_gone])
def test_stale_environment(tree: Path, script: ModuleType, change: Callable[[Path], None]) -> None:
    """An environment is made anew after a change of pins or dependencies, or where it is not whole."""
    _pretend(tree, script, "python", "")
    before = script.is_ready(".venv")
    change(tree)
    assert (before, script.is_ready(".venv")) == (True, False)


def test_fresh_environment_stays(tree: Path, script: ModuleType) -> None:
    """A change of lint rules does not cost anybody a new environment."""
    _pretend(tree, script, "python", "")
    with (tree / "pyproject.toml").open("a") as project:
        project.write("\n[tool.something]\nelse = true\n")
    assert script.is_ready(".venv")


def test_moved_environment_is_stale(tree: Path, script: ModuleType) -> None:
    """A tree that was copied or moved does not run the code of the place it came from."""
    _pretend(tree, script, "python", "")
    copytree(tree, tree.parent / "copy")
    assert not _load(tree.parent / "copy" / "run").is_ready(".venv")


def test_leftovers_of_the_shell(tree: Path, script: ModuleType) -> None:
    """A child gets no setting that changes which code it finds, but all that say how to reach packages."""
    _pretend(tree, script, "python", "env")
    leftovers = {"PYTHONPATH", "PYTHONHOME", "PYTHONOPTIMIZE", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET"}
    kept = {"PIP_PROXY", "PIP_INDEX_URL", "PYTHONUTF8", "LANG"}
    said = _python(tree / "run", "python", **dict.fromkeys(leftovers | kept, "")).stdout
    assert {line.partition("=")[0] for line in said.splitlines()} & (leftovers | kept) == kept


@pytest.mark.slow
def test_two_at_once(tree: Path) -> None:
    """Two that want the same environment make it once, over a half-made one; the second waits."""
    (tree / "requirements" / "lock.txt").write_text("")
    (tree / ".venv-lock").mkdir()
    (tree / ".venv-lock" / "made-by-run").write_text("unfinished")
    wish = f"import runpy; print(runpy.run_path({str(tree / 'run')!r})['tool']('.venv-lock', 'pip'))"
    both = [_start(sys.executable, "-c", wish) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in said] == [f"{tree}/.venv-lock/bin/pip\n"] * 2
    assert "".join(err for _, err in said).count("run: setting up .venv-lock") == 1
    assert (tree / ".venv-lock" / "bin" / "pip").exists()


@pytest.mark.slow
def test_failing_set_up(tree: Path, script: ModuleType) -> None:
    """What pip says is shown when it fails, with the command; the environment is known as half-made."""
    (tree / "requirements" / "lock.txt").write_text("no-such-thing==1.0 --hash=sha256:" + "0" * 64)
    done = _python(tree / "run", "lock", PIP_NO_INDEX="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No matching distribution found for no-such-thing==1.0" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("run: set-up failed at: ")
    assert script.stamp(".venv-lock") == "unfinished"


def test_summary(tmp_path: Path) -> None:
    """The summary counts tests and suppressions, gives each reason for a skip, and misses no renamed file."""
    results = tmp_path / "tests.xml"
    results.write_text(
        "<testsuites><testsuite>"
        "<testcase/><testcase/>"
        "<testcase><skipped message='no server'/></testcase>"
        "<testcase><skipped message='no server'/></testcase>"
        "<testcase><skipped message='not on Mondays'/></testcase>"
        "<testcase><failure/></testcase>"
        "</testsuite></testsuites>"
    )
    (tmp_path / "states").mkdir()
    (tmp_path / "states" / "names.py").write_text(
        "import os  # noqa: F401 -- a reason\n"
        "TEXT = '# noqa'\n"
        "x = 1  # type: ignore[misc]\n"
        "if x:  # pragma: no cover\n    y = 1\n"
    )
    done = _python(ROOT / ".ci" / "summary.py", results, "group=workflow/gone.py", PWD=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "tests: 2 passed, 1 failed, 3 skipped",
        "  skipped 2: no server",
        "  skipped 1: not on Mondays",
        "suppressions in the tree: 1 noqa, 1 type: ignore, 1 pragma",
        "no file matches workflow/gone.py: mend COVERED in run",
    ]


def test_wheel(tmp_path: Path) -> None:
    """The wheel holds the four packages, whole, the module that finds them, and nothing else."""
    done = _python("-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path, PWD=ROOT)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    floors = ("states", "workflow", "scheduler", "adapters")
    files = {path for floor in floors for path in (ROOT / floor).rglob("*") if path.is_file()}
    ours = {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}
    assert held == {*ours, "eoi_workflow.py"}
    assert held >= {f"{floor}/py.typed" for floor in floors}


def _run(*words: object, **variables: object) -> Done:
    return _python(RUN, *words, **variables)


def _python(*words: object, **variables: object) -> Done:
    return _call(sys.executable, *words, **variables)


def _call(*words: object, **variables: object) -> Done:
    process = _start(*words, **variables)
    stdout, stderr = process.communicate(timeout=120)
    return Done([], process.returncode, stdout, stderr)


def _start(*words: object, **variables: object) -> subprocess.Popen[str]:
    """Start a command that sees no variables but these, in the folder `PWD` where that is one of them."""
    command = [str(word) for word in words]
    environment = {"PATH": os.defpath, **{name: str(value) for name, value in variables.items()}}
    pipe = subprocess.PIPE
    folder = environment.get("PWD")
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def _load(path: Path) -> ModuleType:
    loader = SourceFileLoader("run", str(path))
    spec = spec_from_loader("run", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def _stub(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def _answering(version: str) -> str:
    return f'if [ "$1" = -c ]; then echo "{version}"; else echo "$0 $@"; fi'


def _pretend(tree: Path, script: ModuleType, name: str, body: str, *, environment: str = ".venv") -> None:
    """Put a program into an environment that looks whole."""
    programs = tree / environment / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    _stub(programs / name, body)
    script.write_stamp(environment, script.wanted(environment))


def _pins(path: Path) -> dict[str, int]:
    """Return each pin of a file (name, version, where it holds) and how many digests it has."""
    found: dict[str, int] = {}
    pin = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            pin = line.removesuffix("\\").strip()
            found[pin] = 0
        found[pin] = found.get(pin, 0) + line.count("--hash=")
    found.pop("", None)
    return found
