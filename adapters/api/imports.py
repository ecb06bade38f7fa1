"""The route by which a table comes in, to be imported by a job. A body is larger here than elsewhere."""

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.api.bodies import Held, require_as_it_is
from adapters.api.door import Asking, Door, asking_of
from adapters.api.entering import enter_route
from adapters.api.errors import UnsupportedMediaType
from adapters.api.jobs import TAG, begun
from adapters.api.route import EoiRoute, through
from adapters.api.schemas import TRUE_OR_FALSE
from adapters.jobs.asked import DECISIONS, EOIS, Import
from adapters.jobs.importing import looked_at
from states.access import require_role
from states.errors import BadInput
from states.names import Role
from workflow import Arrival, JobView
from workflow.jobs import LARGEST_INPUT

#: What a table is sent as.
CSV: Final = "text/csv"
#: How long a table may take to come, in seconds: 16 MiB at a megabit a second.
PATIENCE_S: Final = 150.0
#: How much of tables that are still coming is held at once at the most, in bytes.
HELD: Final = 4 * LARGEST_INPUT
#: Who can carry out any row at all.
WHO: Final = frozenset({Role.APPLICANT, Role.OFFICER, Role.REVIEWER, Role.DECIDER})

#: What a table may be said to be encoded in, as its type says it.
_CHARSETS: Final = {"utf-8": "utf-8", "windows-1252": "cp1252", "cp1252": "cp1252"}


Rows = Annotated[
    str,
    Query(
        description="What the rows are: new EOIs, or moves of those that there are.",
        json_schema_extra={"enum": [EOIS, DECISIONS]},
    ),
]
OfCall = Annotated[
    str | None,
    Query(
        alias="call",
        description="The call that all rows are for: its id or reference; of EOIs, a must.",
        min_length=1,
    ),
]
Columns = Annotated[
    str | None, Query(description="Columns by their names, with commas between; of EOIs.", max_length=2000)
]
Delimiter = Annotated[
    str | None,
    Query(
        description="What stands between two cells; left out: what the first row shows.",
        json_schema_extra={"enum": ["comma", "semicolon", "tab", "bar"]},
    ),
]
Submit = Annotated[bool, Query(description="Hand each EOI in as well."), TRUE_OR_FALSE]
DryRun = Annotated[bool, Query(description="Say what would become of it; change nothing."), TRUE_OR_FALSE]
SkipBad = Annotated[
    bool,
    Query(description="Carry out the rows that can be, though others are refused."),
    TRUE_OR_FALSE,
]

_SIGNS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


class ImportRoute(EoiRoute):
    """A route that tables come in by."""

    #: It takes a body, though its function does not.
    reads_body = True

    def _asking(self, request: Request, body: bytes, arrival: Arrival) -> tuple[Asking, Any]:
        asking = asking_of(self.door, request, arrival)
        request.state.encoding = encoding_in(request)
        request.state.table = body
        return asking, None


def enter(router: APIRouter, door: Door) -> None:
    """Enter the route."""
    wide = replace(door, largest_body=LARGEST_INPUT, body_within_s=PATIENCE_S, held=Held(HELD))
    enter_route(
        router,
        "POST",
        "/imports",
        start_import,
        tag=TAG,
        answer=JobView,
        status=202,
        refuses=["not-found", "bad-table", "key-reused", "too-many-jobs"],
        takes_key=True,
        tells=["Location", "Retry-After"],
        body=(CSV, "Table"),
        route_class=through(wide, ImportRoute),
    )


def start_import(
    request: Request,
    *,
    rows: Rows = EOIS,
    of_call: OfCall = None,
    submit: Submit = False,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    as_json: Columns = None,
    ignore: Columns = None,
    delimiter: Delimiter = None,
) -> Response:
    """Let a table come true, by a job: a new EOI for each row, or a move of one.

    As the same could be done row by row: applicant, officer, reviewer or decider. The table's first row names
    the columns. All rows are looked at before the first is carried out; where one cannot be, nothing is,
    unless `skip_bad`. 202: the job waits; ask how far it is.
    """
    asking: Asking = request.state.asking
    require_role(asking.actor, WHO, to="import a table")
    asked = Import(
        rows=rows,
        call=of_call,
        submit=submit,
        dry_run=dry_run,
        skip_bad=skip_bad,
        as_json=_names(as_json),
        ignore=_names(ignore),
        encoding=request.state.encoding,
        delimiter=_sign(delimiter),
    )
    table: bytes = request.state.table
    looked_at(asking.engine, asking.actor, asked, table)
    return begun(request, "import", asked.parameters(), table)


def encoding_in(request: Request) -> str:
    """Return what a table is encoded in, as its type says.

    Raises:
        UnsupportedMediaType: it is not said to be CSV, is compressed, or in an encoding that is not read.
    """
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    words = [each.strip().lower().partition("=") for each in rest.split(";") if each.strip()]
    said = {name.strip(): value.strip().strip('"') for name, _, value in words}
    encoding = _CHARSETS.get(said.get("charset", "utf-8"))
    if kind.strip().lower() != CSV or encoding is None:
        msg = f"Send the table as Content-Type: {CSV}; charset=utf-8 (or windows-1252)."
        raise UnsupportedMediaType(msg)
    require_as_it_is(request.headers.get("content-encoding", ""))
    return encoding


def _names(said: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in (said or "").split(","))))


def _sign(word: str | None) -> str | None:
    if word is None or word in _SIGNS:
        return None if word is None else _SIGNS[word]
    msg = f"delimiter is one of {', '.join(_SIGNS)}."
    raise BadInput(msg, field="delimiter")
