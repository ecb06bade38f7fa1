"""The public surface, pinned: what others build on changes only on purpose, with a CHANGELOG entry.

In full: every name, type and default, what is given by keyword only, and the fields of what comes back.
After a change on purpose, the test prints the new text.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Unpack, assert_type, get_args, get_origin

from sqlalchemy.orm import Session

import workflow
from adapters import bootstrap, client, embedding
from scheduler import pump, runner
from workflow import (
    Actor,
    AttemptView,
    CallView,
    CloseReport,
    DeliveryView,
    EndpointView,
    Engine,
    EoiState,
    EoiView,
    HistoryView,
    JobView,
    KeyView,
    Option,
    Page,
    Receipt,
    SchemaState,
    handling,
    job_keeping,
    key_keeping,
    ports,
    testing,
)
from workflow.testing import engine_in, new_call, officer, school

#: Holds the words of one parameter together on a line.
_GLUE: Final = "\xa0"
_STARS: Final[dict[Any, str]] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
#: What is pinned, in this order: each with its constructor, if it has one, and its public methods.
PINNED: Final = (
    Engine, key_keeping.KeyKeeping, handling.Handling, job_keeping.JobKeeping,
    workflow.Handle, workflow.Foreseen, workflow.NewCall, Actor, workflow.Arrival, Option, workflow.Refusal,
    workflow.Event,
    Receipt, CallView, EoiView, HistoryView, AttemptView, EndpointView, KeyView, DeliveryView,
    workflow.UnhandledView, JobView, workflow.JobFile, workflow.HeldJob, workflow.JobWork,
    workflow.DeliveryDetail, workflow.TryView, workflow.EndpointStats, workflow.Contact, workflow.Fed,
    CloseReport, Page,
    ports.Clock, ports.Courier, ports.Vault, ports.About,
    ports.Delivery, ports.Delivered, ports.Delayed, ports.Undeliverable,
    bootstrap.build, bootstrap.build_engine, bootstrap.works_of, bootstrap.App, client.Client,
    embedding.eoi_router, embedding.eoi_asgi, embedding.running, embedding.by_key, embedding.tell_openapi,
    runner.Runner, runner.Health, runner.RunReport, pump.PumpReport,
    testing.FrozenClock, testing.RecordingCourier, testing.officer, testing.reviewer, testing.decider,
    testing.admin, testing.auditor, testing.school, testing.new_call, testing.engine_in, testing.submitted,
    testing.Kit, testing.Sent, testing.race, testing.results,
)  # fmt: skip

_SURFACE: Final = """\
Engine(database: str | Engine, *, clock: Clock | None = None, settle_s: float = 2.0,
        lock_timeout_s: float = 30.0, keep_keys_days: float = 30.0, keep_deliveries_days: float = 90.0,
        keep_jobs_days: float = 7.0, pool_size: int = 10, vault: Vault | None = None,
        handles: Iterable[Handle] = (), unknown_events: str = 'record',
        vet_url: Callable[[str], object] | None = None)
    .arrival() -> Arrival
    .open_call(new: NewCall, *, actor: Actor, **terms: Unpack[Terms]) -> CallView
    .extend_call(call_id: str, *, closes_at: datetime | None, actor: Actor, reason: str | None = None,
        **terms: Unpack[Terms]) -> CallView
    .close_call(call_id: str, *, actor: Actor, reason: str | None = None,
        **terms: Unpack[Terms]) -> CallView
    .cancel_call(call_id: str, *, actor: Actor, reason: str | None = None,
        **terms: Unpack[Terms]) -> CallView
    .call(id_or_reference: str, *, actor: Actor | None = None) -> CallView
    .calls(*, actor: Actor | None = None) -> list[CallView]
    .find_calls(*, reference: str | None = None, state: str | None = None, after: str | None = None,
        limit: int = 50, actor: Actor | None = None) -> Page[CallView]
    .draft(call_id: str, *, answers: Mapping[str, Any], actor: Actor, applicant: str | None = None,
        applicant_name: str | None = None, **terms: Unpack[Terms]) -> Receipt
    .save(eoi_id: str, *, answers: Mapping[str, Any], actor: Actor, **terms: Unpack[Terms]) -> Receipt
    .fire(eoi_id: str, trigger: str, *, actor: Actor, reason: str | None = None,
        data: Mapping[str, Any] | None = None, **terms: Unpack[Terms]) -> Receipt
    .submit(eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]) -> Receipt
    .review(eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]) -> Receipt
    .approve(eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]) -> Receipt
    .decline(eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]) -> Receipt
    .withdraw(eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]) -> Receipt
    .allowed(eoi_id: str, actor: Actor, *, at: datetime | None = None) -> list[Option]
    .explain(eoi_id: str, trigger: str, actor: Actor, *, data: Mapping[str, Any] | None = None,
        at: datetime | None = None) -> Option
    .get(eoi_id: str, *, actor: Actor | None = None) -> EoiView
    .find(*, call: str | None = None, state: str | None = None, applicant: str | None = None,
        after: str | None = None, limit: int = 50, actor: Actor | None = None) -> Page[EoiView]
    .history(eoi_or_call_id: str, *, actor: Actor | None = None) -> list[HistoryView]
    .find_history(eoi_or_call_id: str, *, after: str | None = None, limit: int = 50,
        actor: Actor | None = None) -> Page[HistoryView]
    .attempts(eoi_or_call_id: str, *, actor: Actor | None = None) -> list[AttemptView]
    .find_attempts(eoi_or_call_id: str, *, after: str | None = None, limit: int = 50,
        actor: Actor | None = None) -> Page[AttemptView]
    .close_due() -> CloseReport
    .next_due() -> datetime | None
    .prune() -> int
    .clock_skew_s() -> float | None
    .migrate() -> bool
    .create() -> bool
    .check() -> list[str]
    .schema_state() -> SchemaState
    .require_writable(*, wait_s: float | None = None) -> None
    .backup(to: str | Path) -> None
    .close() -> None
