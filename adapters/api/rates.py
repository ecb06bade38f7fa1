"""How much one may ask for in a minute, and how often somebody may fail to say who they are.

The only file that knows the package `limits`. What is counted lies in memory: each process counts for itself,
and a restart forgets. A minute begins with the first request that is counted in it.

Source: OWASP API2:2023 asks for a limit on failed authentication that is stricter than the one on requests,
and its Authentication Cheat Sheet warns that a lockout must not become a way to lock others out. So an
address that has failed too often is not heard any more, with a right key neither, since each answer would
tell who guesses whether they guessed right; but a key that was right in this process before is heard, since
it is not being guessed: a school behind one address with a broken script still gets its submission in.
"""

import hashlib
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from adapters.api.errors import TooManyRequests
from adapters.bounds import FAILURES, REQUESTS

#: How many actors and addresses are counted at once at the most; the oldest count is forgotten for a new one.
COUNTED: Final = 65_536
#: How many keys that were right are remembered at the most, as digests.
REMEMBERED: Final = 4_096


class Rates:
    """Counts requests and failures. Threads share one."""

    def __init__(
        self,
        *,
        requests: int = REQUESTS,
        failures: int = FAILURES,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing counted.

        Args:
            requests: how many one actor has in a minute.
            failures: how many an address has in a minute.
            timer: tells seconds that never go back.
        """
        self._timer = timer
        self._requests = RateLimitItemPerMinute(requests, namespace="actor")
        self._failures = RateLimitItemPerMinute(failures, namespace="address")
        # Apart, so that whoever fails under many addresses makes nobody's requests forgotten.
        self._by_actor = FixedWindowRateLimiter(Counts(timer))
        self._by_address = FixedWindowRateLimiter(Counts(timer))

    def count(self, actor_id: str) -> None:
        """Count a request.

        Raises:
            TooManyRequests: it is one too many; `retry_after_s` says when the next one is heard.
        """
        if not self._by_actor.hit(self._requests, actor_id):
            raise self._too_many(self._by_actor, self._requests, actor_id)

    def require_calm(self, address: str) -> None:
        """Let pass whose address has not failed too often.

        Raises:
            TooManyRequests: it has; `retry_after_s` says when it is heard again.
        """
        if not self._by_address.test(self._failures, network(address)):
            raise self._too_many(self._by_address, self._failures, network(address))

    def failed(self, address: str) -> None:
        """Count a failure to say who asks."""
        self._by_address.hit(self._failures, network(address))

    def _too_many(
        self, limiter: FixedWindowRateLimiter, item: RateLimitItemPerMinute, who: str
    ) -> TooManyRequests:
        wait_s = limiter.get_window_stats(item, who).reset_time - self._timer()
        return TooManyRequests(retry_after_s=max(1.0, wait_s))


class KnownKeys:
    """Remembers keys that were right lately, as digests that say nothing outside of this process."""

    def __init__(self, most: int = REMEMBERED) -> None:
        """Remember nothing yet, and `most` at the most."""
        self._most = most
        self._secret = secrets.token_bytes(32)
        self._digests = OrderedDict[bytes, None]()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        """Whether it was right when it was last seen."""
        return self._digest(key) in self._digests

    def add(self, key: str) -> None:
        """Remember it, and forget who was not seen for longest where there are too many."""
        with self._lock:
            self._digests[self._digest(key)] = None
            self._digests.move_to_end(self._digest(key))
            if len(self._digests) > self._most:
                self._digests.popitem(last=False)

    def discard(self, key: str) -> None:
        """Forget it."""
        with self._lock:
            self._digests.pop(self._digest(key), None)

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode(), key=self._secret, digest_size=16).digest()


class Counts(Storage):
    """Counts for `limits`, in bounded memory, by a clock that never goes back, and without a thread."""

    base_exceptions = ValueError

    def __init__(self, timer: Callable[[], float], most: int = COUNTED) -> None:
        """Begin at nothing.

        Args:
            timer: tells seconds.
            most: how many are counted at once; whoever was counted first is forgotten for one more.
        """
        super().__init__()
        self._timer = timer
        self._most = most
        #: Key -> how many, and until when; the first one ends first, since all last equally long.
        self._counts = OrderedDict[str, tuple[int, float]]()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many are counted."""
        return len(self._counts)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return how many there are until `expiry` seconds have passed since the first one."""
        with self._lock:
            count, until_s = self._present(key)
            if not count:
                self._counts.pop(key, None)
                until_s = self._timer() + expiry
                self._make_room()
            self._counts[key] = (count + amount, until_s)
            return count + amount

    def get(self, key: str) -> int:
        """Return how many there are."""
        return self._present(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return when they are forgotten, by the timer."""
        return self._present(key)[1]

    def check(self) -> bool:
        """Say that it can be used."""
        return True

    def reset(self) -> int:
        """Forget all of it; return how much that was."""
        with self._lock:
            counted = len(self._counts)
            self._counts.clear()
            return counted

    def clear(self, key: str) -> None:
        """Forget one."""
        with self._lock:
            self._counts.pop(key, None)

    def _present(self, key: str) -> tuple[int, float]:
        now_s = self._timer()
        count, until_s = self._counts.get(key, (0, now_s))
        return (count, until_s) if until_s > now_s else (0, now_s)

    def _make_room(self) -> None:
        now_s = self._timer()
        while self._counts and (
            len(self._counts) >= self._most or next(iter(self._counts.values()))[1] <= now_s
        ):
            self._counts.popitem(last=False)


def network(address: str) -> str:
    """Return what stands for an address: itself; of IPv6, where one has many, its /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), 64), strict=False))
