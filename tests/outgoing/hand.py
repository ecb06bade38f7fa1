"""A pump by hand: what it claims ends as the test says, in one transaction, at the clock's instant."""

from datetime import timedelta
from typing import Final

from workflow import Engine
from workflow.outbox import Attempted
from workflow.ports import Delayed, Delivered, Delivery, Outcome, Undeliverable
from workflow.testing import officer, school

#: How long what is claimed is ours, in seconds.
LEASE_S: Final = 60.0
#: How long an endpoint rests whose circuit is open, in seconds.
REST_S: Final = 30.0
A: Final = "https://a.example/eoi"
B: Final = "https://b.example/eoi"
#: The receiver is not well.
DOWN: Final = Delayed(why="It is down.", status=503)
#: The receiver is well, and does not take this one.
NOT_THIS: Final = Delayed(why="Not this one.", status=422, of_receiver=False)
PARK: Final = Undeliverable(why="Nobody can use it.", status=400)
GONE: Final = Undeliverable(why="It wants no more.", status=410, gone=True)


class Hand:
    """Claims on one engine, and says how it ended."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def claim(self, *, limit: int = 100) -> list[Delivery]:
        """Take what is due."""
        return self.engine.outbox.claim(self.engine.clock.now(), limit=limit, lease_s=LEASE_S)

    def end(self, outcome: Outcome, *deliveries: Delivery, again_s: float = 0.0) -> list[bool]:
        """Say that they were tried and ended so; what is delayed is due again in so many seconds."""
        now = self.engine.clock.now()
        retry_at = now + timedelta(seconds=again_s) if isinstance(outcome, Delayed) else None
        return self._record(
            [
                Attempted(delivery=each, outcome=outcome, begun_at=now, retry_at=retry_at, duration_s=0.25)
                for each in deliveries
            ]
        )

    def give_back(self, *deliveries: Delivery) -> list[bool]:
        """Say that nobody tried them; the words are those of a receiver that is not well."""
        return self._record([Attempted(delivery=each, outcome=DOWN, begun_at=None) for each in deliveries])

    def arrive(self, *deliveries: Delivery) -> list[bool]:
        """Say that they arrived."""
        return self.end(Delivered(status=204), *deliveries)

    def fail(self, times: int) -> None:
        """Let what is due be tried and fail, one at a time."""
        for _ in range(times):
            (delivery,) = self.claim(limit=1)
            self.end(DOWN, delivery)

    def deliver_all(self) -> list[tuple[str, str]]:
        """Let everything arrive that is due; return where it went and what it was, in order."""
        gone = list[tuple[str, str]]()
        while taken := self.claim():
            gone += told(taken)
            self.arrive(*taken)
        return gone

    def drafts(self, call_id: str, *urns: int) -> list[str]:
        """Let schools begin EOIs; return their ids."""
        return [self.engine.draft(call_id, answers={}, actor=school(urn)).eoi_id for urn in urns]

    def _record(self, attempts: list[Attempted]) -> list[bool]:
        return self.engine.outbox.record(attempts, self.engine.clock.now(), rest_s=lambda _: REST_S)


def told(deliveries: list[Delivery]) -> list[tuple[str, str]]:
    """Return where each goes, and what it is."""
    return [(each.address, each.event.type.value) for each in deliveries]


def webhook(engine: Engine, url: str = A, **terms: object) -> str:
    """Add a webhook; return its id."""
    return engine.add_endpoint(url, actor=officer(), **terms).id  # type: ignore[arg-type]  # a table's terms


def to_people(engine: Engine, whom: str, **terms: object) -> str:
    """Add an endpoint that writes to people; return its id."""
    return engine.add_endpoint(whom, via="smtp", actor=officer(), **terms).id  # type: ignore[arg-type]  # as above
