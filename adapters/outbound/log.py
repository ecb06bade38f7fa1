"""The courier for events that nobody else receives: one line of log each."""

from workflow.log import get_log
from workflow.ports import Delivered, Delivery, Outcome

_log = get_log("events")


class LogCourier:
    """Writes each event to the log `eoi.events`: ids, state and version, nothing about persons."""

    def deliver(self, delivery: Delivery) -> Outcome:
        """Write one line."""
        event = delivery.event
        _log.info(
            "event.told",
            type=event.type.value,
            event_id=event.id,
            call_id=event.call_id,
            eoi_id=event.eoi_id,
            state=event.state,
            version=event.version,
        )
        return Delivered()
