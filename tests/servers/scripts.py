"""Scripts of the tests, run as another process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def python(script: str, *path: str) -> subprocess.Popen[str]:
    """Start a script that may import the tests; of the environment it has what is given here."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
