"""What stands around the routes where only they are tried: a runner that is well, and no metrics."""

from types import SimpleNamespace
from typing import Final

from adapters.api.app import Surroundings
from adapters.api.operation import Operation

AROUND: Final = Surroundings(
    operation=Operation(
        health=lambda: SimpleNamespace(ok=True), metrics=lambda: b"", metrics_type="text/plain"
    )
)
