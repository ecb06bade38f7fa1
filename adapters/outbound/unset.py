"""The courier that stands where none is set up: it delivers nothing, and says what to set."""

from workflow.ports import Delayed, Delivery, Outcome


class UnsetCourier:
    """Leaves whatever it is given to nodes with the setting."""

    def __init__(self, variable: str) -> None:
        """Stand for what `variable` would set up."""
        self._why = f"{variable} is not set on this node, so that nothing can be sent from here."

    def deliver(self, delivery: Delivery) -> Outcome:  # noqa: ARG002 -- whatever it is
        """Say why not."""
        return Delayed(why=self._why, unable=True)
