"""A clock that only moves when it is told to."""

from datetime import UTC, datetime, timedelta

from workflow.inputs import aware


class FrozenClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime | None = None) -> None:
        """Stand at an aware instant; None: noon UTC on the day before the real sheet's deadline."""
        self._at = aware(at or datetime(2023, 3, 16, 12, tzinfo=UTC), field="at")

    def now(self) -> datetime:
        """Return where it stands."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Stand at another instant, later or earlier."""
        self._at = aware(at, field="at")

    def move_by(self, **span: float) -> None:
        """Move on: `move_by(seconds=1)`, as `timedelta` takes it."""
        self._at += timedelta(**span)
