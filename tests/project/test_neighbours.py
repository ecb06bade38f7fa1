"""The four packages have common names: hosts with folders of these are told, and `eoi` runs all the same.

From a wheel, in an environment of its own, beside real folders of hosts.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).resolve().parents[2]
NAMES: Final = ("states", "workflow", "scheduler", "adapters")
FROM_WORKFLOW: Final = "from workflow import Engine; print(Engine.__name__)"
FROM_ADAPTERS: Final = "from adapters.bootstrap import build; print(build.__name__)"
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment into which our wheel was installed; what it needs stands in the tests' own."""
    folder = tmp_path_factory.mktemp("installed")
    build = ("hatchling", "build", "--target", "wheel", "--directory", str(folder))
    assert _call(sys.executable, "-m", *build, cwd=ROOT).returncode == 0
    _well(_call(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"), cwd=folder))
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    pip = ("pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    _well(_call(sys.executable, "-m", *pip, cwd=folder))
    site = _well(
        _call(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    )
    Path(site.strip(), "needed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "venv"


def _call(*command: str, cwd: Path, **variables: str) -> Done:
    surroundings = {"PATH": os.defpath, "LANG": "C.UTF-8", **variables}
    return subprocess.run(
        command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False, timeout=120
    )


def _well(done: Done) -> str:
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def _host(folder: Path, *own: str, app: str = FROM_WORKFLOW) -> Path:
    """Make a host's folder with an `app.py` and packages of its own; with a slash: without __init__.py."""
    for each in own:
        (folder / each).mkdir()
        (folder / each / ("db.py" if each.endswith("/") else "__init__.py")).touch()
    (folder / "app.py").write_text(app + "\n")
    return folder


def _app(installed: Path, host: Path) -> Done:
    """Run the host as people do."""
    return _call(str(installed / "bin" / "python"), "-m", "app", cwd=host)


def _home(installed: Path) -> Path:
    (found,) = installed.glob("lib/python*/site-packages")
    return found


@pytest.mark.parametrize(
    ("name", "lost"),
    [("adapters", "the HTTP door, the couriers"), ("scheduler", "the runner (deadlines hold, but")],
)
def test_a_hosts_own_package_of_our_name_is_warned_of(
    tmp_path: Path, installed: Path, name: str, lost: str
) -> None:
    """A host with a folder called adapters can use the engine, and is told what it cannot, and what to do."""
    done = _app(installed, _host(tmp_path, name))
    assert (done.returncode, done.stdout) == (0, "Engine\n")
    home = _home(installed)
    assert f"RuntimeWarning: The package {name!r} of eoi-workflow, in {home}, is hidden by" in done.stderr
    assert (
        f"another one of that name in {tmp_path}. Without it there are not, in this program: {lost}"
        in done.stderr
    )
    assert done.stderr.count("`eoi serve`, and ask it over HTTP or by `eoi --server URL`") == 1


def test_who_imports_what_is_hidden_finds_their_own(tmp_path: Path, installed: Path) -> None:
    """Nothing of ours is asked then: Python says so, in the words that the page on embedding has."""
    done = _app(installed, _host(tmp_path, "adapters", app=FROM_ADAPTERS))
    says = "No module named 'adapters.bootstrap'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {says}"
    assert f"`{says}`" in (ROOT / "docs/embedding.md").read_text(encoding="utf-8")


def test_two_hidden_packages_are_told_in_one_warning(tmp_path: Path, installed: Path) -> None:
    """A host with both folders reads of both, and is told once what to do."""
    done = _app(installed, _host(tmp_path, "adapters", "scheduler"))
    assert (done.returncode, done.stdout) == (0, "Engine\n")
    assert (done.stderr.count("RuntimeWarning"), done.stderr.count("`eoi serve`")) == (1, 1)
    assert all(f"The package {name!r}" in done.stderr for name in ("adapters", "scheduler"))


@pytest.mark.parametrize(("name", "app"), [("states", FROM_WORKFLOW), ("workflow", FROM_ADAPTERS)])
def test_a_package_that_hides_what_all_need_is_refused(
    tmp_path: Path, installed: Path, name: str, app: str
) -> None:
    """A host with a folder called states or workflow gets an error that names it and says what to do."""
    done = _app(installed, _host(tmp_path, name, app=app))
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, done.stdout) == (1, "")
    assert last.startswith(
        f"ImportError: The package {name!r} of eoi-workflow, in {_home(installed)}, is hidden"
    )
    assert "`eoi serve`" in last


def test_a_runner_that_is_wanted_and_hidden_is_told_before_it_is_missed(
    tmp_path: Path, installed: Path
) -> None:
    """A host with a folder called scheduler that wants the runner reads why it cannot be imported."""
    done = _app(installed, _host(tmp_path, "scheduler", app=FROM_ADAPTERS))
    assert done.returncode == 1
    assert "RuntimeWarning: The package 'scheduler' of eoi-workflow" in done.stderr
    assert f"'scheduler' ({tmp_path}" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["adapters", "scheduler", "workflow"])
def test_a_folder_of_the_hosts_that_ours_hide_is_told(tmp_path: Path, installed: Path, name: str) -> None:
    """A host whose folder has no __init__.py misses its own modules, and reads why."""
    done = _app(installed, _host(tmp_path, f"{name}/", app=f"import {name}.db"))
    assert done.returncode == 1
    assert f"RuntimeWarning: The folder {name!r} in {tmp_path} is hidden by the package" in done.stderr
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{name}.db'"


@pytest.mark.parametrize("own", [NAMES, tuple(f"{name}/" for name in NAMES)])
def test_the_command_runs_whatever_folders_there_are(
    tmp_path: Path, installed: Path, own: tuple[str, ...]
) -> None:
    """`eoi` is not hidden by a host's folders, though they are on PYTHONPATH, and tells of no warning."""
    host = _host(tmp_path, *own)
    words = ("--db", str(tmp_path / "eoi.db"), "call", "list", "--json")
    done = _call(str(installed / "bin" / "eoi"), *words, cwd=host, PYTHONPATH=str(host))
    assert (done.returncode, done.stdout.split()) == (0, ["[]"]), done.stderr
    assert "hidden" not in done.stderr


def test_the_command_runs_as_a_module(tmp_path: Path, installed: Path) -> None:
    """`python -m eoi_workflow` is `eoi`, in a host's own folder, too."""
    host = _host(tmp_path, *NAMES)
    done = _call(str(installed / "bin" / "python"), "-m", "eoi_workflow", "diagram", cwd=host)
    assert _well(done).startswith("stateDiagram-v2")


@pytest.mark.parametrize("app", [FROM_WORKFLOW, FROM_ADAPTERS])
def test_nothing_is_said_where_all_four_are_ours(tmp_path: Path, installed: Path, app: str) -> None:
    """A host without such folders hears nothing; nor where a folder of that name holds no Python."""
    host = _host(tmp_path, "services", app=app)
    (host / "workflow").mkdir()
    assert _well(_app(installed, host)) == ("Engine\n" if app == FROM_WORKFLOW else "build\n")
