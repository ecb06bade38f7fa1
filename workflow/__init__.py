"""Use cases and persistence: what a host needs stands here.

from workflow import Engine, Actor, NewCall
"""

# ruff: noqa: E402 -- who looks around must do so before anything of another floor is imported
from workflow.neighbours import look_around

look_around()

from states.decisions import Option
from states.errors import (
    BadDeadline,
    BadInput,
    BadLifecycle,
    CallClosed,
    ClosedInFlight,
    EoiError,
    Refusal,
    Refused,
    RoleMissing,
    UnknownTrigger,
    WrongState,
)
from states.events import Event, EventType
from states.facts import Actor
from states.names import CallState, CallTrigger, EoiState, EoiTrigger, Role
from workflow.engine import Engine
from workflow.errors import (
    AlreadyApplied,
    CommitUnknown,
    Conflict,
    ConnectionLost,
    DatabaseCorrupt,
    DatabaseForbidden,
    DatabaseForeign,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseRefused,
    DatabaseUnavailable,
    DatabaseUnopened,
    KeyReused,
    NotFound,
    ReferenceTaken,
    SchemaMismatch,
    SchemaMissing,
    SchemaOutdated,
    SchemaTooNew,
    StaleVersion,
    TransactionConflict,
)
from workflow.inputs import NewCall
from workflow.views import (
    AttemptView,
    CallView,
    CloseReport,
    DeliveryView,
    EndpointView,
    EoiView,
    HistoryView,
    Page,
    Receipt,
)

__all__ = [
    "Actor",
    "AlreadyApplied",
    "AttemptView",
    "BadDeadline",
    "BadInput",
    "BadLifecycle",
    "CallClosed",
    "CallState",
    "CallTrigger",
    "CallView",
    "CloseReport",
    "ClosedInFlight",
    "CommitUnknown",
    "Conflict",
    "ConnectionLost",
    "DatabaseCorrupt",
    "DatabaseForbidden",
    "DatabaseForeign",
    "DatabaseFull",
    "DatabaseLocked",
    "DatabaseReadOnly",
    "DatabaseRefused",
    "DatabaseUnavailable",
    "DatabaseUnopened",
    "DeliveryView",
    "EndpointView",
    "Engine",
    "EoiError",
    "EoiState",
    "EoiTrigger",
    "EoiView",
    "Event",
    "EventType",
    "HistoryView",
    "KeyReused",
    "NewCall",
    "NotFound",
    "Option",
    "Page",
    "Receipt",
    "ReferenceTaken",
    "Refusal",
    "Refused",
    "Role",
    "RoleMissing",
    "SchemaMismatch",
    "SchemaMissing",
    "SchemaOutdated",
    "SchemaTooNew",
    "StaleVersion",
    "TransactionConflict",
    "UnknownTrigger",
    "WrongState",
]