KeyKeeping()
    .create_key(name: str, *, roles: Collection[str], organisations: Collection[str] = (),
        expires_at: datetime | None = None, actor: Actor) -> KeyView
    .keys(*, actor: Actor | None = None) -> list[KeyView]
    .key(id_or_prefix: str, *, actor: Actor | None = None) -> KeyView
    .revoke_key(id_or_prefix: str, *, actor: Actor) -> KeyView
    .rotate_key(id_or_prefix: str, *, keep_old_s: float = 86400.0, expires_at: datetime | None = None,
        actor: Actor) -> KeyView
    .authenticate(key: str | None) -> Actor
Handling()
    .handle(event: Mapping[str, Any], *, actor: Actor, session: Session | None = None,
        arrival: Arrival | None = None) -> Receipt | CallView | UnhandledView
    .explain_event(event: Mapping[str, Any], *, actor: Actor) -> Foreseen
    .unhandled(*, after: str | None = None, limit: int = 50,
        actor: Actor | None = None) -> Page[UnhandledView]
JobKeeping()
    .start_job(kind: str, *, parameters: Mapping[str, Any], content: bytes = b'', actor: Actor,
        idempotency_key: str | None = None, session: Session | None = None,
        arrival: Arrival | None = None) -> JobView
    .job(job_id: str, *, actor: Actor | None = None) -> JobView
    .jobs(*, state: str | None = None, kind: str | None = None, after: str | None = None, limit: int = 50,
        actor: Actor | None = None) -> Page[JobView]
    .cancel_job(job_id: str, *, actor: Actor | None) -> JobView
    .forget_job(job_id: str, *, actor: Actor | None) -> JobView
    .job_result(job_id: str, *, actor: Actor | None = None) -> JobFile
    .job_errors(job_id: str, *, actor: Actor | None = None) -> JobFile
    .forget_jobs() -> int
frozen Handle(*, type: str, trigger: str, eoi: str | None = None, call: str | None = None,
        applicant: str | None = None, applicant_name: str | None = None, answers: str | None = None,
        reason: str | None = None, closes_at: str | None = None)
frozen Foreseen(*, type: str, rule: str | None = None, trigger: str | None = None,
        subject: str | None = None, replayed: bool = False, option: Option | None = None)
