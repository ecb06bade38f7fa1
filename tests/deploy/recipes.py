"""What the files of examples/deploy say, read as the programs that they are for would read them."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

#: What a Dockerfile of ours may say.
INSTRUCTIONS: Final = frozenset(
    {
        *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"),
        *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
)


class Step(NamedTuple):
    """An instruction of a Dockerfile."""

    name: str
    #: What stands behind the name.
    said: str

    @property
    def words(self) -> list[str]:
        """The words of it, be they a JSON list or not."""
        return list(json.loads(self.said)) if self.said.startswith("[") else shlex.split(self.said)


def dockerfile(text: str) -> list[list[Step]]:
    """Return the steps of each stage; an instruction that is none of ours is an error."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    stages: list[list[Step]] = []
    for line in lines:
        name, _, said = line.partition(" ")
        assert name in INSTRUCTIONS, line
        if name == "FROM":
            stages.append([])
        stages[-1].append(Step(name, said.strip()))
    return stages


def only(steps: Sequence[Step], name: str) -> Step:
    """Return the one step of a name."""
    (found,) = (step for step in steps if step.name == name)
    return found


def unit(text: str) -> dict[str, dict[str, list[str]]]:
    """Return section -> directive -> each value of it (systemd.syntax(7), without continued lines)."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line or line[0] in "#;":
            continue
        if head := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(head[1], {})
        else:
            name, equals, value = line.partition("=")
            assert equals, line
            section.setdefault(name, []).append(value)
    return sections


def nginx(text: str) -> list[tuple[str, ...]]:
    """Return each directive with its block before it: ("server", "location /", "proxy_pass", "http://…")."""
    text = re.sub(r"#.*", "", text)
    found: list[tuple[str, ...]] = []
    blocks: list[str] = []
    for words, end in re.findall(r"([^;{}]*)([;{}])", text):
        said = " ".join(words.split())
        if end == "{":
            blocks.append(said)
        elif end == "}":
            assert not said, said
            blocks.pop()
        else:
            found.append((*blocks, *shlex.split(said)))
    assert not blocks
    return found


def blocks(page: Path) -> list[str]:
    """Return what a page tells to type."""
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
