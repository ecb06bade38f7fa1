"""What the tests of several nodes share: a receiver, and patience."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.many_nodes.receiver import Receiver
from tests.servers.talking import PATIENCE_S


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Lend a receiver that listens."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Return what looks again and again whether something is so, for as long as anybody's patience lasts."""

    def wait(true: Callable[[], object]) -> None:
        for _ in range(round(PATIENCE_S / 0.01)):
            if true():
                return
            time.sleep(0.01)  # Other processes tell nobody of what they do: it is looked for.
        pytest.fail("it did not happen in time")

    return wait