frozen NewCall(*, reference: str, title: str, closes_on: date | None = None,
        closes_at: datetime | None = None, opens_at: datetime | None = None,
        timezone: str = 'Europe/London', phase: str | None = None, contact: str | None = None,
        audience: str | None = None, closing_words: str | None = None)
frozen Actor(id: str, roles: Iterable[str] = (), organisations: Iterable[str] = (),
        on_behalf_of: str | None = None, via: str = 'python')
frozen Arrival(entered_s: float, entered_at: datetime | None, waited: timedelta = datetime.timedelta(0))
    .may_have_waited(waited: timedelta) -> Arrival
frozen Option(trigger: str, label: str, to: str, ok: bool, needs: tuple[str, ...],
        reasons: tuple[Refusal, ...])
frozen Refusal(code: str, message: str, field: str | None = None, until: datetime | None = None)
frozen Event(*, id: str, type: EventType | Ping, call_id: str, call_reference: str, eoi_id: str | None,
        applicant: str | None, source: str | None, state: str, version: int, at: datetime,
        recorded_at: datetime, closes_at: datetime)
    .subject
frozen Receipt(*, eoi_id: str, trigger: str, source: EoiState | None, state: EoiState, version: int,
        at: datetime, event_id: str, replayed: bool = False)
frozen CallView(*, id: str, reference: str, title: str, state: CallState, opens_at: datetime,
        closes_at: datetime, closed_at: datetime | None, timezone: str, phase: str | None,
        contact: str | None, audience: str | None, version: int, counts: Mapping[str, int] | None,
        counts_at_close: Mapping[str, int] | None)
frozen EoiView(*, id: str, call_id: str, applicant: str, applicant_name: str | None, state: EoiState,
        version: int, answers: Mapping[str, Any], created_at: datetime, updated_at: datetime,
        submitted_at: datetime | None, decided_at: datetime | None, digest: str)
frozen HistoryView(*, seq: int, trigger: str, source: str | None, target: str, actor: str,
        on_behalf_of: str | None, via: str, reason: str | None, at: datetime, recorded_at: datetime,
        digest: str | None)
frozen AttemptView(*, call_id: str, eoi_id: str | None, trigger: str, code: str, actor: str,
        on_behalf_of: str | None, count: int, first_at: datetime, last_at: datetime)
frozen EndpointView(*, id: str, courier: str, url: str, events: tuple[str, ...], created_at: datetime,
        timeout_s: float | None = None, concurrency: int | None = None, ordered: bool = True,
        signed: bool = False, old_secret_until: datetime | None = None, has_headers: bool = False,
        disabled_at: datetime | None = None, disabled_why: str | None = None, failures: int = 0,
        failing_since: datetime | None = None, rest_until: datetime | None = None,
        secret: str | None = None)
frozen KeyView(*, id: str, name: str, prefix: str, roles: tuple[Role, ...],
        organisations: tuple[str, ...], state: str, created_at: datetime, created_by: str,
        expires_at: datetime | None = None, last_used_at: datetime | None = None,
        superseded_at: datetime | None = None, old_until: datetime | None = None,
        revoked_at: datetime | None = None, revoked_by: str | None = None, key: str | None = None)
frozen DeliveryView(*, id: int, event_id: str, type: str, endpoint: str, address: str, state: str,
        attempts: int, due_at: datetime | None, last_status: int | None, last_error: str | None,
        delivered_at: datetime | None)
frozen UnhandledView(*, id: str, source: str, event_id: str, type: str, subject: str | None, actor: str,
        on_behalf_of: str | None, at: datetime)
frozen JobView(*, id: str, kind: str, state: str, actor: str, on_behalf_of: str | None,
        parameters: Mapping[str, Any], done: int = 0, total: int | None = None, refused: int = 0,
        counts: Mapping[str, int] = <factory>, attempt: int = 0, created_at: datetime,
        started_at: datetime | None = None, finished_at: datetime | None = None, code: str | None = None,
        why: str | None = None, result_bytes: int | None = None, errors_bytes: int | None = None)
