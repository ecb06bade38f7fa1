"""What the tests of letters share: servers that take mail, an authority, and a courier."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from adapters.outbound.letters import Letters
from adapters.outbound.mail.mailboxes import Sender
from adapters.outbound.mail.server import MailServer
from adapters.outbound.smtp import SmtpCourier
from tests.letters.post import Authority, Clerk, Post, Script, Scripted, plain
from workflow.testing import FrozenClock

#: Makes couriers that are closed when the test is over.
NewCourier = Callable[..., SmtpCourier]


@pytest.fixture(scope="session")
def letters() -> Letters:
    """Return what writes letters in our own words."""
    return Letters()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that has vouched for 127.0.0.1."""
    return Authority.made(tmp_path_factory.mktemp("authority") / "good")


@pytest.fixture
def clerk() -> Clerk:
    """Return who takes letters, and says what the test lets him say."""
    return Clerk()


@pytest.fixture
def post_with(clerk: Clerk) -> Iterator[Callable[..., Post]]:
    """Return what opens a post office with some settings of aiosmtpd's."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Post(clerk, **settings))


@pytest.fixture
def post(post_with: Callable[..., Post]) -> MailServer:
    """Open a post office that speaks in clear text."""
    return plain(post_with().port)


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], Scripted]]:
    """Return what starts a server that follows a script."""
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(Scripted(script))


@pytest.fixture
def new_courier(letters: Letters, clock: FrozenClock) -> Iterator[NewCourier]:
    """Return what makes couriers."""
    made: list[SmtpCourier] = []

    def make(server: MailServer, **settings: Any) -> SmtpCourier:
        sender = Sender.parse("Norfolk County Council <bases@council.example>")
        made.append(SmtpCourier(server, **{"sender": sender, "letters": letters, "clock": clock, **settings}))
        return made[-1]

    yield make
    for courier in made:
        courier.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a council's folder for letters of its own."""
    found = tmp_path / "letters"
    found.mkdir()
    return found
