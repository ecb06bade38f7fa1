"""A GOV.UK Notify of our own on 127.0.0.1, and what is sent to it.

It follows alphagov/notifications-api: who is let in, what is refused in which words, and what it tells of
e-mails that it has. What it does wrong, a test says by `instead` and `after`.
"""

import json
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.servers.answering import Fault, says
from tests.told import submission
from workflow.ports import About, Delivery
from workflow.testing import FrozenClock

SERVICE = "26785a09-ab16-4eb0-8407-a37497a57506"
SECRET = "3d844edf-8d35-48ac-975b-e847b4f122b0"
KEY = f"council_live-{SERVICE}-{SECRET}"
SUBMITTED, CALLS = "9d751e0e-f929-4891-82a1-a3e1c3c18ee3", "f33517ff-2a88-4f6e-b855-c550268ce08a"
TEMPLATES = {"eoi.submitted": SUBMITTED, "call.*": CALLS}
HEAD = "head.teacher@sprowston.example"
AT = datetime(2023, 3, 17, 9, tzinfo=UTC)


class Notify:
    """Takes e-mails, remembers them, and tells of them."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        #: Its keys' secrets, each with whether it was revoked.
        self.secrets = {SECRET: False}
        #: Its templates, with the placeholders that they have.
        self.templates: dict[str, set[str]] = {SUBMITTED: {"applicant_name", "deadline"}, CALLS: set()}
        #: Where it sends to; None: everywhere.
        self.guests: set[str] | None = None
        #: The e-mails that it took, the oldest first, as it tells of them, and as they were handed over.
        self.taken: list[dict[str, Any]] = []
        self.given: list[dict[str, Any]] = []
        #: Every request: its method and path, and what its token said.
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        #: What happens instead of taking an e-mail, of telling of any, and of saying that one was taken.
        self.instead: Fault | None = None
        self.untold: Fault | None = None
        self.after: Fault | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def asked(self) -> list[str]:
        """The requests' methods and paths."""
        return [what for what, _ in self.requests]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """POST /v2/notifications/email."""
        given = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        if self.instead:
            self.instead(handler)
            return
        message = self._refusal(given)
        if message:
            says(400, errors("BadRequestError", message, status=400))(handler)
            return
        one = {"id": str(uuid.uuid4()), "reference": given["reference"], "status": "created"}
        self.given.append(given)
        self.taken.append({**one, "email_address": given["email_address"], "body": "Dear…", "type": "email"})
        content = {"subject": "Received", "body": json.dumps(given["personalisation"])}
        (self.after or says(201, json.dumps({**one, "content": content})))(handler)

    def tell(self, handler: BaseHTTPRequestHandler) -> None:
        """GET /v2/notifications, the newest first."""
        if self.untold:
            self.untold(handler)
            return
        (reference,) = parse_qs(urlsplit(handler.path).query)["reference"]
        found = [each for each in reversed(self.taken) if each["reference"] == reference]
        says(200, json.dumps({"notifications": found, "links": {"current": handler.path}}))(handler)

    def why_not(self, authorization: str) -> str | None:
        """Return why a request is not let in."""
        token = authorization.removeprefix("Bearer ")
        for secret, revoked in self.secrets.items():
            try:
                claims = jwt.decode(token, secret, algorithms=["HS256"], options={"verify_iat": False})
            except jwt.InvalidSignatureError:
                continue
            self.requests[-1][1].update(claims)
            if claims["iss"] != SERVICE:
                return "Invalid token: service not found"
            if abs(claims["iat"] - self.clock.now().timestamp()) > 30:
                return "Error: Your system clock must be accurate to within 30 seconds"
            return "Invalid token: API key revoked" if revoked else None
        return "Invalid token: API key not found"

    def _refusal(self, given: dict[str, Any]) -> str | None:
        if self.guests is not None and given["email_address"] not in self.guests:
            return "Can’t send to this recipient using a team-only API key"
        if given["template_id"] not in self.templates:
            return "Template not found"
        missing = self.templates[given["template_id"]] - given["personalisation"].keys()
        return f"Missing personalisation: {', '.join(sorted(missing))}" if missing else None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def _handler(notify: Notify) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._let_in("/v2/notifications", notify.tell)

        def do_POST(self) -> None:
            self._let_in("/v2/notifications/email", notify.take)

        def _let_in(self, path: str, then: Fault) -> None:
            notify.requests.append((f"{self.command} {self.path}", {}))
            notify.headers.append({name.lower(): value for name, value in self.headers.items()})
            why_not = notify.why_not(self.headers["Authorization"])
            if why_not:
                self.close_connection = True  # what was sent stays unread
                says(403, errors("AuthError", why_not, status=403))(self)
            elif urlsplit(self.path).path != path:
                says(404, json.dumps({"result": "error", "message": "Not found"}))(self)
            else:
                then(self)

        def date_time_string(self, timestamp: float | None = None) -> str:
            """Tell Notify's own time in the header Date."""
            return format_datetime(notify.clock.now(), usegmt=True)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def errors(error: str, message: str, *, status: int) -> str:
    """Return the body of a refusal as Notify writes it."""
    return json.dumps({"status_code": status, "errors": [{"error": error, "message": message}]})


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def delivery(address: str = HEAD, *, attempt: int = 1, **changes: Any) -> Delivery:
    """Return the real sheet's first submission on its way to somebody; `changes` are the event's."""
    event = submission(AT, closes_at=datetime(2023, 3, 18, tzinfo=UTC))
    about = About(
        title="Specialist Resource Base Expressions of Interest",
        opens_at=AT - timedelta(days=40),
        timezone="Europe/London",
        contact="Programme Management Team",
        applicant_name="Sprowston Junior School",
    )
    return Delivery(
        id=1,
        event=replace(event, **changes),
        courier="notify",
        address=address,
        attempt=attempt,
        about=about,
    )
