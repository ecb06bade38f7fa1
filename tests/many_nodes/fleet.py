"""Several nodes on one database; somebody kills, ends and restarts them, at random and at bad moments."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import chain
from random import Random
from typing import Final, Self

from tests.clock import now, sleep_until
from tests.many_nodes.node import Node
from tests.many_nodes.receiver import Came

#: The longest rest between two blows, in seconds.
REST_S: Final = 0.8
#: When a call is due, whoever closes it is at it for so long, in seconds.
AT_IT_S: Final = 0.03
#: How long it is waited for that something is due, or is posted, in seconds.
WAIT_S: Final = 1.5

#: Says when the next call is due, if any is.
NextDue = Callable[[], datetime | None]
#: Something that somebody does to a node.
Blow = Callable[[NextDue], None]
#: Starts the node of a place in the fleet, for the so-manieth time there.
Start = Callable[[int, int], Node]


class Fleet:
    """Nodes in their places; what has ended is started again. One that serves is always left alone."""

    def __init__(self, start: Start, size: int, dice: Random, *, spared: int = 0) -> None:
        """Start them, and wait until they serve.

        Args:
            start: starts one.
            size: how many there are.
            dice: decides.
            spared: so many of them, the first ones, are told to end and never killed.
        """
        self._start, self._dice, self._spared = start, dice, spared
        #: Every node that ever was, by its place.
        self.places: list[list[Node]] = [[] for _ in range(size)]
        #: What was on its way to a receiver when its sender was killed for it.
        self.ambushed: list[Came] = []
        #: How many nodes were killed so that a close might be hit.
        self.at_a_close = 0
        #: How each node ended that was told to: its exit status.
        self.ends: list[int] = []
        self._waits_for_a_post = threading.Event()
        self._lock = threading.Lock()
        self._stack = ExitStack()

    @property
    def all(self) -> list[Node]:
        """Return every node that ever was."""
        return list(chain.from_iterable(self.places))

    def sender(self, came: Came) -> Node:
        """Return which node has sent something: who has that name, the last one that was there by then."""
        named = [node for node in self.all if node.name == came.sender]
        nameless = [node for node in self.all if not node.name and node.started_at <= came.at]
        return (named or nameless)[-1]

    def harass(self, goes_on: Callable[[], bool], next_due: NextDue) -> None:
        """Deal one blow after the other for as long as it goes on; then see that all serve again."""
        blows = list[Blow]([self._at_a_post])
        while goes_on():
            time.sleep(REST_S * self._dice.random())  # Blows are dealt by the dice, whatever the nodes do.
            self.start_ended()
            if sum(node.serves for node in self._now()) > 1:
                blows = blows or [self._at_a_close, self._at_a_close, self._at_a_post, self._end]
                blows.pop(self._dice.randrange(len(blows)))(next_due)
        self._waits_for_a_post.clear()
        for node in self._now():
            if node.told_to_end:
                node.end()
        self._all_serve()

    def start_ended(self) -> None:
        """Start whatever is needed that there is a node in each place."""
        for number, place in enumerate(self.places):
            if not place or not place[-1].runs:
                if place and place[-1].killed_at is None:
                    self.ends.append(place[-1].end())
                place.append(self._stack.enter_context(self._start(number, len(place))))

    def on_post(self, came: Came) -> None:
        """Kill the sender, if that is what is waited for, before it gets its answer."""
        if not self._waits_for_a_post.is_set():
            return
        node = self.sender(came)
        if self._kill(node):
            self._waits_for_a_post.clear()
            self.ambushed.append(came)

    def end(self) -> None:
        """Tell all of them to end, and wait until they have."""
        for node in self._now():
            node.signal(signal.SIGTERM)
        self.ends += [node.end() for node in self._now()]

    def __enter__(self) -> Self:
        self._all_serve()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _all_serve(self) -> None:
        self.start_ended()
        for node in self._now():
            node.wait_for("Serving")

    def _now(self) -> list[Node]:
        return [place[-1] for place in self.places]

    def _at_a_close(self, next_due: NextDue) -> None:
        """Kill somebody at the very moment at which a call is due."""
        due = next_due()
        if due is None or due > now() + timedelta(seconds=WAIT_S):
            return
        sleep_until(due + timedelta(seconds=AT_IT_S * self._dice.random()))
        serving = [node for node in self._now()[self._spared :] if node.serves]
        if serving and self._kill(self._dice.choice(serving)):
            self.at_a_close += 1

    def _at_a_post(self, _: NextDue) -> None:
        """Let the next one be killed who tells of anything."""
        self._waits_for_a_post.set()

    def _end(self, _: NextDue) -> None:
        """Tell one of them to end."""
        with self._lock:
            node = self._dice.choice(self._now())
            if self._can_do_without(node):
                node.signal(signal.SIGTERM)
                node.told_to_end = True

    def _kill(self, node: Node) -> bool:
        with self._lock:
            if node not in self._now()[self._spared :] or not self._can_do_without(node):
                return False
            node.kill()
            return True

    def _can_do_without(self, node: Node) -> bool:
        return node.serves and any(other.serves for other in self._now() if other is not node)
