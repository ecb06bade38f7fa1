"""The unit of examples/deploy is shut as far as it can be, and fits what `eoi serve` does."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from adapters.cli.running import HANGING_S, LAST_WORDS_S, REQUESTS_S
from adapters.settings import Settings, variable
from scheduler.runner import GRACE_S
from tests.deploy.machine import DEPLOY, environment
from tests.deploy.recipes import unit

UNIT: Final = DEPLOY / "eoi.service"
#: What shuts it, each with the value that shuts it most (systemd.exec(5)).
SHUT: Final = {
    "NoNewPrivileges": ["yes"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "RestrictSUIDSGID": ["yes"],
    "PrivateUsers": ["yes"],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "PrivateIPC": ["yes"],
    "ProtectProc": ["invisible"],
    "ProcSubset": ["pid"],
    "ProtectClock": ["yes"],
    "ProtectControlGroups": ["yes"],
    "ProtectHostname": ["yes"],
    "ProtectKernelLogs": ["yes"],
    "ProtectKernelModules": ["yes"],
    "ProtectKernelTunables": ["yes"],
    "RestrictAddressFamilies": ["AF_INET AF_INET6 AF_UNIX"],
    "RestrictNamespaces": ["yes"],
    "RestrictRealtime": ["yes"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "SystemCallArchitectures": ["native"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "UMask": ["0077"],
}
#: What opens it, and is not wanted.
OPEN: Final = ("ReadWritePaths", "BindPaths", "SupplementaryGroups", "PermissionsStartOnly", "DeviceAllow")


@pytest.fixture(scope="module")
def service() -> dict[str, list[str]]:
    """Return the section [Service]."""
    return unit(UNIT.read_text(encoding="utf-8"))["Service"]


def test_it_is_shut(service: dict[str, list[str]]) -> None:
    """Each directive that can shut it does, and none opens it again."""
    assert {name: service.get(name) for name in SHUT} == SHUT
    assert [name for name in OPEN if name in service] == []


def test_it_writes_to_one_folder_as_a_user_of_its_own(service: dict[str, list[str]]) -> None:
    """Its database is in the folder that systemd makes for it, which nobody else may read."""
    assert (service["User"], service["Group"]) == (["eoi"], ["eoi"])
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == (["eoi"], ["0700"])
    assert service["WorkingDirectory"] == ["/var/lib/eoi"]
    said = environment((DEPLOY / "eoi.env").read_text(encoding="utf-8"))
    assert said["EOI_DATABASE_URL"] == "sqlite:////var/lib/eoi/eoi.db"


def test_forms_that_are_coming_lie_on_a_disk(service: dict[str, list[str]]) -> None:
    """Not in /tmp, which may be memory that counts against the unit's; and where nobody else looks."""
    said = environment((DEPLOY / "eoi.env").read_text(encoding="utf-8"))
    assert said["TMPDIR"] == "/var/tmp"  # noqa: S108 -- the unit's own, by PrivateTmp=
    assert service["PrivateTmp"] == ["yes"]


def test_no_secret_is_in_what_everybody_may_read(service: dict[str, list[str]]) -> None:
    """The unit names a file; that file has settings that there are, no secret yet, and may be read back."""
    assert service["EnvironmentFile"] == ["/etc/eoi/eoi.env"]
    said = environment((DEPLOY / "eoi.env").read_text(encoding="utf-8"))
    assert (said["EOI_SECRET_KEY"], said["EOI_API_TRUSTED_PROXIES"]) == ("", "127.0.0.1")
    assert set(said) <= {"TMPDIR", *(variable(field) for field in Settings.model_fields)}
    assert "Environment" not in service


def test_it_has_the_time_to_stop(service: dict[str, list[str]]) -> None:
    """Systemd kills it only after it should have ended itself: requests, deliveries, last words."""
    longest_s = REQUESTS_S + GRACE_S + HANGING_S + LAST_WORDS_S
    (said,) = service["TimeoutStopSec"]
    assert longest_s < int(said) < longest_s + 15
    assert service["KillSignal"] == ["SIGTERM"]
    assert "KillMode" not in service


def test_it_is_started_again_after_a_failure(service: dict[str, list[str]]) -> None:
    """Not after wrong words, which stay wrong; not so fast that systemd gives up (5 times in 10 s)."""
    assert (service["Restart"], service["RestartPreventExitStatus"]) == (["on-failure"], ["2"])
    assert int(service["RestartSec"][0]) * 5 > 10


def test_tables_are_upgraded_only_where_somebody_says_so(service: dict[str, list[str]]) -> None:
    """The line for it is there, and is a comment."""
    assert "ExecStartPre" not in service
    assert "\n#ExecStartPre=/opt/eoi/bin/eoi db upgrade\n" in UNIT.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_it(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, and `security` finds it as shut as the README says."""
    copy = tmp_path / "eoi.service"
    # The program is not installed here; a path that is no program would be all that it says.
    text = UNIT.read_text(encoding="utf-8").replace("/opt/eoi/bin/eoi", "/bin/true")
    copy.write_text(text, encoding="utf-8")
    verified = _analyzed("verify", str(copy))
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    said = _analyzed("security", "--offline=true", "--threshold=15", str(copy))
    assert said.returncode == 0, said.stdout + said.stderr
    copy.write_text(text.replace("NoNewPrivileges=yes", "NoNewPriviledges=yes"), encoding="utf-8")
    assert "NoNewPriviledges" in _analyzed("verify", str(copy)).stderr


def _analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *words],  # noqa: S607 -- wherever it is
        capture_output=True,
        text=True,
        check=False,
    )