frozen JobFile(*, name: str, media_type: str, size: int, read: Callable[[int], bytes | None])
HeldJob(database: Database, now: Callable[[Connection], datetime], lent: StoredJob, *, lease_s: float,
        largest_result: int, is_stopping: Callable[[HeldJob], bool])
    .done
    .place
    .result_size
    .errors_size
    .content() -> bytes
    .expect(total: int) -> None
    .start_anew() -> None
    .name_result(*, media_type: str, file_name: str) -> None
    .count(word: str, *, refused: bool = False, place: int | None = None, result: bytes = b'',
        errors: bytes = b'') -> None
    .tell(word: str, count: int) -> None
    .reach(done: int) -> None
    .add(*, result: bytes = b'', errors: bytes = b'') -> None
    .write() -> None
    .finish() -> None
    .fail(error: EoiError) -> None
    .give_back() -> None
JobWork, a protocol
    .do(job: HeldJob) -> None
frozen DeliveryDetail(*, id: int, event_id: str, type: str, endpoint: str, address: str, state: str,
        attempts: int, due_at: datetime | None, last_status: int | None, last_error: str | None,
        delivered_at: datetime | None, tries: tuple[TryView, ...])
frozen TryView(*, number: int, at: datetime, duration_s: float, status: int | None, error: str | None,
        answer: str)
frozen EndpointStats(*, endpoint: str, url: str, pending: int, parked: int, delivered: int, attempts: int,
        to_be_made: int, oldest_pending_at: datetime | None, last_delivered_at: datetime | None)
frozen Contact(*, organisation: str, address: str, name: str | None = None)
frozen Fed(*, cursor: int, event: Event)
frozen CloseReport(*, closed: tuple[CallView, ...] = (), lapsed: int = 0,
        failed: Mapping[str, str] = <factory>)
frozen Page(items: tuple[T, ...], next: str | None)
Clock, a protocol
    .now() -> datetime
Courier, a protocol
    .deliver(delivery: Delivery) -> Delivered | Delayed | Undeliverable
Vault, a protocol
    .seal(text: str) -> str
    .unseal(sealed: str) -> str
frozen About(*, title: str, opens_at: datetime, timezone: str, contact: str | None = None,
        applicant_name: str | None = None)
frozen Delivery(*, id: int, event: Event, courier: str, address: str, attempt: int,
        earlier_attempts: int = 0, leased_until: datetime | None = None,
        unable_since: datetime | None = None, endpoint_id: str = '', about: About | None = None,
        secrets: tuple[str, ...] = (), headers: str = '', timeout_s: float | None = None,
        concurrency: int | None = None)
frozen Delivered(*, status: int | None = None, answer: str = '')
frozen Delayed(*, why: str, status: int | None = None, answer: str = '',
        retry_after_s: float | None = None, wait_s: float | None = None, of_receiver: bool = True,
        unable: bool = False)
frozen Undeliverable(*, why: str, status: int | None = None, answer: str = '', gone: bool = False)
build(settings: Settings, engine: Engine | None = None, *, clock: Clock | None = None,
        sweeps: bool = True, delivers: bool = True, works: bool = True) -> App
build_engine(settings: Settings, engine: Engine | None = None, *, clock: Clock | None = None) -> Engine
works_of(engine: Engine) -> dict[str, JobWork]
frozen App(engine: Engine, runner: Runner, metrics: Metrics, settings: Settings,
        _couriers: Mapping[str, Courier])
    .start() -> None
    .close() -> None
    .try_endpoint(endpoint_id: str, *, actor: Actor) -> tuple[Delivered | Delayed | Undeliverable, float]
Client(server: str, key: str, *, timeout_s: float = 60.0, insecure_http: bool = False,
        pause: Callable[[float], object] = sleep, dice: Callable[[], float] = cast)
    .close() -> None
eoi_router(app_or_engine: App | Engine, *,
        authenticate: Callable[[Request], Actor | Awaitable[Actor | None] | None],
        origins: tuple[str, ...] = ()) -> APIRouter
eoi_asgi(app_or_engine: App | Engine, *,
        authenticate: Callable[[Request], Actor | Awaitable[Actor | None] | None],
        origins: tuple[str, ...] = ()) -> FastAPI
