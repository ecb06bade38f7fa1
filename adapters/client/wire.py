"""One request to a server and its answer: bounded in time and size, and sent again where that is safe.

Of files, which may be large, each piece that goes out and each mebibyte that comes in has a try's time.

Redirects are not followed: a key goes where it was meant to go. Proxies are those of the environment
(HTTPS_PROXY, NO_PROXY), but for this machine none is asked. TLS is verified against SSL_CERT_FILE, if set,
else against the public authorities. Nothing is logged, and no error says what the key is.
"""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from adapters.client import again
from adapters.client.address import Address
from adapters.client.again import JSON, PROBLEM, Answer, Asking, Lost
from adapters.client.errors import ServerUnreachable
from adapters.client.patience import Patience, hold
from adapters.client.problems import error_of
from adapters.client.strangers import lost, strange
from adapters.client.uploads import Upload
from adapters.version import own_version
from states.errors import BadInput, EoiError

#: How long a request may take in all, in seconds: a server waits thirty for a lock.
TIMEOUT_S: Final = 60.0
#: How long a connection may take, in seconds.
CONNECT_S: Final = 10.0
#: The longest answer that is read, in bytes: a hundred EOIs with the longest answers, twice over.
LONGEST_ANSWER: Final = 64 * 1024 * 1024
#: The largest file that is fetched, in bytes; a server's are a quarter of it at the most.
LARGEST_FILE: Final = 1024 * 1024 * 1024
#: How many bytes of a file are read at once, and how many may take as long as a try.
_PIECE: Final = 64 * 1024
_IN_TIME: Final = 1024 * 1024
#: How long a connection is kept for the next request, in seconds: shorter than servers keep theirs.
_KEEP_S: Final = 2.0
_DONE: Final = range(200, 300)
_FAULT: Final = range(500, 600)
#: The headers of an answer that matter.
_TOLD: Final = (
    "retry-after", "allow", "location", "content-type", "content-length", "content-disposition",
    "x-request-id",
)  # fmt: skip
#: What can only have gone wrong before a server got anything.
_BEFORE: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Wire:
    """Carries requests to one server. Threads share one."""

    def __init__(
        self,
        address: Address,
        *,
        timeout_s: float = TIMEOUT_S,
        pause: Callable[[float], object] = time.sleep,
        dice: Callable[[], float] = again.cast,
    ) -> None:
        """Prepare; nobody is asked yet.

        Args:
            address: the server, and the key.
            timeout_s: how long each try may take in all, in seconds.
            pause: waits so many seconds before a try.
            dice: spreads those waits.

        Raises:
            BadInput: the environment names a proxy or certificates that cannot be used.
        """
        self._address = address
        self._timeout_s = timeout_s
        self._pause = pause
        self._dice = dice
        self._patience = Patience()
        self._client = _client(address, timeout_s)
        hold(self._client, self._patience)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def ask(self, asking: Asking) -> Answer:
        """Return the answer of a server that has done what was asked.

        Raises:
            EoiError: whatever it says instead.
            ServerUnreachable: nothing, and nothing was done.
            OutcomeUnknown: nothing, and it may be done.
            NotOurServer: what only another program says.
        """
        found, may_be_done = self._tried(asking)
        if isinstance(found, Lost):
            raise lost(asking, found, place=self._address.place, may_be_done=may_be_done)
        if _is_ours(asking, found):
            return found
        raise self._error(asking, found, may_be_done=may_be_done)

    def pieces(self, asking: Asking) -> Iterator[bytes]:
        """Yield a file, piece by piece, each when it is wanted.

        Raises:
            EoiError: whatever the server says instead.
            ServerUnreachable: it breaks off.
        """
        self._patience.begin(self._timeout_s)
        try:
            with self._opened(asking) as response:
                if not _is_ours(asking, found := _read(asking, response)):
                    raise self._error(asking, found, may_be_done=False)
                yield from self._in_time(response.iter_raw(_PIECE))
        except httpx.TransportError as exc:
            msg = f"The file from {self._address.place} did not come whole: {_why(exc)}."
            raise ServerUnreachable(msg) from None

    def _in_time(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield them as long as each mebibyte comes in time; what the caller takes for them costs nothing."""
        left_s, came = self._timeout_s, 0
        while True:
            asked_s = time.monotonic()
            self._patience.begin(left_s)
            piece = next(pieces, None)
            if piece is None:
                return
            left_s, came = left_s - (time.monotonic() - asked_s), came + len(piece)
            if came >= _IN_TIME:
                left_s, came = self._timeout_s, 0
            yield piece

    def _error(self, asking: Asking, found: Answer, *, may_be_done: bool) -> EoiError:
        """Return the error for an answer that is not what was asked for."""
        if found.code:
            told = found.headers
            return error_of(
                found.problem,
                retry_after=told.get("retry-after", ""),
                allow=told.get("allow", ""),
                request_id=told.get("x-request-id", "") if found.status in _FAULT else "",
            )
        return strange(asking, found, place=self._address.place, may_be_done=may_be_done)

    def _tried(self, asking: Asking) -> tuple[Answer | Lost, bool]:
        """Return what came of it at last, and whether any try may have been carried out."""
        found = self._sent(asking)
        may_be_done = again.may_be_done(found)
        for tried in range(1, again.TRIES):
            wait_s = again.wait_s(found, tried, dice=self._dice)
            if wait_s is None or not again.may_go_again(found, repeatable=asking.repeatable):
                break
            self._pause(wait_s)
            found = self._sent(asking)
            may_be_done |= again.may_be_done(found)
        return found, may_be_done

    def _sent(self, asking: Asking) -> Answer | Lost:
        """Send it once, and read what comes."""
        self._patience.begin(self._timeout_s)
        try:
            with self._opened(asking) as response:
                return _read(asking, response)
        except httpx.TransportError as exc:
            # What httpx says may quote a header, or the address of a proxy with its password.
            return Lost(not isinstance(exc, _BEFORE), _why(exc))
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            return Lost(may_be_there=False, why="its address cannot be asked")

    def _opened(self, asking: Asking) -> AbstractContextManager[httpx.Response]:
        """Lend the answer, whose body has not been read."""
        query = f"?{urlencode(asking.query)}" if asking.query else ""
        url, body = f"{self._address.base}{asking.path}{query}", asking.body
        content = self._sending(body) if isinstance(body, Upload) else body
        return self._client.stream(asking.method, url, content=content, headers=self._headers(asking))

    def _sending(self, upload: Upload) -> Iterator[bytes]:
        for piece in upload.pieces():
            self._patience.begin(self._timeout_s)
            yield piece

    def _headers(self, asking: Asking) -> dict[bytes, bytes]:
        accept, key = f"{JSON}, {PROBLEM}", f"Bearer {self._address.key}"
        said = {**asking.headers, "Authorization": key, "Accept": accept}
        if asking.body is not None:
            said["Content-Type"] = asking.kind
        if isinstance(asking.body, Upload):
            said["Content-Length"] = str(asking.body.size)
        return {name.encode(): value.encode() for name, value in said.items()}


def _client(address: Address, timeout_s: float) -> httpx.Client:
    """Return what makes connections: as the environment says, but past every proxy to this machine."""
    try:
        return httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            follow_redirects=False,
            verify=True if address.base.startswith("https:") else _trusts_nobody(),
            limits=httpx.Limits(keepalive_expiry=_KEEP_S),
            mounts=dict.fromkeys(("all://", "http://", "https://")) if address.is_local else None,
            headers={"User-Agent": f"eoi-workflow/{own_version()}", "Accept-Encoding": "identity"},
        )
    except OSError as exc:
        why = exc.strerror or "it holds none"
        msg = f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {why}."
        raise BadInput(msg, field="SSL_CERT_FILE") from None
    except (ValueError, ImportError, httpx.InvalidURL):
        msg = (
            "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names cannot be used: give http://host:port."
        )
        raise BadInput(msg, field="HTTPS_PROXY") from None


def _trusts_nobody() -> ssl.SSLContext:
    """Return what goes with a connection without TLS: to read all authorities takes longer than it."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_ours(asking: Asking, found: Answer) -> bool:
    """Whether it is what was asked for: a document, or a file."""
    is_it = "content-disposition" in found.headers if asking.gives_file else found.kind == JSON
    return found.status in _DONE and is_it


def _read(asking: Asking, response: httpx.Response) -> Answer:
    """Return the answer with its body; of a file without."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return _answer(response, b"", kind="compressed, though it was not to be")
    if asking.gives_file and response.status_code in _DONE:
        return _answer(response, b"")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            return _answer(response, b"", kind=f"over {LONGEST_ANSWER // 1024 // 1024} MiB")
    return _answer(response, bytes(body))


def _answer(response: httpx.Response, body: bytes, *, kind: str = "") -> Answer:
    said = response.headers
    told = {} if kind else {name: said[name][:200] for name in _TOLD if name in said}
    kind = kind or said.get("content-type", "").partition(";")[0].strip().lower()
    problem = _problem(body) if kind == PROBLEM else {}
    return Answer(status=response.status_code, kind=kind, body=body, headers=told, problem=problem)


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("code"), str) else {}


def _why(exc: httpx.TransportError) -> str:
    """Return what went wrong, in words that hold nothing of what was sent."""
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return "its certificate is not trusted here (SSL_CERT_FILE names a council's own authority)"
    return next(words for kind, words in _WORDS if isinstance(exc, kind))


_WORDS: Final[tuple[tuple[type[httpx.TransportError], str], ...]] = (
    (httpx.ProxyError, "the proxy does not let it through"),
    (httpx.ConnectTimeout, "no connection came about in time"),
    (httpx.ConnectError, "no connection came about"),
    (httpx.TimeoutException, "the answer did not come in time"),
    (httpx.RemoteProtocolError, "the connection ended before the answer, or the answer is no HTTP"),
    (httpx.TransportError, "the connection broke"),
)
