"""The use cases of jobs: who starts one, who sees it, who ends it, and when it is forgotten.

A job is what its actor could do by as many requests: each step is decided as if they had asked for it, then.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from states.errors import BadInput
from states.facts import BY_HTTP
from states.names import Role
from states.text import plain_text
from workflow.columns import JOB_OPEN, JOB_STATES, WORD
from workflow.commands import Asked, Command
from workflow.connection import Connection
from workflow.dispatch import Order
from workflow.endpoints import LOOKERS
from workflow.errors import JobUnfinished, NotFound, TooManyJobs
from workflow.idempotency import PRUNED_AT_ONCE
from workflow.ids import existing_id, new_id, shown
from workflow.inputs import page_of, some_actor
from workflow.job_views import JobFile, JobView
from workflow.log import get_log
from workflow.store import api_keys, job_files, jobs
from workflow.store.jobs import StoredJob
from workflow.unit_of_work import UnitOfWork, own_transaction
from workflow.views import Page

#: The largest that a job may be given, in bytes: a table of 16 MiB, and what is kept of a register.
LARGEST_INPUT: Final = 24 * 1024 * 1024
#: The longest parameters, as JSON, in characters.
LONGEST_PARAMETERS: Final = 10_000
#: How many jobs of one actor may be waiting or running at once.
MOST_OPEN: Final = 10
#: How many bytes the files of one actor's jobs may have, before another one can be started.
MOST_HELD: Final = 1024 * 1024 * 1024
#: How long a job that has ended is kept, in days, and its files with it.
KEEP_DAYS: Final = 7.0
#: Who may end what somebody else has started.
KEEPERS: Final = frozenset({Role.ADMIN})
#: When who asks how far a job is should ask again, in seconds; and who has too many files of them.
AGAIN_S: Final = 1
MUCH_LATER_S: Final = 3600

#: What the file of what was refused is.
ERRORS_TYPE: Final = "text/csv; charset=utf-8"
#: File -> what it is called in words.
_FILES: Final[Mapping[str, str]] = {"result": "result", "errors": "file of what was refused"}
_log = get_log("jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be started, checked."""

    kind: str
    #: JSON: an object.
    parameters: str
    content: bytes = field(repr=False)


def order(asked: Asked, kind: object, parameters: object, content: object) -> Order[JobView]:
    """Return the order to start a job.

    Raises:
        BadInput: no such kind can be; parameters that are no object of JSON; more than a job is given.
    """
    new = NewJob(
        kind=plain_text(kind, field="kind", longest=WORD),
        parameters=_parameters(parameters),
        content=_content(content),
    )
    return Order(
        asked=asked,
        name="job start",
        request=[new.kind, new.parameters, hashlib.sha256(new.content).hexdigest()],
        answer=JobView,
        do=lambda unit, command, _: start(unit, command, new),
    )


def start(unit: UnitOfWork, command: Command, new: NewJob) -> JobView:
    """Let a job wait for somebody to do it.

    - its row, and what it is given

    Raises:
        TooManyJobs: the actor has too many that have not ended, or too much in the files of those that have.
    """
    actor, connection = command.actor, unit.connection
    jobs.keep_alone(connection, actor.id)
    count, turn = jobs.line_of(connection, actor.id)
    _require_room(connection, actor.id, count)
    view = JobView(
        id=new_id(),
        kind=new.kind,
        state="queued",
        actor=actor.id,
        on_behalf_of=actor.on_behalf_of,
        parameters=json.loads(new.parameters),
        created_at=command.arrived_at,
    )
    by_key = actor.via == BY_HTTP and bool(api_keys.valid_of(connection, actor.id, command.arrived_at))
    jobs.add(connection, view, actor, keyed=by_key, turn=turn)
    job_files.append(connection, view.id, "input", new.content)
    return view


def _require_room(connection: Connection, actor: str, count: int) -> None:
    if count >= MOST_OPEN:
        msg = f"{MOST_OPEN} of your jobs have not ended yet: wait for one, or cancel one."
        raise TooManyJobs(msg, retry_after_s=AGAIN_S)
    if jobs.held_by(connection, actor) >= MOST_HELD:
        msg = f"The files of your jobs have over {MOST_HELD // 1024**2:,} MiB: forget jobs that have ended."
        raise TooManyJobs(msg, retry_after_s=MUCH_LATER_S)


def listed(
    connection: Connection, actor: object, *, state: object, kind: object, after: object, limit: object
) -> Page[JobView]:
    """Return a page of the jobs that an actor may see, the newest first.

    Raises:
        BadInput: no such state; a limit that is no number from 1 to 1000; an `after` that is no id.
        Refused: the actor has no role.
    """
    place, count = page_of(after, limit)
    whose = None if _sees_all(actor) else some_actor(actor).id
    found = jobs.find(
        connection,
        actor=whose,
        state=_state_or_none(state),
        kind=None if kind is None else plain_text(kind, field="kind", longest=WORD),
        after=place,
        limit=count + 1,
    )
    items = tuple(each.view for each in found[:count] if _may_see(actor, each))
    return Page(items=items, next=found[count - 1].view.id if len(found) > count else None)


def one(connection: Connection, actor: object, job_id: object) -> JobView:
    """Return a job.

    Raises:
        NotFound: there is none with that id, or it is somebody else's.
        Refused: the actor has no role.
    """
    return _existing(connection, actor, job_id).view