running(app: App) -> Callable[[object], AbstractAsyncContextManager[None]]
by_key(app_or_engine: App | Engine) -> Callable[[Request], Actor]
tell_openapi(api: FastAPI, *, security: Mapping[str, Mapping[str, Any]] | None = None) -> None
Runner(engine: Engine, couriers: Mapping[str, Courier], *, sweep_period_s: float = 1.0,
        pump_period_s: float = 1.0, workers: int = 16, lease_s: float = 60.0, grace_s: float = 30.0,
        dice: Callable[[], float] = Random.random, sweeps: bool = True, delivers: bool = True,
        works: Mapping[str, JobWork] = mappingproxy({}), job_lease_s: float = 60.0)
    .start() -> None
    .stop() -> None
    .is_of_another_process
    .once() -> RunReport
    .wake() -> None
    .health() -> Health
frozen Health(*, ok: bool, threads: Mapping[str, bool], sweep_age_s: float | None,
        pump_age_s: float | None, overdue_s: float, oldest_waiting_s: float | None,
        oldest_job_s: float | None, clock_skew_s: float | None, schema: SchemaState | None, errors: int,
        last_error: str | None)
frozen RunReport(*, swept: CloseReport, pumped: PumpReport, pruned: int, forgotten: int = 0,
        worked: int = 0, jobs_forgotten: int = 0)
frozen PumpReport(*, delivered: int = 0, postponed: int = 0, parked: int = 0, overtaken: int = 0)
FrozenClock(at: datetime | None = None)
    .now() -> datetime
    .move_to(at: datetime) -> None
    .move_by(**span: float) -> None
RecordingCourier(answer: Callable[[Delivery], Delivered | Delayed | Undeliverable] | None = None)
    .deliver(delivery: Delivery) -> Delivered | Delayed | Undeliverable
officer(name: str = 'programme.team') -> Actor
reviewer(name: str = 'reviewer-1') -> Actor
decider(name: str = 'panel-chair') -> Actor
admin(name: str = 'admin-1') -> Actor
auditor(name: str = 'auditor-1') -> Actor
school(urn: int | str = 121234) -> Actor
new_call(**changes: Any) -> NewCall
engine_in(folder: Path, *, clock: Clock | None = None, **settings: Any) -> Engine
submitted(engine: Engine, call_id: str, who: Actor, *, answers: Mapping[str, Any] | None = None) -> str
Kit(database: Path | str | Engine, *, clock: FrozenClock | None = None, used: bool = False,
        works: Callable[[Engine], Mapping[str, JobWork]] = no_works, **settings: Any)
    .engine
    .now
    .sent
    .move_to(at: datetime) -> None
    .move(**span: float) -> None
    .tick() -> None
    .answer(*answers: Delivered | Delayed | Undeliverable | Answering, to: str = '*', of: str = '*',
        for_good: bool = False) -> None
    .delivered(of: str = '*', *, to: str = '*') -> list[Sent]
    .crash_after(step: Literal[begin, write, commit, deliver]) -> Iterator[None]
    .crash_before(step: Literal[begin, write, commit, deliver]) -> Iterator[None]
    .close() -> None
frozen Sent(*, at: datetime, delivery: Delivery, outcome: Delivered | Delayed | Undeliverable)
    .event
    .address
race(do: Callable[[int], T], count: int, *, within_s: float = 60.0) -> list[T | BaseException]
results(ended: Iterable[T | BaseException]) -> list[T]
"""


def test_what_hosts_were_promised_is_there_to_the_last_default() -> None:
    """A host that upgrades finds each name, type, default and field where it was, and no parameter moved."""
    found = list(_surface())
    print("\n".join(found))
    assert found == _SURFACE.splitlines()


def test_an_engine_shows_nothing_else(tmp_path: Path) -> None:
    """A host finds clock, outbox and queue of jobs on an engine, and nothing that is the engine's own."""
    with engine_in(tmp_path) as engine:
        assert {name for name in vars(engine) if not name.startswith("_")} == {"clock", "job_queue", "outbox"}


def test_every_command_takes_the_same_terms() -> None:
    """A host can give any command a key, an expected version and its own session."""
    assert inspect.get_annotations(workflow.engine.Terms) == {
        "idempotency_key": str | None,
        "expected_version": int | None,
        "session": Session | None,
        "arrival": workflow.Arrival | None,
    }


