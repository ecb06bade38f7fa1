"""What a bad receiver does with a POST, and how often: a table, and the dice that are thrown at it."""

from random import Random
from typing import Final, NamedTuple

#: How long a sender waits for an answer, in seconds; and how long one takes that comes too late for it.
TIMEOUT_S: Final = 0.5
TOO_LATE_S: Final = 0.9
#: How long a sender is asked to wait, in seconds.
ASKED_S: Final = 1
#: Which share of all events is poison to a receiver: it answers each of them with the same refusal for good.
POISONED: Final = 0.003
#: What it answers to them.
REFUSALS: Final = (400, 404, 409, 413, 422)
#: Which share of connections is reset before anything is read.
UNHEARD: Final = 0.04


class Fate(NamedTuple):
    """What is done with one POST that was read."""

    name: str
    #: What goes back, as bytes; nothing: it is never answered.
    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    #: What becomes of the connection then: it is kept, `closed` or `reset`.
    then: str = "kept"
    #: The shortest and the longest time until the answer goes, in seconds.
    after_s: tuple[float, float] = (0.0, 0.0)
    #: How long the sender is asked to wait, in seconds.
    asked_s: float = 0.0

    @property
    def accepts(self) -> bool:
        """Whether whoever hears it knows that the event arrived."""
        return self.says_yes and self.name != "too late"

    @property
    def says_yes(self) -> bool:
        """Whether it says in the end that the event arrived, if anybody still hears it."""
        return self.answer[9:10] == b"2" and b"\r\n" in self.answer

    @property
    def refuses(self) -> bool:
        """Whether whoever hears it knows that the event was not taken."""
        return self.answer[9:10] in {b"3", b"4", b"5"}


def answer(status: int, body: bytes = b"no", **headers: str) -> bytes:
    """Return a whole answer; in names of headers, `_` stands for `-`."""
    lines = [f"HTTP/1.1 {status} -", *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


#: Each, and how often it is met with.
_FATES: Final[dict[Fate, int]] = {
    Fate("taken"): 700,
    Fate("taken with words", answer(200, b"thank you")): 80,
    Fate("slow", after_s=(0.02, 0.2)): 60,
    Fate("too late", after_s=(TOO_LATE_S, TOO_LATE_S)): 5,
    Fate("says less than it promises", answer(200, b"x" * 99)[:-90], then="closed"): 15,
    Fate("says more than it promises", answer(200, b"ok") + b"nonsense"): 15,
    Fate("says yes to what is yet to come", answer(200, b"ok") + b"HTTP/1.1 204 No Content\r\n\r\n"): 15,
    Fate("500", answer(500)): 15,
    Fate("502", answer(502), then="closed"): 15,
    Fate("504", answer(504)): 15,
    Fate("503, wait", answer(503, Retry_After=f"{ASKED_S}"), asked_s=ASKED_S): 8,
    Fate("429, wait", answer(429, Retry_After=f"{ASKED_S}"), asked_s=ASKED_S): 8,
    Fate("redirect", answer(307, Location="/elsewhere")): 15,
    Fate("hangs up", b"", then="closed"): 12,
    Fate("reset", b"", then="reset"): 12,
    Fate("hangs up amid its answer", b"HTTP/1.1 20", then="closed"): 10,
}


def drawn(dice: Random) -> Fate:
    """Return what becomes of one POST."""
    return dice.choices(list(_FATES), list(_FATES.values()))[0]


def poison(dice: Random) -> Fate | None:
    """Return what is answered to an event for good, if it is poison."""
    if dice.random() >= POISONED:
        return None
    status = dice.choice(REFUSALS)
    return Fate(f"poison {status}", answer(status, b"never"))
