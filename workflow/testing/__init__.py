"""What hosts test with: the kit, a clock that only moves when told, a courier that remembers, and builders.

Nothing here knows of a test runner, and nothing of the engine's imports it. Our own tests use it, too.

    with Kit(tmp_path) as kit: ...
"""

from workflow.testing.builders import (
    admin,
    auditor,
    decider,
    engine_in,
    new_call,
    officer,
    reviewer,
    school,
    submitted,
)
from workflow.testing.clock import FrozenClock
from workflow.testing.couriers import RecordingCourier, Sent
from workflow.testing.dying import Crashed
from workflow.testing.kit import Kit
from workflow.testing.racing import race, results

__all__ = [
    "Crashed",
    "FrozenClock",
    "Kit",
    "RecordingCourier",
    "Sent",
    "admin",
    "auditor",
    "decider",
    "engine_in",
    "new_call",
    "officer",
    "race",
    "results",
    "reviewer",
    "school",
    "submitted",
]