def cancel(connection: Connection, actor: object, job_id: object, *, now: datetime) -> JobView:
    """End a job that has not ended; what was done until then stands. Of one that has, change nothing.

    Raises:
        NotFound: there is none with that id, or it is somebody else's.
    """
    with own_transaction(connection):
        found = _ones_own(connection, actor, job_id)
        is_new = jobs.end(connection, found.view.id, to="cancelled", now=now)
        if is_new and found.media_type is None:
            job_files.drop(connection, found.view.id, "result")
        view = _existing(connection, actor, found.view.id).view
    if is_new:
        say_finished(view)
    return view


def forget(connection: Connection, actor: object, job_id: object) -> JobView:
    """Delete a job that has ended, and its files; return what it was.

    Raises:
        JobUnfinished: it has not ended.
        NotFound: there is none with that id, or it is somebody else's.
    """
    with own_transaction(connection):
        found = _ones_own(connection, actor, job_id)
        _require_ended(found)
        jobs.forget(connection, found.view.id)
    return found.view


def require_file(connection: Connection, actor: object, job_id: object, file: str) -> StoredJob:
    """Return a job of one's own that has ended, and has such a file.

    Raises:
        JobUnfinished: it has not ended.
        NotFound: there is no such job or file, or it is somebody else's.
    """
    found = _existing(connection, actor, job_id)
    if not _is_theirs(actor, found):
        msg = f"The files of job {found.view.id} are for who started it."
        raise NotFound(msg)
    _require_ended(found)
    size = found.view.result_bytes if file == "result" else found.view.errors_bytes
    if size is None:
        msg = f"The job {found.view.id} is {found.view.state}, and has no {_FILES[file]}."
        raise NotFound(msg)
    return found


def file_in(found: StoredJob, file: str, read: Callable[[int], bytes | None]) -> JobFile:
    """Return a file of a job, to be read piece by piece.

    Args:
        found: the job, which has it.
        file: `result` or `errors`.
        read: returns one piece; None: there is no more.
    """
    if file == "result":
        name, kind, size = found.file_name or "result", found.media_type or "", found.result_size
    else:
        name, kind, size = f"{found.view.id}-errors.csv", ERRORS_TYPE, found.errors_size
    return JobFile(name=name, media_type=kind, size=size, read=read)


def prune(connection: Connection, before: datetime) -> int:
    """Forget those that ended before an instant, in short transactions; return how many there were."""
    total = 0
    while True:
        with own_transaction(connection):
            ids = jobs.old(connection, before, at_most=PRUNED_AT_ONCE)
            for each in ids:
                jobs.forget(connection, each)
        total += len(ids)
        if len(ids) < PRUNED_AT_ONCE:
            return total


def say_finished(view: JobView) -> None:
    """Log that a job has ended: counts only."""
    _log.info(
        "job.finished",
        job_id=view.id,
        kind=view.kind,
        state=view.state,
        done=view.done,
        refused=view.refused,
        attempt=view.attempt,
        code=view.code,
    )


def _existing(connection: Connection, actor: object, job_id: object) -> StoredJob:
    if actor is not None:
        some_actor(actor)
    known = existing_id(job_id)
    found = jobs.one(connection, known)
    if found is None or not _may_see(actor, found):
        msg = f"There is no job {known}."
        raise NotFound(msg)
    return found


def _ones_own(connection: Connection, actor: object, job_id: object) -> StoredJob:
    """Return a job that an actor may end."""
    found = _existing(connection, actor, job_id)
    if not (_is_theirs(actor, found) or some_actor(actor).roles & KEEPERS):
        msg = f"The job {found.view.id} is ended by who started it, or by an admin."
        raise NotFound(msg)
    return found


def _sees_all(actor: object) -> bool:
    return actor is None or bool(some_actor(actor).roles & LOOKERS)


def _may_see(actor: object, found: StoredJob) -> bool:
    return _sees_all(actor) or _is_theirs(actor, found)


def _is_theirs(actor: object, found: StoredJob) -> bool:
    """Return whether it was started by this actor, who still is all that they then were."""
    if actor is None:
        return True
    asking, was = some_actor(actor), found.actor
    return asking.id == was.id and asking.roles >= was.roles and asking.organisations >= was.organisations


def _require_ended(found: StoredJob) -> None:
    if found.view.state in JOB_OPEN:
        msg = f"The job {found.view.id} is {found.view.state}: ask again when it has ended."
        raise JobUnfinished(msg, retry_after_s=AGAIN_S)


def _state_or_none(state: object) -> str | None:
    if state is None or (isinstance(state, str) and state in JOB_STATES):
        return state
    msg = f"There is no state {shown(state)} of jobs. States are: {', '.join(JOB_STATES)}."
    raise BadInput(msg, field="state")


def _parameters(value: object) -> str:
    try:
        text = json.dumps(dict(value), allow_nan=False) if isinstance(value, Mapping) else ""
    except (TypeError, ValueError):
        text = ""
    if not text or len(text) > LONGEST_PARAMETERS:
        msg = (
            f"parameters must be a mapping that JSON knows, of {LONGEST_PARAMETERS:,} characters at the most."
        )
        raise BadInput(msg, field="parameters")
    return text


def _content(value: object) -> bytes:
    if isinstance(value, bytes) and len(value) <= LARGEST_INPUT:
        return value
    msg = f"content must be bytes, {LARGEST_INPUT:,} at the most."
    raise BadInput(msg, field="content")
