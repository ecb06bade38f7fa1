"""Routes of jobs: how far one is, what came of it, and its end. Files are read piece by piece."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from adapters.api.answers import answer
from adapters.api.door import Asking
from adapters.api.entering import enter_route
from adapters.api.paging import USUAL, Cursor, Limit, page, place_of
from adapters.api.places import place_in
from adapters.api.replies import Jobs
from adapters.api.schemas import NewExport
from adapters.jobs.asked import Export
from adapters.outbound.export.formats import MEDIA_TYPES
from states.errors import BadInput
from workflow import JobFile, JobView
from workflow.jobs import AGAIN_S, ERRORS_TYPE

TAG: Final = "Jobs"
#: What jobs there are.
KINDS: Final = ["import", "export"]
#: How a job may stand.
STATES: Final = ["queued", "running", "done", "failed", "cancelled"]

State = Annotated[
    str | None, Query(description="Only those in this state.", json_schema_extra={"enum": STATES})
]
Kind = Annotated[
    str | None,
    Query(description="Only those of this kind.", json_schema_extra={"enum": KINDS}),
]
Only = Annotated[
    str | None,
    Query(
        description="Only this of the two, whatever has become of the job meanwhile.",
        json_schema_extra={"enum": ["cancel", "forget"]},
    ),
]


def enter(router: APIRouter) -> None:
    """Enter the routes."""
    enter_route(
        router,
        "POST",
        "/exports",
        start_export,
        tag=TAG,
        answer=JobView,
        status=202,
        refuses=["not-found", "key-reused", "too-many-jobs"],
        takes_key=True,
        tells=["Location", "Retry-After"],
    )
    enter_route(
        router, "GET", "/jobs", list_jobs, tag=TAG, answer=Jobs, refuses=["bad-cursor"], tells=["Link"]
    )
    enter_route(
        router,
        "GET",
        "/jobs/{job}",
        show_job,
        tag=TAG,
        answer=JobView,
        refuses=["not-found"],
        tells=["Retry-After"],
    )
    enter_route(
        router,
        "DELETE",
        "/jobs/{job}",
        end_job,
        tag=TAG,
        answer=JobView,
        refuses=["not-found", "job-unfinished"],
    )
    for path, endpoint, kinds in (
        ("result", show_job_result, sorted({*MEDIA_TYPES.values(), ERRORS_TYPE})),
        ("errors", show_job_errors, [ERRORS_TYPE]),
    ):
        enter_route(
            router,
            "GET",
            f"/jobs/{{job}}/{path}",
            endpoint,
            tag=TAG,
            answer=None,
            gives=kinds,
            refuses=["not-found", "job-unfinished"],
            tells=["Content-Disposition"],
        )


def start_export(request: Request, body: NewExport) -> Response:
    """Write EOIs into a file, by a job.

    All that whoever asks may read, of this call, state and applicant. 202: the job waits; ask how far it is,
    and then for its result.
    """
    asking: Asking = request.state.asking
    asked = Export.of(body.model_dump(exclude_unset=True))
    if asked.call:
        asking.engine.call(asked.call, actor=asking.actor)
    asking.engine.find(call=asked.call, state=asked.state, limit=1, actor=asking.actor)
    return begun(request, "export", asked.parameters())


def list_jobs(
    request: Request, *, state: State = None, kind: Kind = None, limit: Limit = USUAL, cursor: Cursor = None
) -> Response:
    """List jobs, the newest first.

    One's own; officers, auditors and admins see all. A job is kept for a week after its end.
    """
    asking: Asking = request.state.asking
    if kind not in (None, *KINDS):
        msg = f"There is no kind of job {str(kind)[:60]!r}. Kinds are: {', '.join(KINDS)}."
        raise BadInput(msg, field="kind")
    question = {"of": "jobs", "state": state, "kind": kind}
    found = asking.engine.jobs(
        state=state, kind=kind, after=place_of(cursor, question), limit=limit, actor=asking.actor
    )
    return page(request, found.items, after=found.next, question=question)


def show_job(request: Request, job: str) -> Response:
    """Show how far a job is; ask again when Retry-After says, for as long as that is there.

    One's own; officers, auditors and admins see all.
    """
    asking: Asking = request.state.asking
    view = asking.engine.job(job, actor=asking.actor)
    return answer(view, retry_after_s=AGAIN_S if view.finished_at is None else None)


def end_job(request: Request, job: str, *, only: Only = None) -> Response:
    """Cancel a job that has not ended, or forget one that has, with its files.

    Who started it, or an admin. What it has done stands. The answer tells how it is now, or was. Sent twice,
    it would forget what it has cancelled: with `only=cancel` nothing is forgotten, and with `only=forget`
    nothing is cancelled.
    """
    asking: Asking = request.state.asking
    ends = {"cancel": asking.engine.cancel_job, "forget": asking.engine.forget_job}
    if only is None:
        view = asking.engine.job(job, actor=asking.actor)
        only = "cancel" if view.finished_at is None else "forget"
    if only not in ends:
        msg = f"only is one of {', '.join(ends)}."
        raise BadInput(msg, field="only")
    return answer(ends[only](job, actor=asking.actor))


def show_job_result(request: Request, job: str) -> Response:
    """Give the file that came of a job: an export's EOIs, or what became of each row of an import.

    Who started it. Personal data: it is kept for a week after the job's end.
    """
    asking: Asking = request.state.asking
    return file_response(asking.engine.job_result(job, actor=asking.actor))


def show_job_errors(request: Request, job: str) -> Response:
    """Give the rows of an import that were refused, with why, to be mended and given again.

    Who started it.
    """
    asking: Asking = request.state.asking
    return file_response(asking.engine.job_errors(job, actor=asking.actor))


def begun(request: Request, kind: str, parameters: Mapping[str, Any], content: bytes = b"") -> Response:
    """Start a job; return that it waits, and where to ask how far it is."""
    asking: Asking = request.state.asking
    view = asking.begin(asking.engine.start_job, kind, parameters=parameters, content=content)
    location = place_in(request, "jobs", view.id)
    return answer(view, status=202, location=location, retry_after_s=AGAIN_S)


def file_response(file: JobFile) -> Response:
    """Return a file, to be saved and not shown; no piece is read before the one before it has gone."""
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Content-Length": str(file.size),
        "Content-Type": file.media_type,
    }
    return StreamingResponse(iter(file), headers=headers)
