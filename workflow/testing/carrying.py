"""What stands in for the pump in the kit: in one thread, without chance, and nothing leaves."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from workflow.backoff import delay_s, rest_s
from workflow.outbox import LEASE_S, LEFT_S, WORKERS, Attempted, Outbox, is_unable
from workflow.ports import Delayed, Delivery, Outcome
from workflow.testing.clock import FrozenClock
from workflow.testing.couriers import Answers, Sent
from workflow.testing.dying import Fate

#: What is drawn where the pump draws by lot: the middle, so that every run is the same.
DICE: Final = 0.5


class Carrier:
    """Claims deliveries, lets them end as was chosen, and writes that down."""

    def __init__(self, clock: FrozenClock) -> None:
        """Begin with nothing sent, on a clock that somebody else moves."""
        self._clock = clock
        #: What receivers answer.
        self.answers = Answers()
        #: Every attempt to deliver, in order.
        self.sent: list[Sent] = []
        #: Endpoint -> until when it is left to other nodes.
        self._left: dict[str, datetime] = {}

    def restart(self) -> None:
        """Forget what only the process that died has known; what has been sent was seen by others."""
        self._left.clear()

    def deliver(self, outbox: Outbox, fate: Fate) -> None:
        """Deliver until nothing is left that is due at this instant.

        Raises:
            Crashed: that was the process's end.
        """
        now = self._clock.now()
        while taken := outbox.claim(now, limit=WORKERS, lease_s=LEASE_S, without=self._left_at(now)):
            attempts = self._attempts(taken, now, fate)
            outbox.record(attempts, now, rest_s=lambda failures: rest_s(failures, DICE))

    def next_due(self, outbox: Outbox) -> datetime | None:
        """Return the first instant after this one at which there may be something to deliver."""
        now = self._clock.now()
        left = [until for until in self._left.values() if until > now]
        return min([each for each in (outbox.next_due(now), *left) if each is not None], default=None)

    def _left_at(self, now: datetime) -> Collection[str]:
        return {endpoint_id for endpoint_id, until in self._left.items() if until > now}

    def _attempts(self, taken: Sequence[Delivery], now: datetime, fate: Fate) -> list[Attempted]:
        attempts = []
        for each in taken:
            fate.come("before", "deliver")
            outcome = self.answers(each)
            self.sent.append(Sent(at=now, delivery=each, outcome=outcome))
            fate.come("after", "deliver")
            attempts.append(self._attempted(each, outcome, now))
        return attempts

    def _attempted(self, delivery: Delivery, outcome: Outcome, now: datetime) -> Attempted:
        if is_unable(outcome):
            self._left[delivery.endpoint_id] = now + timedelta(seconds=LEFT_S)
            return Attempted(delivery=delivery, outcome=outcome, begun_at=None)
        retry_at = _retry_at(delivery, outcome, now)
        return Attempted(delivery=delivery, outcome=outcome, begun_at=now, retry_at=retry_at)


def _retry_at(delivery: Delivery, outcome: Outcome, now: datetime) -> datetime | None:
    if not isinstance(outcome, Delayed):
        return None
    gap_s = delay_s(delivery.attempt, DICE, asked_s=outcome.retry_after_s, wait_s=outcome.wait_s)
    return None if gap_s is None else now + timedelta(seconds=gap_s)
