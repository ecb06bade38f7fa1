"""Looking names up within a time: the system's resolver has a patience of its own, which is too long.

A lookup that outlasts its time is left to its thread, which ends when the resolver gives up, at the latest
with the program. Until then whoever asks for the same name waits for that same thread, so that no more of
them hang than there are names.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

#: Name and port -> the addresses it leads to. Raises OSError.
Resolve = Callable[[str, int], Sequence[str]]

_NO_ADDRESS: Final = "it has no address"


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses that this machine's resolver gives for a name."""
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Lookups:
    """Looks names up, each at most once at a time. Threads share one."""

    def __init__(self, resolve: Resolve) -> None:
        """Prepare; `resolve` is called in threads of its own."""
        self._resolve = resolve
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], Future[tuple[str, ...]]] = {}

    def addresses(self, host: str, port: int, *, within_s: float) -> tuple[str, ...]:
        """Return the addresses that a name leads to now, each once, at least one.

        Raises:
            OSError: there is none, or none could be had within so many seconds (TimeoutError).
        """
        future = self._begun(host, port)
        try:
            found = future.result(within_s)
        except TimeoutError:
            if future.done():
                raise
            msg = f"no answer within {within_s:.1f} s"
            raise TimeoutError(msg) from None
        except ValueError as exc:  # The resolver's: a name that it cannot spell.
            raise OSError(str(exc)) from exc
        if not found:
            raise OSError(_NO_ADDRESS)
        return found

    def _begun(self, host: str, port: int) -> Future[tuple[str, ...]]:
        with self._lock:
            future = self._under_way.get((host, port))
            if future is None:
                future = self._under_way[host, port] = Future()
                self._begin(host, port, future)
        return future

    def _begin(self, host: str, port: int, future: Future[tuple[str, ...]]) -> None:
        look = partial(self._look, host, port, future)
        try:
            threading.Thread(target=look, name="eoi-lookup", daemon=True).start()
        except RuntimeError as exc:  # There are too many threads already.
            del self._under_way[host, port]
            future.set_exception(OSError(str(exc)))

    def _look(self, host: str, port: int, future: Future[tuple[str, ...]]) -> None:
        try:
            found = tuple(dict.fromkeys(self._resolve(host, port)))
        except BaseException as exc:  # noqa: BLE001 -- told to whoever waits for it
            self._end(host, port)
            future.set_exception(exc)
        else:
            self._end(host, port)
            future.set_result(found)

    def _end(self, host: str, port: int) -> None:
        """Let the next one look anew."""
        with self._lock:
            del self._under_way[host, port]
