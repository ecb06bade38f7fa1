"""The Dockerfile of examples/deploy, word by word: what no build need be run for."""

import re
from typing import Final

from adapters.cli.running import HANGING_S, PORT, REQUESTS_S
from scheduler.runner import GRACE_S
from tests.deploy.machine import DEPLOY, NOBODY
from tests.deploy.recipes import dockerfile, only
from tests.servers.scripts import ROOT

TEXT: Final = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
BUILD, FINAL = dockerfile(TEXT)


def test_nothing_is_built_in_what_is_run() -> None:
    """The last stage begins anew, and only takes over what was installed; nothing is installed in it."""
    assert only(BUILD, "FROM").said == "python:3.12-slim AS build"
    assert only(FINAL, "FROM").said == "python:3.12-slim"
    assert only(FINAL, "COPY").words == ["--from=build", "/opt/eoi", "/opt/eoi"]
    assert [step.said for step in FINAL if step.name == "RUN" and "pip" in step.said] == []


def test_one_step_fetches_and_holds_to_hashes() -> None:
    """Every other step of pip is told to fetch nothing."""
    pip = [step.said for step in BUILD if step.name == "RUN" and " -m pip " in step.said]
    (fetches,) = (step for step in pip if "--no-index" not in step)
    assert "--require-hashes --requirement requirements/runtime.txt" in fetches
    assert len(pip) == 4


def test_it_runs_without_rights() -> None:
    """As a user who is not root, by number, so that whoever starts it can see that; its folder is its own."""
    assert only(FINAL, "USER").said == f"{NOBODY}:{NOBODY}"
    assert only(FINAL, "RUN").said.endswith(f"--owner {NOBODY} --group {NOBODY} --mode 0700 /var/lib/eoi")
    assert only(FINAL, "VOLUME").words == ["/var/lib/eoi"]
    assert [step.name for step in FINAL].index("RUN") < [step.name for step in FINAL].index("USER")


def test_docker_stops_it_as_it_wants_to_be_stopped() -> None:
    """By SIGTERM, to the program itself and no shell; the README gives it the time that it may take."""
    assert only(FINAL, "STOPSIGNAL").said == "SIGTERM"
    assert only(FINAL, "ENTRYPOINT").words == ["/opt/eoi/bin/eoi"]
    assert only(FINAL, "CMD").words == ["serve", "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104 -- of the container, whose port is published or not
    assert only(FINAL, "EXPOSE").said == str(PORT)
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"--stop-timeout (\d+)", page)
    assert int(said) > REQUESTS_S + GRACE_S + HANGING_S
    assert "--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges" in page


def test_each_run_has_the_settings() -> None:
    """An upgrade is of the database that the service has; forms lie on the volume, and not in memory."""
    page = (DEPLOY / "README.md").read_text(encoding="utf-8").replace("\\\n", "")
    serves, upgrades = re.findall(r"docker run (.+? eoi-workflow\b)", page)
    for said in (serves, upgrades):
        assert "--env-file /etc/eoi/eoi.env" in said
        assert "--volume eoi:/var/lib/eoi" in said
    assert "--env TMPDIR=/var/lib/eoi" in serves


def test_a_build_is_sent_what_it_copies_and_no_more() -> None:
    """A database or a key that lies in the folder stays outside of every layer."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    first, *others = (line for line in lines if not line.startswith("#"))
    assert first == "*"
    let_in = {line[1:] for line in others if line.startswith("!")}
    copied = {word.partition("/")[0] for step in BUILD if step.name == "COPY" for word in step.words[:-1]}
    assert let_in == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
