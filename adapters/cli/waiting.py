"""The wait until a server hears us again: told, where it is long enough to wonder about."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adapters.cli.telling import Teller

#: From how long on it is told, in seconds.
LONG_S: Final = 5.0


def waits_aloud(tell: "Teller", pause: Callable[[float], object] = time.sleep) -> Callable[[float], None]:
    """Return a client's `pause`, which tells a long one before it begins."""

    def wait(wait_s: float) -> None:
        if wait_s >= LONG_S:
            tell.aside(f"The server hears no more for now: on it goes in {wait_s:.0f} seconds.")
        pause(wait_s)

    return wait
