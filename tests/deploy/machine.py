"""A folder that stands for the machine that examples/deploy speaks of; its steps can be carried out there.

What is root's alone is left to stand-ins that write down what they were asked: `useradd`, `systemctl`,
`sudo`.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.servers.scripts import ROOT

DEPLOY: Final = ROOT / "examples" / "deploy"
#: The user of the container; of the service, too, where the tests may choose.
NOBODY: Final = 10001
#: Places of the machine that its recipes write to.
PLACES: Final = re.compile(r"(?<![\w.])/(?:opt/eoi|etc/eoi|etc/systemd|var/lib/eoi|wheels|src)\b")
#: What asks for rights, does what it can without, and writes down what it was asked.
STAND_INS: Final = {"useradd": "", "systemctl": "", "sudo": 'shift 2; exec "$@"'}


class Machine:
    """The folder, and what was done in it."""

    def __init__(self, root: Path, python: str) -> None:
        """Make what a new machine has.

        Args:
            root: an empty folder that every user may look into.
            python: the Python of the machine.
        """
        self.root = root
        #: Lines `program arguments`, of each time that a stand-in was asked.
        self.asked = root / "asked"
        self._programs = root / "programs"
        for folder in ("programs", "etc/systemd/system", "var/lib", "src", "wheels"):
            (root / folder).mkdir(parents=True)
        for name, script in STAND_INS.items():
            self._program(name, f'echo {name} "$@" >> {self.asked}; {script}')
        for name in ("python", "python3"):
            self._program(name, f'exec {python} "$@"')
        if not is_root():
            self._program(
                "install", 'exec /usr/bin/install $(echo "$@" | sed -E "s/--(owner|group) [0-9]+//g")'
            )

    def inside(self, text: str) -> str:
        """Return a text with the machine's places where they are here."""
        return PLACES.sub(lambda found: f"{self.root}{found[0]}", text)

    def sh(self, script: str, *, folder: Path, **env: str) -> str:
        """Carry a script out, which must succeed; return what it printed."""
        path = f"{self._programs}:{os.defpath}"
        # The rest of the surroundings is how this machine reaches packages.
        surroundings = {**os.environ, "HOME": str(self.root), "PATH": path, "PYTHONPATH": "", **env}  # noqa: TID251 -- as said
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", self.inside(script)],
            cwd=folder,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _program(self, name: str, script: str) -> None:
        path = self._programs / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)


def as_nobody(command: Sequence[str]) -> list[str]:
    """Return a command that runs without rights, where the tests have any: it writes to what is its own.

    It may read what it needs, also where the tests' Python stands in a home that is closed to others.
    """
    if not is_root():
        return list(command)
    rights = [] if _is_open(Path(sys.executable).resolve()) else ["dac_read_search"]
    kept = [f"--{which}-caps=-all{''.join(f',+{each}' for each in rights)}" for which in ("inh", "ambient")]
    return [
        *("setpriv", "--no-new-privs", "--clear-groups", f"--reuid={NOBODY}", f"--regid={NOBODY}"),
        *kept,
        *command,
    ]


def is_root() -> bool:
    """Return whether the tests run as root."""
    return os.getuid() == 0


def _is_open(path: Path) -> bool:
    """Return whether every user may go there."""
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def environment(lines: str) -> Mapping[str, str]:
    """Return what a file for `EnvironmentFile=` says."""
    said = (line.partition("=") for line in lines.splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in said}
