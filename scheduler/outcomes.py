"""What couriers answer, in a form that can be written down.

An outcome that cannot be would come back at every step of the pump, and bar all the others.
"""

import math
from typing import Final

from workflow.log import get_log
from workflow.ports import ANSWER, Courier, Delayed, Delivered, Delivery, Outcome, Undeliverable

#: The longest text of an error that is kept, in characters.
LONGEST_WHY: Final = 500

_log = get_log("pump")


def no_courier(delivery: Delivery) -> Outcome:
    """Return what comes of a delivery whose courier this program has not got."""
    return Delayed(why=f"No courier here is called {delivery.courier!r}.", unable=True)


def carried_by(courier: Courier, delivery: Delivery) -> Outcome:
    """Return how it ended; a courier that raised, or answered with something else, has not delivered."""
    try:
        outcome = courier.deliver(delivery)
    except BaseException as exc:  # noqa: BLE001 -- whatever it is, it is tried again, and the others go on
        _log.error("courier.failed", courier=delivery.courier, event_id=delivery.event.id, exc_info=exc)
        return Delayed(why=_text(f"{type(exc).__name__}: {_text(exc)}"))
    return _storable(outcome, delivery.courier)


def _storable(outcome: object, courier: str) -> Outcome:
    """Return an outcome that can be written down, whatever a courier answered with."""
    match outcome:
        case Delivered():
            return Delivered(status=_status(outcome.status), answer=_answer(outcome.answer))
        case Delayed():
            return Delayed(
                why=_text(outcome.why),
                status=_status(outcome.status),
                answer=_answer(outcome.answer),
                retry_after_s=_span(outcome.retry_after_s),
                wait_s=_span(outcome.wait_s),
                of_receiver=bool(outcome.of_receiver),
                unable=bool(outcome.unable),
            )
        case Undeliverable():
            return Undeliverable(
                why=_text(outcome.why),
                status=_status(outcome.status),
                answer=_answer(outcome.answer),
                gone=bool(outcome.gone),
            )
        case _:
            return Delayed(why=_text(f"The courier {courier!r} answered with {type(outcome).__name__}."))


def _text(value: object, longest: int = LONGEST_WHY) -> str:
    try:
        text = str(value)
    except Exception as exc:  # noqa: BLE001 -- an exception whose text cannot be had is still one to tell of
        text = f"({type(exc).__name__})"
    return text.encode(errors="replace").decode().replace("\0", "")[:longest]


def _answer(value: object) -> str:
    return _text(value, ANSWER).encode()[:ANSWER].decode(errors="ignore")


def _status(value: object) -> int | None:
    return int(value) if isinstance(value, int) and 0 <= value <= 999 else None  # noqa: PLR2004 -- HTTP's three digits


def _span(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) and -math.inf <= value <= math.inf else None
