"""docs/oidc.md says what is so."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from adapters.api import claims, jwks, tokens
from adapters.api.oidc import ALLOWED
from adapters.bootstrap import build
from adapters.outbound import issuer
from adapters.serving import api_of
from adapters.settings import Settings, variable
from tests.servers.scripts import ROOT

PAGE: Final = (ROOT / "docs" / "oidc.md").read_text(encoding="utf-8")
SETTINGS: Final = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", SETTINGS)
def test_the_settings_of_the_page_do(tmp_path: Path, block: str) -> None:
    """A door can be built of each block as it stands."""
    given = dict(each.partition("=")[::2] for each in shlex.split(block))
    settings = Settings(
        database_url=str(tmp_path / "eoi.db"),
        **{name.removeprefix("EOI_").lower(): value for name, value in given.items()},
    )
    app = build(settings)
    api_of(app, settings)
    app.close()


def test_every_setting_is_on_the_page() -> None:
    """Each of them has its row, with its default."""
    rows = dict(re.findall(r"^\| `(EOI_OIDC_\w+)` \|.*\| `?([^|`]+)`? \|$", PAGE, re.MULTILINE))
    fields = {
        variable(name): field.default
        for name, field in Settings.model_fields.items()
        if name.startswith("oidc_")
    }
    assert rows == {
        name: (",".join(default) if isinstance(default, tuple) else default) or "none"
        for name, default in fields.items()
    }


def test_every_word_of_the_log_is_on_the_page() -> None:
    """Whoever reads the log finds what was wrong, and no word that never comes."""
    said = set[str]()
    for module in (tokens, claims):
        tree = ast.parse(Path(str(module.__file__)).read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "why":
                said |= {
                    each.value
                    for each in ast.walk(node.value)
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    said |= set(tokens._WHY.values())
    table = PAGE.partition("| word | what must be |")[2].partition("\n\n")[0]
    told = {
        word
        for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
        for word in re.findall(r"`(.+?)`", row)
    }
    assert told == said


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    """Minutes, seconds, hours, sizes."""
    assert (jwks.FRESH_S, jwks.REST_S, jwks.KEPT_S) == (5 * 60, 10, 24 * 3600)
    assert (jwks.WAIT_S, jwks.WAITING) == (2, 4)
    assert (issuer.TIMEOUT_S, issuer.LONGEST_ANSWER, tokens.MOST_KEYS) == (5, 256 * 1024, 100)
    assert tokens.LEEWAY_S == 60
    assert ", ".join(tokens.ALGORITHMS) in PAGE
    assert Settings().oidc_algorithms == ALLOWED


def test_the_python_of_the_page_works(tmp_path: Path) -> None:
    """A host's engineer who pastes it has the routes, and a door that knows nobody without a token."""
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    more = "from tests.api_frame.asgi import ask; print(ask(api, 'GET', '/v1/calls').status)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{block}\n{more}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "401\n", "")
