"""Engine against the plain model, drawn at random and aimed at the deadline.

After each command the whole database is compared with the model and held against the ledger. What happens
between a command's arrival and its lock is drawn too: there the clock moves on, and somebody is quicker.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from tests.databases.raw import Databases, RawDatabase
from tests.deadline.ledger import broken_promises
from tests.deadline.model import (
    ACTORS,
    FOR_OWN,
    LATE,
    LEADS,
    MAY,
    ORGANISATIONS,
    ROWS,
    SETTLE,
    SWEEP,
    TAKEN_IN,
    TICK,
    Ask,
    CallRow,
    Model,
)
from tests.deadline.wire import SlowEngine
from workflow import Actor, CallView, Engine, EoiError, NewCall, Receipt, Refused
from workflow.testing import FrozenClock

#: Seeds a step's dice together with the step's number: Hypothesis' own draws cling to few values.
SEED: Final = st.integers(0, 2**32)
HOUR: Final = timedelta(hours=1)
LIVE: Final = {"draft", "submitted", "reviewed"}
#: How many lives are drawn; on PostgreSQL each statement takes a trip.
EXAMPLES: Final = {"sqlite": 30, "postgresql": 8}
#: How often each is drawn where it makes sense, so that EOIs get far.
OFTEN: Final = {"submit": 6, "save": 3, "review": 6, "approve": 3, "decline": 3, "reinstate": 6} | {
    "withdraw": 1,
    "lapse": 1,
}
#: What may have come in time, and was seen too late.
SEEN_LATE: Final = "closed-in-flight, seen late"
#: What a run must have come to at least once; a machine that never gets there shows nothing.
REACHED: Final = {do for do in MAY if do != "lapse"} | {
    *("call-closed", "call-cancelled", "closed-in-flight", "not-in-flight", "eois-exist", "already-applied"),
    *(SEEN_LATE, "stale-version", "not-found", "role-missing", "reviewed-by-you", "replayed", "key-reused"),
}


def perform(engine: Engine, ask: Ask, session: Session | None = None) -> Receipt | CallView:
    """Ask an engine."""
    who, on, reason = ask.who, ask.on, ask.reason
    terms: Any = {"idempotency_key": ask.key, "expected_version": ask.version, "session": session}
    terms["arrival"] = engine.arrival().may_have_waited(ask.waited)
    answers = {"places": ask.answer}
    commands: dict[str, Callable[[], Receipt | CallView]] = {
        "open": lambda: engine.open_call(_new_call(ask), actor=who, **terms),
        "extend": lambda: engine.extend_call(on, closes_at=ask.until, actor=who, reason=reason, **terms),
        "close": lambda: engine.close_call(on, actor=who, reason=reason, **terms),
        "cancel": lambda: engine.cancel_call(on, actor=who, reason=reason, **terms),
        "draft": lambda: engine.draft(on, answers=answers, actor=who, applicant=ask.applicant, **terms),
        "save": lambda: engine.save(on, answers=answers, actor=who, **terms),
    }
    if ask.do in commands:
        return commands[ask.do]()
    return engine.fire(on, ask.do, actor=who, reason=reason, **terms)


def _new_call(ask: Ask) -> NewCall:
    return NewCall(reference=ask.on, title="Places", closes_at=ask.until, contact="the team")


class EngineMachine(RuleBasedStateMachine):
    """Draws commands, and compares."""

    def __init__(self, database: RawDatabase, reached: Counter[str]) -> None:
        super().__init__()
        self.database, self.reached = database, reached
        self.clock, self.model = FrozenClock(), Model()
        self.stack = ExitStack()
        self.engine = self.stack.enter_context(SlowEngine(database, self.clock))
        # An impatient node.
        self.other = self.stack.enter_context(SlowEngine(database, self.clock, settle_s=0))
        self.host = database.host()
        self.stack.callback(self.host.dispose)
        self.ask_rows = self.stack.enter_context(database.shell())
        self.counted: dict[str, str] = {}
        self.step = 0

    def teardown(self) -> None:
        """Close what is open."""
        self.stack.close()

    # ---- drawing: mostly what makes sense, with a slip here and there

    def _an_ask(self, dice: Random) -> Ask:
        if dice.random() < (0.05 if any(call.state == "open" for call in self._calls()) else 0.3):
            ask = self._opening(dice)
        else:
            ask = self._of_an_eoi(dice) if self.model.eois and dice.random() < 0.7 else self._of_a_call(dice)
        while dice.random() < 0.25:
            ask = replace(ask, **self._a_slip(dice, ask))
        return ask

    def _opening(self, dice: Random) -> Ask:
        """At times it closes at the very instant of another one."""
        until = self.clock.now() + dice.choice([HOUR, 24 * HOUR, SETTLE])
        if dice.random() < 0.3:
            until = dice.choice(self._calls()).closes_at
        return Ask(do="open", who=self._who(dice, "open", ""), on=f"{dice.randrange(20)}/23", until=until)

    def _of_a_call(self, dice: Random) -> Ask:
        call = dice.choice([each for each in self._calls() if each.state == "open"] or self._calls())
        in_it = any(eoi.call is call for eoi in self.model.eois.values())
        closing = ["close"] * (9 if in_it else 3)  # which is refused while there are EOIs
        do = dice.choice(["draft"] * 14 + ["extend"] * 3 + closing + ["cancel"])
        applicant = dice.choice(ORGANISATIONS)
        later = dice.choice([0 * TICK, TICK, SETTLE, HOUR])
        return Ask(
            do=do,
            who=self._who(dice, do, applicant),
            on=dice.choice([call.id, call.reference]),
            reason=None if do == "draft" else "because",
            until=call.closes_at + later if do == "extend" else None,
            applicant=applicant if do == "draft" else ORGANISATIONS[0],
        )

    def _of_an_eoi(self, dice: Random) -> Ask:
        eois = list(self.model.eois.values())
        eoi = dice.choice([each for each in eois if each.state in LIVE or each.in_flight_at] or eois)
        natural = [do for do, (sources, _) in LEADS.items() if eoi.state in sources for _ in range(OFTEN[do])]
        do = dice.choice((natural or [*LEADS]) if dice.random() < 0.9 else [*LEADS])
        answer = dice.randrange(9) if do == "save" else 0
        reason = None if do == "save" else "because"
        return Ask(do=do, who=self._who(dice, do, eoi.applicant), on=eoi.id, reason=reason, answer=answer)

    def _who(self, dice: Random, do: str, applicant: str) -> Actor:
        own = [who for who in ACTORS if do not in FOR_OWN or applicant in who.organisations]
        return dice.choice([who for who in own if who.roles & MAY[do]] or ACTORS)

    def _a_slip(self, dice: Random, ask: Ask) -> dict[str, Any]:
        call, eoi = self.model.subject(ask)
        version = eoi.version if eoi else call.version if call else 0
        slips: list[dict[str, Any]] = [
            {"who": dice.choice(ACTORS)},
            {"key": dice.choice("kl")},
            {"key": "m"},
            {"waited": dice.choice([TICK, SETTLE, HOUR])},
            {"version": dice.choice([version, version, max(version - 1, 0), version + 1])},
        ]
        if ask.reason:
            slips.append({"reason": dice.choice([None, " ", " so "])})
        if ask.do == "extend":
            slips.append({"until": dice.choice([None, (ask.until or self.clock.now()) - TICK])})
        if eoi and ask.do != "save":
            slips.append({"do": dice.choice(["submit", "review", "reinstate", "lapse", "praise"])})
        return dice.choice(slips)

    def _calls(self) -> list[CallRow]:
        return list(self.model.calls.values())

    # ---- asking, and comparing

    def _ask(self, engine: Engine, ask: Ask, session: Session | None = None) -> tuple[Any, set[str], str]:
        """Return the answer or the error, every code, and the first one."""
        try:
            answer = perform(engine, ask, session)
        except Refused as refused:
            return refused, {reason.code for reason in refused.reasons}, refused.code
        except EoiError as exc:
            return exc, {exc.code}, exc.code
        return answer, set(), ""

    def _one(self, ask: Ask, engine: Engine) -> None:
        at = self.clock.now()
        expected = self.model.verdict(ask, at, self._settle(engine))
        self._compare(ask, at, expected, self._ask(engine, ask))

    def _compare(
        self, ask: Ask, at: datetime, expected: set[str], outcome: tuple[Any, set[str], str]
    ) -> None:
        """Hold what came of a command against what had to, and write it down."""
        answer, codes, first = outcome
        self.reached.update(expected or {ask.do})
        call, _ = self.model.subject(ask)
        self.reached[SEEN_LATE] += (
            call is not None and "closed-in-flight" in expected and at >= call.closes_at
        )
        hypothesis.note(f"{at} {ask} -> {sorted(codes) or 'done'}")
        assert codes == expected - {"replayed"}, (ask, codes, expected)
        if expected == {"replayed"}:
            kept = self.model.answer_to(ask)
            assert answer == (replace(kept, replayed=True) if isinstance(kept, Receipt) else kept)
        elif not codes:
            self.model.done(ask, at, self.clock.now(), answer)
            self._check_answer(ask, at, answer)
        elif isinstance(answer, Refused):
            self._check_first(ask, codes, first)
            self.model.refused(ask, at, codes, first)

    def _check_first(self, ask: Ask, codes: set[str], first: str) -> None:
        """What happened to the call says more to a school than the state that its EOI came to with it."""
        _, eoi = self.model.subject(ask)
        if (
            eoi
            and ask.do in TAKEN_IN
            and eoi.state in ("lapsed", "cancelled")
            and codes <= {*LATE, "wrong-state"}
        ):
            assert first in LATE, (ask, first)

    def _check_answer(self, ask: Ask, at: datetime, answer: Receipt | CallView) -> None:
        if isinstance(answer, Receipt):
            eoi = self.model.eois[answer.eoi_id]
            source = next(row[3] for row in reversed(self.model.history) if row[0] == eoi.id)
            told = (answer.trigger, answer.source, answer.state, answer.version, answer.at, answer.event_id)
            assert told == (ask.do, source, eoi.state, eoi.version, at, f"{eoi.id}:{eoi.version}")
            assert not answer.replayed
        else:
            call = self.model.calls[answer.id]
            said = (answer.state, answer.version, answer.closes_at, answer.closed_at, answer.counts)
            assert said == (call.state, call.version, call.closes_at, call.closed_at, self.model.counts(call))
            assert answer.counts_at_close == call.counts

    # ---- rules

    @initialize()
    def begin(self) -> None:
        """There is a call."""
        self._one(Ask(do="open", who=ACTORS[5], on="1/23", until=self.clock.now() + HOUR), self.engine)

    def _dice(self, seed: int) -> Random:
        self.step += 1
        return Random(f"{seed} {self.step}")  # noqa: S311 -- no secret

    @rule(seed=SEED)
    def ask(self, seed: int) -> None:
        """Several commands, some in a host's transaction, some overtaken on their way to the lock."""
        dice = self._dice(seed)
        for _ in range(dice.randrange(1, 9)):
            ways = [self._plainly, self._explained, self._in_session, self._overtaken]
            way = self._rushed if dice.random() < 0.06 else dice.choice(ways)  # It uses up a call.
            way(dice)
            self._check_rows()

    @rule(seed=SEED)
    def ask_more(self, seed: int) -> None:
        """The same; Hypothesis draws every rule as often as any other."""
        self.ask(seed)

    def _plainly(self, dice: Random) -> None:
        self._one(self._an_ask(dice), self.engine)

    def _explained(self, dice: Random) -> None:
        """What `explain` says is what `fire` then does."""
        ask = replace(self._an_ask(dice), key=None, version=None, waited=0 * TICK)
        if ask.on in self.model.eois:
            try:
                option = self.engine.explain(ask.on, ask.do, ask.who, data={"reason": ask.reason})
                codes = {each.code for each in option.reasons} | {f"{need}-missing" for need in option.needs}
            except EoiError as exc:
                codes = {exc.code}
            assert codes == self.model.verdict(ask, self.clock.now()), ask
        self._one(ask, self.engine)

    def _in_session(self, dice: Random) -> None:
        """A host that rolls back undoes everything, what was refused too."""
        ask, at = self._an_ask(dice), self.clock.now()
        expected = self.model.verdict(ask, at)
        with Session(self.host) as session:
            outcome = self._ask(self.engine, ask, session)
            if dice.random() < 0.3:
                assert outcome[1] == expected - {"replayed"}, ask
                return
            session.commit()
        self._compare(ask, at, expected, outcome)

    def _overtaken(self, dice: Random) -> None:
        """Between its arrival and its lock the clock moves on, and a sweep or another command is quicker."""
        self._overtake(dice, self._an_ask(dice))

    def _rushed(self, dice: Random) -> None:
        """A school that submits in the last moment, and often is seen, or has the lock, too late."""
        drafts = [
            each for each in self.model.eois.values() if (each.state, each.call.state) == ("draft", "open")
        ]
        if drafts:
            eoi = dice.choice(drafts)
            last = eoi.call.closes_at + dice.choice([-TICK, -TICK, 0 * TICK])
            self.clock.move_to(max(self.clock.now(), last))
            version = dice.choice([None, eoi.version])
            who = dice.choice([self._who(dice, "submit", eoi.applicant)] * 3 + [dice.choice(ACTORS)])
            waited = dice.choice([0 * TICK, TICK, SETTLE])
            self._overtake(dice, Ask(do="submit", who=who, on=eoi.id, version=version, waited=waited))

    def _overtake(self, dice: Random, ask: Ask) -> None:
        at = self.clock.now()
        call, _ = self.model.subject(ask)
        quicker = dice.choice([None, None, ask, self._an_ask(dice)])
        jump = dice.choice(self._boundaries(call)[-2:] if call and dice.random() < 0.5 else [at, at + TICK])
        before, ran = self.model.verdict(ask, at), []

        def meanwhile() -> None:
            ran.append(ask)
            self.clock.move_to(max(at, jump))
            if quicker:
                self._one(quicker, self.other)
            else:
                self._sweep(self.other)

        self.engine.wire.before_lock = meanwhile
        outcome = self._ask(self.engine, ask)
        self.engine.wire.check()
        late_already = ask.do in TAKEN_IN and before & LATE
        expected = self.model.verdict(ask, at) if ran and not late_already else before
        self._compare(ask, at, expected, outcome)

    @rule(seed=SEED, other=st.booleans())
    def ask_again_under_a_key(self, seed: int, other: bool) -> None:
        """A replay is answered alike, at any time; another request under the same key is not answered."""
        dice = self._dice(seed)
        if self.model.kept:
            ask, _ = dice.choice(list(self.model.kept.values()))
            self._one(replace(ask, version=77) if other else ask, self.engine)
            self._check_rows()

    @rule(seed=SEED)
    def let_time_pass(self, seed: int) -> None:
        """Mostly a little; now and then to a tick before, at or after one of the next boundaries."""
        dice = self._dice(seed)
        now = self.clock.now()
        ahead = sorted({at for call in self._calls() for at in self._boundaries(call) if at > now})
        if ahead and dice.random() < 0.5:
            self.clock.move_to(dice.choice(ahead[:8]))
        else:
            self.clock.move_by(seconds=dice.choice([0.000001, 1, 300]))
        if dice.random() < 0.6:
            self._sweep(dice.choice([self.engine, self.engine, self.engine, self.other]))
        self._check_rows()

    def _boundaries(self, call: CallRow) -> list[datetime]:
        edges = (call.closes_at, call.closes_at + SETTLE)
        return [edge + tick for edge in edges for tick in (-TICK, 0 * TICK, TICK)]

    def _settle(self, engine: Engine) -> timedelta:
        return 0 * SETTLE if engine is self.other else SETTLE

    def _sweep(self, engine: Engine) -> None:
        now = self.clock.now()
        due = self.model.due(now, self._settle(engine))
        drafts = sum(eoi.call in due and eoi.state == "draft" for eoi in self.model.eois.values())
        report = engine.close_due()
        hypothesis.note(f"{now} swept {len(report.closed)}")
        assert [view.id for view in report.closed] == [call.id for call in due]
        assert (report.lapsed, report.failed) == (drafts, {})
        for view in report.closed:
            self.model.done(Ask(do="close", who=SWEEP, on=view.id), now, now, view)
            self._check_answer(Ask(do="close", who=SWEEP, on=view.id), now, view)

    # ---- what must hold after each step, and after each command

    @invariant()
    def the_ledger_finds_nothing(self) -> None:
        """No promise is broken in the rows."""
        assert broken_promises(self.database.place) == []

    def _check_rows(self) -> None:
        for name, expected in self.model.rows().items():
            assert self.ask_rows(ROWS[name]) == expected, name
        found = dict(self.ask_rows("SELECT id, counts_at_close FROM eoi_call WHERE closed_at IS NOT NULL"))
        assert found == found | self.counted, "counts at close have changed"
        self.counted = found
        closings = [call.closes_at + SETTLE for call in self._calls() if call.state == "open"]
        assert self.engine.next_due() == min(closings, default=None)


@pytest.mark.slow
def test_the_engine_does_what_was_promised(
    databases: Databases, long: bool, tell: Callable[[str], None]
) -> None:
    """Whatever is asked, by whom and when, comes to what a plain model says; nothing late slips in."""
    reached = Counter[str]()
    settings = hypothesis.settings(
        max_examples=400 if long else EXAMPLES[databases.name],
        stateful_step_count=50,
        derandomize=not long,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )

    class Here(EngineMachine):
        def __init__(self) -> None:
            super().__init__(databases.new(), reached)

    run_state_machine_as_test(Here, settings=settings)
    tell(f"{databases.name}: {dict(reached.most_common())}")
    if long or databases.name == "sqlite":  # few lives on the slower one; they are of the same model
        rare = set() if long else {SEEN_LATE}
        assert {word for word in REACHED - rare if not reached[word]} == set()
    assert reached["call-closed"] > 0
