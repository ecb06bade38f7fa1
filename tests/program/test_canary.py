"""The canary of the whole suite: it sings where a line says what must be kept out."""

import logging
import os
import sys
from pathlib import Path

import pytest

from tests import canary as birds
from tests.canary import Canary
from tests.servers.talking import Program

KEPT_OUT = [
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "eoi_k7g2m4qa_" + "x" * 43,
    "head.teacher@sprowston.example",
    "Ada Lovelace",
]


@pytest.mark.parametrize("secret", KEPT_OUT)
def test_what_a_line_of_the_log_must_not_hold_is_heard(canary: Canary, secret: str) -> None:
    """In its words, in what comes with it, and in an exception."""
    log = logging.getLogger("eoi.test")
    log.warning("%s", secret)
    log.warning("said", extra={"eoi": secret})
    try:
        int(secret)
    except ValueError:
        log.exception("failed")
    assert len(canary.said) == 3
    canary.said = []


@pytest.mark.parametrize("secret", KEPT_OUT)
def test_what_a_program_beside_the_tests_must_not_write_is_heard(tmp_path: Path, secret: str) -> None:
    """Its log is another process's: of it the canary hears what stands on stderr."""
    script = f"import sys; print('harmless', file=sys.stderr); print({secret!r}, file=sys.stderr)"
    with Program([sys.executable, "-c", script], folder=tmp_path, env={"PATH": os.defpath}) as program:
        assert program.end() == 0
    assert birds.said_by_programs == [secret]
    birds.said_by_programs.clear()
