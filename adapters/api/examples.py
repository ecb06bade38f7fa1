"""Examples of answers, made from the views themselves: what they show is what comes back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adapters.documents import document
from adapters.trying import Tried
from states.names import CallState, EoiState
from workflow import (
    AttemptView,
    CallView,
    DeliveryDetail,
    EndpointStats,
    EndpointView,
    EoiView,
    Foreseen,
    HistoryView,
    JobView,
    Option,
    Receipt,
    Refusal,
    TryView,
    UnhandledView,
)

_CALL: Final = "0186e27e-7a80-7000-8000-0000000000c1"
_EOI: Final = "0186e27e-7a80-7000-8000-0000000000e1"
_ENDPOINT: Final = "0186e27e-7a80-7000-8000-0000000000a1"
_APPLICANT: Final = "URN:121234"
_OPENED: Final = datetime(2023, 2, 1, 9, tzinfo=UTC)
_SENT: Final = datetime(2023, 3, 17, 14, 5, 9, tzinfo=UTC)
_CLOSING: Final = datetime(2023, 3, 18, tzinfo=UTC)
_DIGEST: Final = "7fa1c9d6f0b25e8c44c1a6dd1f5d4f0e0f3f2f6a3c0b9a8d7e6f5a4b3c2d1e0f"

CALL: Final = CallView(
    id=_CALL,
    reference="46/23",
    title="Specialist Resource Base Expressions of Interest",
    state=CallState.OPEN,
    opens_at=_OPENED,
    closes_at=_CLOSING,
    closed_at=None,
    timezone="Europe/London",
    phase="Primary",
    contact="Programme Management Team",
    audience=None,
    version=1,
    counts={"draft": 3, "submitted": 5},
    counts_at_close=None,
)
EOI: Final = EoiView(
    id=_EOI,
    call_id=_CALL,
    applicant=_APPLICANT,
    applicant_name="Sprowston Junior School",
    state=EoiState.SUBMITTED,
    version=3,
    answers={"places": 10, "hydrotherapy": True},
    created_at=_OPENED,
    updated_at=_SENT,
    submitted_at=_SENT,
    decided_at=None,
    digest=_DIGEST,
)
RECEIPT: Final = Receipt(
    eoi_id=_EOI,
    trigger="submit",
    source=EoiState.DRAFT,
    state=EoiState.SUBMITTED,
    version=3,
    at=_SENT,
    event_id=f"{_EOI}:3",
)
CHANGE: Final = HistoryView(
    seq=3,
    trigger="submit",
    source="draft",
    target="submitted",
    actor="head-of-121234",
    on_behalf_of=None,
    via="http",
    reason=None,
    at=_SENT,
    recorded_at=_SENT,
    digest=_DIGEST,
)
ATTEMPT: Final = AttemptView(
    call_id=_CALL,
    eoi_id=_EOI,
    trigger="submit",
    code="call-closed",
    actor="head-of-121234",
    on_behalf_of=None,
    count=2,
    first_at=_CLOSING,
    last_at=_CLOSING,
)
OPTION: Final = Option(trigger="withdraw", label="Withdraw", to="withdrawn", ok=True, needs=(), reasons=())
ENDPOINT: Final = EndpointView(
    id=_ENDPOINT,
    courier="webhook",
    url="https://council.example/eoi",
    events=("eoi.*",),
    created_at=_OPENED,
    signed=True,
)
DELIVERY: Final = DeliveryDetail(
    id=17,
    event_id=f"{_EOI}:3",
    type="eoi.submitted",
    endpoint=_ENDPOINT,
    address="https://council.example/eoi",
    state="delivered",
    attempts=1,
    due_at=None,
    last_status=204,
    last_error=None,
    delivered_at=_SENT,
    tries=(TryView(number=1, at=_SENT, duration_s=0.12, status=204, error=None, answer=""),),
)
STATS: Final = EndpointStats(
    endpoint=_ENDPOINT,
    url="https://council.example/eoi",
    pending=2,
    parked=1,
    delivered=480,
    attempts=497,
    to_be_made=0,
    oldest_pending_at=_SENT,
    last_delivered_at=_SENT,
)
TRIED: Final = Tried(endpoint=_ENDPOINT, arrived=True, status=204, why=None, answer="", duration_s=0.12)
UNHANDLED: Final = UnhandledView(
    id="0186e27e-7a80-7000-8000-0000000000f1",
    source="https://forms.council.example/eoi",
    event_id="7f3a",
    type="forms.eoi.printed",
    subject=_EOI,
    actor="forms",
    on_behalf_of=None,
    at=_SENT,
)
FORESEEN: Final = Foreseen(
    type="forms.eoi.withdrawn",
    rule="forms.eoi.withdrawn",
    trigger="withdraw",
    subject=_EOI,
    option=OPTION,
)
JOB: Final = JobView(
    id="0186e27e-7a80-7000-8000-0000000000b1",
    kind="import",
    state="running",
    actor="places-team",
    on_behalf_of=None,
    parameters={"call": "46/23", "submit": True},
    done=312,
    total=480,
    refused=2,
    counts={"checked": 480, "made": 310, "refused": 2},
    attempt=1,
    created_at=_SENT,
    started_at=_SENT,
    errors_bytes=418,
)
#: A table as it comes in.
TABLE: Final = "URN,applicant_name,answers.places\r\n121234,Sprowston Junior School,10\r\n"
#: An event as it comes in.
EVENT: Final = {
    "specversion": "1.0",
    "id": "7f3a",
    "source": "https://forms.council.example/eoi",
    "type": "forms.eoi.submitted",
    "subject": _EOI,
    "time": "2023-03-17T14:05:09Z",
    "datacontenttype": "application/json",
    "data": {"call": "46/23", "urn": 121234},
}
_LATE: Final = Refusal("call-closed", "The call closed at 11:59pm on Friday 17 March 2023.", until=_CLOSING)


def _list_of(item: object) -> dict[str, Any]:
    return {"items": [document(item)], "next": None}


def _listed_delivery() -> dict[str, Any]:
    return {name: value for name, value in document(DELIVERY).items() if name != "tries"}


#: Name of a schema -> what it may look like.
EXAMPLES: Final[Mapping[str, Any]] = {
    "CallView": document(CALL),
    "EoiView": document(EOI),
    "Receipt": document(RECEIPT),
    "EndpointView": document(ENDPOINT),
    "DeliveryDetail": document(DELIVERY),
    "Tried": document(TRIED),
    "Calls": _list_of(CALL),
    "Eois": _list_of(EOI),
    "Changes": _list_of(CHANGE),
    "Attempts": _list_of(ATTEMPT),
    "Options": _list_of(OPTION),
    "Endpoints": _list_of(ENDPOINT),
    "Deliveries": _list_of(_listed_delivery()),
    "JobView": document(JOB),
    "Jobs": _list_of(JOB),
    "UnhandledView": document(UNHANDLED),
    "Unhandled": _list_of(UNHANDLED),
    "Option": document(OPTION),
    "Foreseen": document(FORESEEN),
    "Stats": _list_of(STATS),
    "WhoAsks": {
        "id": "head-of-121234",
        "roles": ["applicant"],
        "organisations": [_APPLICANT],
        "on_behalf_of": None,
    },
    "Retried": {"retried": 1},
    "Dropped": {"dropped": 1},
    "Redriven": {"redriven": 12},
}
#: Problems as they come.
PROBLEMS: Final = (
    {
        "type": "urn:eoi:problem:call-closed",
        "status": 409,
        "title": "The call takes no more: its deadline has passed.",
        "code": "call-closed",
        "detail": _LATE.message,
        "errors": [document(_LATE)],
        "closes_at": "2023-03-18T00:00:00Z",
        "server_time": "2023-03-18T00:00:03.200000Z",
    },
    {
        "type": "urn:eoi:problem:not-found",
        "status": 404,
        "title": "There is no such thing, or it is not yours.",
        "code": "not-found",
        "detail": f"There is no EOI {_EOI}.",
    },
)
