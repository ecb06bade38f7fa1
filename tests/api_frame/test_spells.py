"""A spell of refusing is told twice, at its beginning and at its end, however it flickers between."""

import logging

import pytest

from adapters.api.protocol import Crowd
from adapters.api.spells import QUIET_S, Spell


class Hand:
    """A timer that is moved by hand."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Tell the seconds."""
        return self.now_s


def test_a_spell_is_over_when_nobody_was_refused_for_some_time() -> None:
    """One refused in between, and all of the time is to be waited for again; then the next one begins."""
    timer = Hand()
    spell = Spell(timer)
    assert (spell.is_over(), spell.is_begun(), spell.is_begun()) == (False, True, False)
    timer.now_s += QUIET_S - 0.001
    assert (spell.is_over(), spell.is_begun()) == (False, False)
    timer.now_s += QUIET_S - 0.001
    assert not spell.is_over()
    timer.now_s += 0.001
    assert (spell.is_over(), spell.is_over(), spell.is_begun()) == (True, False, True)


def test_a_server_on_the_brink_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """Connections that are one too many and then are not, by turns, make two lines, and not hundreds."""
    timer = Hand()
    crowd = Crowd(3, timer)
    with caplog.at_level(logging.INFO, "eoi.api"):
        assert [crowd.has_room(3 + number % 2) for number in range(200)] == [True, False] * 100
        timer.now_s += QUIET_S
        assert crowd.has_room(3)
        assert not crowd.has_room(4)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["server.full", "server.has-room", "server.full"]
