"""Time: closing what is due, and telling of what has happened. Built and started by the composition root."""

from scheduler.pump import PumpReport
from scheduler.runner import Health, Runner, RunReport

__all__ = ["Health", "PumpReport", "RunReport", "Runner"]
