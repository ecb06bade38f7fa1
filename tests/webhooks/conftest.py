"""What the tests of webhooks share: real receivers on 127.0.0.1, one of them with a certificate."""

from collections.abc import Iterator

import pytest

from tests.webhooks.certificates import Authority
from tests.webhooks.receivers import Receiver, Trap


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that certifies receivers."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Lend a receiver that listens by http."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def council(authority: Authority) -> Iterator[Receiver]:
    """Lend a receiver that listens by https, certified as council.example."""
    with Receiver(authority.receiver("council.example")) as receiver:
        yield receiver


@pytest.fixture
def trap() -> Iterator[Trap]:
    """Lend what must hear nothing."""
    with Trap() as trap:
        yield trap