def test_everything_that_workflow_exports_is_there() -> None:
    """Each name in `workflow.__all__` can be imported, and they stand in order."""
    assert [name for name in workflow.__all__ if not hasattr(workflow, name)] == []
    assert sorted(workflow.__all__) == workflow.__all__


def test_the_types_are_those_that_a_hosts_checker_sees(tmp_path: Path) -> None:
    """A host's type checker knows what each method returns; mypy holds this file to it."""
    with engine_in(tmp_path) as engine:
        _use(engine, school())


def _use(engine: Engine, head: Actor) -> None:
    call = assert_type(engine.open_call(new_call(), actor=officer()), CallView)
    assert_type(call.id, str)
    assert_type(call.closed_at, datetime | None)
    receipt = assert_type(engine.draft(call.id, answers={}, actor=head), Receipt)
    assert_type(receipt.state, EoiState)
    assert_type(engine.submit(receipt.eoi_id, actor=head, idempotency_key="k"), Receipt)
    assert_type(engine.allowed(receipt.eoi_id, head), list[Option])
    assert_type(engine.explain(receipt.eoi_id, "withdraw", head), Option)
    assert_type(engine.get(receipt.eoi_id), EoiView)
    page = assert_type(engine.find(call="46/23"), Page[EoiView])
    assert_type([each.id for each in page], list[str])
    assert_type(engine.history(call.id), list[HistoryView])
    assert_type(engine.attempts(call.id), list[AttemptView])
    assert_type(engine.close_due(), CloseReport)
    assert_type(engine.next_due(), datetime | None)
    assert_type(engine.prune(), int)
    assert_type(engine.clock_skew_s(), float | None)
    assert_type(engine.schema_state(), SchemaState)
    assert_type(engine.deliveries(), list[DeliveryView])
    assert_type(engine.endpoints(), list[EndpointView])
    assert_type(engine.keys(), list[KeyView])
    assert_type(Actor("x"), Actor)
    assert [each.id for each in page] == [receipt.eoi_id]


def _surface() -> Iterator[str]:
    for each in PINNED:
        yield from _of_class(each) if inspect.isclass(each) else _lines("", each)


def _of_class(cls: type) -> Iterator[str]:
    if getattr(cls, "_is_protocol", False):
        yield f"{cls.__name__}, a protocol"
    else:
        frozen = getattr(getattr(cls, "__dataclass_params__", None), "frozen", False)
        yield from _lines("frozen " if frozen else "", cls)
    for name, member in vars(cls).items():
        if isinstance(member, property):
            yield f"    .{name}"
        elif inspect.isfunction(member) and not name.startswith("_"):
            yield from _lines("    .", member)


def _lines(lead: str, called: Any) -> list[str]:
    """Return name, parameters and result on lines that fit the page."""
    signature = inspect.signature(called)
    given = [_parameter(each) for each in signature.parameters.values() if each.name != "self"]
    kinds = [each.kind for each in signature.parameters.values() if each.name != "self"]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        given.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    result = "" if inspect.isclass(called) else f" -> {_type(signature.return_annotation)}"
    whole = [words.replace(" ", _GLUE) for words in (*given[:-1], "".join([*given[-1:], ")", result]))]
    text = f"{lead}{called.__name__}({', '.join(whole)}"
    lines = textwrap.wrap(text, 106, subsequent_indent=" " * 8, break_long_words=False)
    return [line.replace(_GLUE, " ") for line in lines]


def _parameter(given: inspect.Parameter) -> str:
    told = f"{_STARS.get(given.kind, '')}{given.name}: {_type(given.annotation)}"
    if given.default is given.empty:
        return told
    return f"{told} = {getattr(given.default, '__qualname__', repr(given.default))}"


def _type(annotation: object) -> str:
    """Return a type as the code names it: without modules, and None as None."""
    if get_origin(annotation) is Unpack:
        return f"Unpack[{_type(get_args(annotation)[0])}]"
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    short = re.sub(r"\b(?:[A-Za-z_]\w*\.)+|~|'", "", name).replace("NoneType", "None")
    return re.sub(r"\bUnion\[([^][]*)\]", lambda found: found[1].replace(", ", " | "), short)
