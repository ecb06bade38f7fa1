"""An OpenID provider of our own on 127.0.0.1: it publishes keys, and signs tokens.

What it does wrong, a test says by `instead`.
"""

import json
import threading
import time
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.servers.answering import Fault, says
from workflow.ports import Clock

AUDIENCE: Final = "api://eoi"
DISCOVERY: Final = "/.well-known/openid-configuration"
KEYS: Final = "/keys"


@dataclass(frozen=True)
class Signer:
    """A pair of keys with a name."""

    name: str
    algorithm: str
    private: Any

    @property
    def jwk(self) -> dict[str, Any]:
        """The public one, as it is published."""
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        assert isinstance(made, dict)
        made.pop("key_ops", None)
        return {**made, "kid": self.name, "use": "sig", "alg": self.algorithm}


@cache
def rsa_signer(name: str = "one", *, bits: int = 2048) -> Signer:
    """Return a pair for RS256; the same for the same name."""
    return Signer(name, "RS256", rsa.generate_private_key(public_exponent=65537, key_size=bits))


@cache
def ec_signer(name: str = "two") -> Signer:
    """Return a pair for ES256; the same for the same name."""
    return Signer(name, "ES256", ec.generate_private_key(ec.SECP256R1()))


class Provider:
    """Publishes keys at a port that stays the same, however often it is stopped."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        #: What it publishes, as it stands there.
        self.keys: list[Any] = [rsa_signer().jwk]
        #: What it tells of itself besides.
        self.told: dict[str, Any] = {}
        #: Path -> what happens instead of an answer.
        self.instead: dict[str, Fault] = {}
        #: The path of every request.
        self.asked: list[str] = []
        #: Ends what hangs.
        self.let_go = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def name(self) -> str:
        """What its tokens say as `iss`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def fetches(self) -> int:
        """How many times its keys were asked for."""
        return self.asked.count(KEYS)

    def start(self) -> None:
        """Answer, in a thread."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Answer no more, until it is started again."""
        if self._server is not None:
            self.let_go.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def token(self, by: Signer | None = None, *, head: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token for an officer, with these claims and parts of the head changed; `...`: left out."""
        signer, now = by or rsa_signer(), int(self.clock.now().timestamp())
        said = {"iss": self.name, "aud": AUDIENCE, "sub": "8f21", "iat": now, "exp": now + 3600}
        said = _changed({**said, "roles": ["Staff"]}, claims)
        top = _changed({"typ": "at+jwt", "alg": signer.algorithm, "kid": signer.name}, head or {})
        return signed(signer, top, json.dumps(said).encode())

    def document(self, path: str) -> object:
        """Return what is at a path; None: nothing."""
        discovery = {"issuer": self.name, "jwks_uri": f"{self.name}{KEYS}", **self.told}
        return {DISCOVERY: discovery, KEYS: {"keys": self.keys}}.get(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def signed(signer: Signer, head: dict[str, Any], claims: bytes) -> str:
    """Return a token with any head and any claims, signed all the same by the signer's own algorithm."""
    beginning = f"{_base64(json.dumps(head).encode())}.{_base64(claims)}"
    algorithm = jwt.get_algorithm_by_name(signer.algorithm)
    return f"{beginning}.{_base64(algorithm.sign(beginning.encode(), signer.private))}"


def hangs(provider: Provider) -> Fault:
    """Return what says nothing until it is let go, and then hangs up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        provider.let_go.wait(10)
        handler.close_connection = True

    return answer


def drips(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, each sooner than any step may take, for as long as anybody listens."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)  # what a slow line does
    except OSError:
        handler.close_connection = True


def _changed(what: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**what, **changes}.items() if value is not ...}


def _base64(content: bytes) -> str:
    return jwt.utils.base64url_encode(content).decode()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            provider.asked.append(self.path)
            document = provider.document(self.path)
            fault = says(404) if document is None else says(200, json.dumps(document))
            provider.instead.get(self.path, fault)(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
