"""The four packages have common names; whoever hides one of them is told so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _import_beside(host: Path, package: str) -> subprocess.CompletedProcess[str]:
    """Import the engine from a host's folder that has a package of its own of that name."""
    (host / package).mkdir()
    (host / package / "__init__.py").touch()
    script = "import workflow; print(workflow.Engine.__name__)"
    surroundings = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(host), str(ROOT)])}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=host,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("package", ["scheduler", "adapters"])
def test_a_hosts_own_package_of_our_name_is_warned_of(tmp_path: Path, package: str) -> None:
    """A host with a folder called adapters can use the engine, and is told what is hidden."""
    done = _import_beside(tmp_path, package)
    assert (done.returncode, done.stdout) == (0, "Engine\n")
    assert f"RuntimeWarning: eoi-workflow's package {package!r} stands in {ROOT}" in done.stderr
    assert f"another one of that name in {tmp_path}" in done.stderr


@pytest.mark.slow
def test_a_package_that_hides_the_rule_book_is_refused(tmp_path: Path) -> None:
    """A host with a folder called states gets an error that names it, not one about a missing module."""
    done = _import_beside(tmp_path, "states")
    assert done.returncode == 1
    assert f"ImportError: eoi-workflow's package 'states' stands in {ROOT}" in done.stderr


@pytest.mark.slow
def test_nothing_is_said_where_all_four_are_ours(tmp_path: Path) -> None:
    """A host without such folders hears nothing."""
    done = _import_beside(tmp_path, "services")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Engine\n", "")
