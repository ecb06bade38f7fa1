"""How an event comes by HTTP: as one document, or with its attributes in headers.

Source: CloudEvents 1.0, HTTP protocol binding.
"""

import re
from collections import Counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from adapters.api.bodies import parsed
from adapters.api.door import Asking, asking_of
from adapters.api.errors import JSON, BadHeader, UnsupportedMediaType
from adapters.api.route import EoiRoute
from adapters.inbound.event_signature import SIGNED_BY
from workflow import Arrival

#: What an event is as one document.
STRUCTURED: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch"
_OTHERS: Final = "application/cloudevents"
#: How the names of headers begin that are attributes.
_LEAD: Final = "ce-"
#: What has its place elsewhere in binary mode: in Content-Type, and in the body.
_ELSEWHERE: Final = frozenset({"datacontenttype", "data", "data_base64"})
_EITHER: Final = (
    f"as {STRUCTURED}, or with its attributes in ce-… headers and its data, as {JSON}, for a body."
)

# Source: HTTP binding, 3.1.3.2: printable ASCII, in which all else is percent-encoded; older senders also
# quote (RFC 7230, 3.2.6).
_PLAIN: Final = re.compile(r"[ -~]*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_STRAY: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SUFFIXED: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/(?:[a-z0-9!#$&^_.+-]+\+)?json")


class EventRoute(EoiRoute):
    """A route that events come in by: signed, where that is demanded."""

    #: It takes a body, though its function does not.
    reads_body = True

    def _asking(self, request: Request, body: bytes, arrival: Arrival) -> tuple[Asking, Any]:
        asking = asking_of(self.door, request, arrival)
        if self.door.verify is not None:
            _require_structured(request)
            _require_once(request, *SIGNED_BY)
            self.door.verify(request.headers, body)
        request.state.event = event_in(request, body)
        return asking, None


def _require_structured(request: Request) -> None:
    """Let pass only what a signature covers whole: in binary mode what an event is stands in headers.

    Raises:
        UnsupportedMediaType: it is in binary mode.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != STRUCTURED:
        msg = f"A signature covers the body alone: send signed events in structured mode, as {STRUCTURED}."
        raise UnsupportedMediaType(msg)


def event_in(request: Request, body: bytes) -> Any:  # noqa: ANN401 -- what it is, the engine says
    """Return the event that a request brings, as JSON has it in structured mode.

    Raises:
        UnsupportedMediaType: a batch; a format that is not JSON; no event at all.
        BadHeader: an attribute that cannot be read in one way only.
        BadBody: no JSON.
    """
    said = request.headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind == STRUCTURED:
        return _body(request, body, kind)
    if kind.startswith(_BATCH):
        msg = "Events are taken one at a time: send each of the batch by itself."
        raise UnsupportedMediaType(msg)
    event = _in_headers(request)
    if not event or kind.startswith(_OTHERS):
        msg = f"Send an event {_EITHER}"
        raise UnsupportedMediaType(msg)
    if said:
        event["datacontenttype"] = said
    if body:
        event["data"] = _body(request, body, kind if _SUFFIXED.fullmatch(kind) else JSON)
    return event


def _body(request: Request, body: bytes, kind: str) -> Any:  # noqa: ANN401 -- JSON's values
    said = request.headers
    return parsed(body, said.get("content-type", ""), encoding=said.get("content-encoding", ""), kind=kind)


def _in_headers(request: Request) -> dict[str, Any]:
    found = {name: value for name, value in request.headers.items() if name.startswith(_LEAD)}
    _require_once(request, *found)
    for name in found:
        if name.removeprefix(_LEAD) in _ELSEWHERE:
            msg = f"{name} is no header of binary mode: data are the body, their type is in Content-Type."
            raise BadHeader(msg, field=name)
    return {name.removeprefix(_LEAD): _decoded(name, value) for name, value in found.items()}


def _decoded(name: str, value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    text = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    if not _PLAIN.fullmatch(text) or _STRAY.search(text):
        raise _bad(name)
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _bad(name) from None


def _require_once(request: Request, *names: str) -> None:
    times = Counter(request.headers.keys())
    for name in names:
        if times[name.lower()] > 1:
            msg = f"The header {name[:60]} is there twice."
            raise BadHeader(msg, field=name[:60])


def _bad(name: str) -> BadHeader:
    msg = (
        f"{name[:60]} is not percent-encoded UTF-8, as CloudEvents has it in headers (HTTP binding, 3.1.3.2)."
    )
    return BadHeader(msg, field=name[:60])
