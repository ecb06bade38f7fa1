import os
import re
import shutil
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

from adapters.settings import Settings, variable

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    surroundings = {"PATH": programs, "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_commands_of_the_readme_work_as_they_stand(tmp_path: Path) -> None:
    """A newcomer who pastes the README's commands in a clone, one after the other, sees each of them work."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (block,) = _blocks("sh")
    done = _run(["bash", "-eu", "-c", block], tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "submit" in done.stdout


@pytest.mark.slow
def test_the_python_of_the_readme_works_as_it_stands(tmp_path: Path) -> None:
    """A host's engineer who pastes the README's two Python blocks gets an open call and a healthy runner."""
    embed, serve = _blocks("python")
    done = _run([sys.executable, "-W", "error", "-c", embed + serve], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2099-03-18 00:00:02+00:00 True\n"


def test_every_file_that_the_readme_points_at_is_there() -> None:
    """A reader who follows a link of the README finds a page at its end."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert len(links) > 5


def test_every_setting_is_in_the_readme() -> None:
    """An operator finds each EOI_ variable that the program reads in the README's table, and no other."""
    read = {variable(field) for field in Settings.model_fields} - {"NO_COLOR"}
    rows = re.findall(r"^\| (`EOI_.*?) \|", README, flags=re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(EOI_\w+)`", row)} == read


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=attrgetter("name")
)
def test_every_setting_that_a_page_names_is_one(page: Path) -> None:
    """Nobody sets what nothing reads, because the documentation says so."""
    known = {variable(field) for field in Settings.model_fields}
    assert set(re.findall(r"\bEOI_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))) - known == set()


def test_the_readme_says_the_defaults() -> None:
    """The default beside each variable is the one that counts."""
    fields = {variable(name): field.default for name, field in Settings.model_fields.items()}
    rows = re.findall(r"^\| `(EOI_\w+)` \|.*\| `?([^|`]+)`? \|$", README, flags=re.MULTILINE)
    assert len(rows) > 5
    for name, said in rows:
        default = fields[name]
        shown = f"{default:g}" if isinstance(default, float) else str(default or "none")
        assert said.lower() == shown.lower(), name
