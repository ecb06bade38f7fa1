"""Which is asked, a database or a server; and by which of the ways to say so a key comes to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import UNSAID, Answer, run_here
from tests.client.receiver import Receiver, receiver
from tests.client.told import tells

KEY: Final = "eoi_abc_SECRETSECRETSECRETSECRET"
OTHER: Final = "eoi_xyz_HIDDENHIDDENHIDDENHIDDEN"
Run = Callable[..., Answer]


@pytest.fixture
def server() -> Iterator[Receiver]:
    """Lend a server that has no calls."""
    with receiver(tells({"items": [], "next": None})) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `eoi`, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: str | None = None, **env: str) -> Answer:
        # The environment's proxies are not this machine's to be asked.
        return run_here(words, stdin=stdin, env={**UNSAID, "NO_PROXY": "*", **env})

    return run


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Return a file with a key in it, which nobody else may read."""
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


def test_a_key_comes_to_the_server_by_each_way(run: Run, server: Receiver, key_file: Path) -> None:
    """As an option, as a file, from the environment, from the first line of stdin; an option counts first."""
    ways: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("--key", KEY), {}),
        (("--key", KEY), {"EOI_KEY": OTHER}),
        (("--key-file", str(key_file)), {"EOI_KEY": OTHER}),
        ((), {"EOI_KEY": KEY}),
        (("--key", "-"), {"stdin": f"{KEY}\nrest"}),
    ]
    for words, how in ways:
        for asked, env in ((("--server", server.url), {}), ((), {"EOI_SERVER": server.url})):
            answer = run(*asked, *words, "call", "list", **how, **env)
            assert (answer.status, answer.told, answer.err) == (0, "(none)", "")
    assert len(server.heard) == 2 * len(ways)
    assert {each.headers["authorization"] for each in server.heard} == {f"Bearer {KEY}"}
    assert {each.path.partition("?")[0] for each in server.heard} == {"/v1/calls"}


@pytest.mark.parametrize(
    ("words", "env", "says"),
    [
        ("--db a.db --server {url} call list", {}, "Give --db or --server, not both."),
        ("call list", {"EOI_SERVER": "{url}", "EOI_DATABASE_URL": "a.db"}, "are both set: say which"),
        ("--server {url} --key {key} --key-file k call list", {}, "Give --key or --key-file, not both."),
        ("--key {key} call list", {}, "go with --server"),
        ("--key-file k call list", {}, "go with --server"),
        ("--insecure-http call list", {}, "go with --server"),
        ("--server {url} --key {key} --as me call list", {}, "The key says who asks"),
        ("--server {url} --key {key} --role officer call list", {}, "The key says who asks"),
        ("--server {url} --key {key} db check", {}, "needs the database, --db"),
        ("--server {url} --key {key} tick", {}, "needs the database, --db"),
        ("--server {url} submit x --key {key}", {}, "That is a server's key, and no idempotency key"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(
    run: Run, server: Receiver, words: str, env: dict[str, str], says: str
) -> None:
    """It is told in one line, with exit status 2, without the key; no server is asked, and no file made."""
    names = {"url": server.url, "key": KEY}
    answer = run(*words.format(**names).split(), **{name: said.format(**names) for name, said in env.items()})
    assert (answer.status, answer.out) == (2, "")
    assert says in " ".join(answer.err.split())
    assert KEY not in answer.err
    assert server.heard == []
    assert [*Path.cwd().iterdir()] == []


def test_the_environments_other_choice_is_not_heard(run: Run, server: Receiver) -> None:
    """With --server no EOI_DATABASE_URL counts, nor who asks; with --db no EOI_SERVER."""
    named = {"EOI_DATABASE_URL": "a.db", "EOI_SERVER": "http://127.0.0.1:1", "EOI_AS": "me", "EOI_KEY": KEY}
    assert run("--server", server.url, "call", "list", **named).status == 0
    assert len(server.heard) == 1
    assert run("--db", "b.db", "call", "list", "--role", "officer", **named).status == 0
    assert len(server.heard) == 1
    assert Path("b.db").exists()
    assert not Path("a.db").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "file-unreadable"), ("", "key"), ("two words\n", "key"), ("\x00", "key"), ("ü", "key")],
)
def test_a_file_without_a_key_is_told_so(
    run: Run, server: Receiver, key_file: Path, content: str | None, says: str
) -> None:
    """No file, an empty one, and what no header can hold: exit status 1, and nothing is sent."""
    key_file.unlink()
    if content is not None:
        key_file.write_text(content)
        key_file.chmod(0o600)
    answer = run("--server", server.url, "--key-file", str(key_file), "call", "list")
    assert (answer.status, answer.out) == (1, "")
    assert says in answer.err
    assert server.heard == []


def test_a_key_that_everybody_may_read_is_told_of(run: Run, server: Receiver, key_file: Path) -> None:
    """It works, and says how to keep the key; where the file is one's own, or the group's, silence."""
    for mode, told in ((0o644, True), (0o604, True), (0o640, False), (0o600, False)):
        key_file.chmod(mode)
        answer = run("--server", server.url, "--key-file", str(key_file), "call", "list")
        assert answer.status == 0
        assert ("chmod 600" in answer.err) is told
        assert KEY not in answer.err
    assert len(server.heard) == 4


def test_a_key_goes_by_http_to_this_machine_alone(run: Run) -> None:
    """Elsewhere it wants https, or leave to do otherwise; no name is looked up to say so."""
    answer = run("--server", "http://eoi.invalid", "--key", KEY, "call", "list")
    assert answer.status == 1
    assert "https" in answer.err
    assert KEY not in answer.err
