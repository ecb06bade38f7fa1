"""The route by which a table comes in, to be imported by a job; `tables_in` has how it comes."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.api.bodies import Held
from adapters.api.door import Asking, Door
from adapters.api.entering import enter_route
from adapters.api.forms import FORM
from adapters.api.jobs import TAG, begun
from adapters.api.queries import TRUE_OR_FALSE
from adapters.api.route import through
from adapters.api.tables_in import (
    HELD,
    HELD_OF_FORMS,
    PATIENCE_S,
    Given,
    ImportRoute,
)
from adapters.jobs.asked import DECISIONS, EOIS, Import
from adapters.jobs.given import with_register
from adapters.jobs.importing import looked_at
from adapters.jobs.words import CSV, LARGEST_TABLE, SIGNS
from states.access import require_role
from states.errors import BadInput
from states.names import Role
from workflow import JobView

#: Who can carry out any row at all.
WHO: Final = frozenset({Role.APPLICANT, Role.OFFICER, Role.REVIEWER, Role.DECIDER})

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
        json_schema_extra={"enum": [*SIGNS.values()]},
    ),
]
Submit = Annotated[bool, Query(description="Hand each EOI in as well."), TRUE_OR_FALSE]
DryRun = Annotated[bool, Query(description="Say what would become of it; change nothing."), TRUE_OR_FALSE]
SkipBad = Annotated[
    bool,
    Query(description="Carry out the rows that can be, though others are refused."),
    TRUE_OR_FALSE,
]

_SIGNS: Final = {word: sign for sign, word in SIGNS.items()}


def enter(router: APIRouter, door: Door) -> None:
    """Enter the route."""
    wide = replace(door, largest_body=LARGEST_TABLE, body_within_s=PATIENCE_S, held=Held(HELD))
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
        body={CSV: "Table", FORM: "TableAndRegister"},
        route_class=through(wide, ImportRoute, held_of_forms=Held(HELD_OF_FORMS)),
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
    unless `skip_bad`. In a form with the national register of schools, URNs are looked up there, and missing
    names taken from it. 202: the job waits; ask how far it is.
    """
    asking: Asking = request.state.asking
    given: Given = request.state.given
    require_role(asking.actor, WHO, to="import a table")
    asked = Import(
        rows=rows,
        call=of_call,
        submit=submit,
        dry_run=dry_run,
        skip_bad=skip_bad,
        as_json=_names(as_json),
        ignore=_names(ignore),
        encoding=given.encoding,
        delimiter=_sign(delimiter),
    )
    looked_at(asking.engine, asking.actor, asked, given.table)
    content = given.table
    if given.register is not None:
        asked, content = with_register(asked, given.table, given.register)
    return begun(request, "import", asked.parameters(), content)


def _names(said: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in (said or "").split(","))))


def _sign(word: str | None) -> str | None:
    if word is None or word in _SIGNS:
        return None if word is None else _SIGNS[word]
    msg = f"delimiter is one of {', '.join(_SIGNS)}."
    raise BadInput(msg, field="delimiter")
