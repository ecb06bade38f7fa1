"""Time: closing what is due, and telling of what has happened. Built and started by the composition root."""

# ruff: noqa: E402 -- as in workflow
from eoi_workflow import look_around

look_around()

from scheduler.pump import PumpReport
from scheduler.runner import Health, Runner, RunReport

__all__ = ["Health", "PumpReport", "RunReport", "Runner"]
