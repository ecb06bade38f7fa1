"""The tables, as Core statements want them."""

from typing import Final

from sqlalchemy import Table

from workflow.tables import (
    ApiKeyRow,
    AttemptRow,
    CallRow,
    ContactRow,
    DeliveryRow,
    EndpointRow,
    EoiRow,
    HistoryRow,
    JobPartRow,
    JobRow,
    KeyRow,
    NoteRow,
    OutboxRow,
    RevisionRow,
    Row,
    TryRow,
    UnhandledRow,
)


def _table(row: type[Row]) -> Table:
    return Row.metadata.tables[str(row.__tablename__)]


CALL: Final = _table(CallRow)
EOI: Final = _table(EoiRow)
REVISION: Final = _table(RevisionRow)
HISTORY: Final = _table(HistoryRow)
NOTE: Final = _table(NoteRow)
ATTEMPT: Final = _table(AttemptRow)
KEY: Final = _table(KeyRow)
OUTBOX: Final = _table(OutboxRow)
ENDPOINT: Final = _table(EndpointRow)
DELIVERY: Final = _table(DeliveryRow)
TRY: Final = _table(TryRow)
CONTACT: Final = _table(ContactRow)
API_KEY: Final = _table(ApiKeyRow)
UNHANDLED: Final = _table(UnhandledRow)
JOB: Final = _table(JobRow)
JOB_PART: Final = _table(JobPartRow)
