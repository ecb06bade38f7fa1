"""An issuer's keys, kept by their names: fetched anew now and then, and at nobody's will.

- what is known is used at once, and fetched anew meanwhile once it is five minutes old
- a name that is not known has all of them fetched anew, once in ten seconds at the most, whoever asks
- while the issuer is out of reach, what is known goes on for a day

Source: OpenID Connect Core 1.0, 10.1.1: a verifier goes back for them when it sees a name it does not know.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from adapters.outbound.issuer import IssuerUnavailable
from workflow.log import get_log

#: How old what is known may be before it is fetched anew, in seconds.
FRESH_S: Final = 300.0
#: For how long it goes on where it cannot be, in seconds; a token seldom lasts for longer than an hour.
KEPT_S: Final = 86_400.0
#: How long after one fetch there is no other one, in seconds.
REST_S: Final = 10.0
#: How long a request waits for one, in seconds; and how many do at once: fewer than are let in whatever the
#: last ones took, so that an issuer that hangs keeps out nobody who comes with a key.
WAIT_S: Final = 2.0
WAITING: Final = 4
#: When who waited in vain, or would have to, is to come again, in seconds: it is under way.
SOON_S: Final = 1.0

_log = get_log("api")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class _Known(Generic[K]):
    """What was fetched, and when."""

    keys: Mapping[str, Sequence[K]]
    at_s: float


class KeptKeys(Generic[K]):
    """Keys by their names. Threads share one."""

    def __init__(
        self, load: Callable[[], Mapping[str, Sequence[K]]], *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """Know nothing yet.

        Args:
            load: fetches all keys, or raises `IssuerUnavailable`.
            timer: tells seconds that never go back.
        """
        self._load = load
        self._timer = timer
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)
        self._known: _Known[K] | None = None
        #: Whether the last fetch failed; and whether there was none yet.
        self._in_doubt = True
        #: Ends with the fetch that is under way.
        self._under_way: threading.Event | None = None
        self._rests_until_s = timer()

    def named(self, name: str) -> Sequence[K]:
        """Return the keys of a name; none: the issuer has none.

        Raises:
            IssuerUnavailable: that cannot be known now.
        """
        found = self._found(name)
        if found and self._age_s() < FRESH_S:
            return found
        under_way = self._begun()
        if found:
            return found
        if under_way is not None:
            self._wait(under_way)
        found = self._found(name)
        if not found and self._in_doubt:
            raise IssuerUnavailable(retry_after_s=REST_S)
        return found

    def _found(self, name: str) -> Sequence[K]:
        known = self._known
        return () if known is None or self._age_s() >= KEPT_S else known.keys.get(name, ())

    def _age_s(self) -> float:
        known = self._known
        return KEPT_S if known is None else self._timer() - known.at_s

    def _wait(self, under_way: threading.Event) -> None:
        if not self._places.acquire(blocking=False):
            raise IssuerUnavailable(retry_after_s=SOON_S)
        try:
            if not under_way.wait(WAIT_S):
                raise IssuerUnavailable(retry_after_s=SOON_S)
        finally:
            self._places.release()

    def _begun(self) -> threading.Event | None:
        """Return the fetch that is under way, or begins now; None: it is too soon for another one."""
        with self._lock:
            if self._under_way is None and self._timer() >= self._rests_until_s:
                self._under_way = threading.Event()
                self._begin(self._under_way)
            return self._under_way

    def _begin(self, ends: threading.Event) -> None:
        thread = threading.Thread(target=self._fetch, args=(ends,), name="eoi-issuer", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the machine can start no more of them
            self._end(None)

    def _fetch(self, ends: threading.Event) -> None:
        keys = None
        try:
            keys = self._load()
        except IssuerUnavailable as exc:
            _log.warning("issuer.unavailable", **exc.facts)
        finally:
            with self._lock:
                self._end(keys)
            ends.set()

    def _end(self, keys: Mapping[str, Sequence[K]] | None) -> None:
        """Note how a fetch ended; None: in vain."""
        self._in_doubt = keys is None
        if keys is not None:
            self._known = _Known(keys, self._timer())
        self._rests_until_s = self._timer() + REST_S
        self._under_way = None
