"""A plain model of what the engine has promised.

Written from what was promised, not from the tables of moves: it knows sets, dicts and comparisons. It says
for each command what must stand in its way, or what must come of it, and which rows must then be there.
"""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from workflow import Actor, CallView, Receipt

SETTLE: Final = timedelta(seconds=2)
TICK: Final = timedelta(microseconds=1)

ORGANISATIONS: Final = ("URN:1", "URN:2", "URN:3")
A, B, C = ORGANISATIONS
_STAFF: Final = {"officer", "reviewer", "decider", "auditor", "admin", "system"}
ACTORS: Final = [
    Actor("head-a", {"applicant"}, {A}),
    Actor("head-b", {"applicant"}, {B}),
    Actor("trust", {"applicant"}, {A, B}),
    Actor("portal", {"applicant"}, {C}, on_behalf_of="head-c"),
    Actor("governor", {"applicant", "officer"}, {C}),
    Actor("officer", {"officer"}),
    Actor("reviewer", {"reviewer"}),
    Actor("panel", {"reviewer", "decider"}),
    Actor("decider", {"decider"}),
    Actor("service", {"reviewer", "decider"}, on_behalf_of="ann"),
    Actor("service", {"reviewer", "decider"}, on_behalf_of="bob"),
    Actor("ann", {"decider", "reviewer"}),
    Actor("admin", {"admin"}),
    Actor("auditor", {"auditor"}, {A}),
    Actor("robot", {"system"}),
    Actor("nobody", (), {A, B, C}),
]
SWEEP: Final = Actor("system", {"system"}, via="sweep")
#: Who may do what; whatever an applicant does, it does for its own organisations.
MAY: Final = {
    "open": {"officer"}, "extend": {"officer"}, "close": {"officer", "system"}, "cancel": {"admin"},
    "draft": {"applicant"}, "save": {"applicant"}, "submit": {"applicant"}, "withdraw": {"applicant"},
    "review": {"officer", "reviewer"}, "approve": {"decider"}, "decline": {"decider"},
    "reinstate": {"officer"}, "lapse": {"system"},
}  # fmt: skip
#: From which states, and to which one.
LEADS: Final = {
    "save": ({"draft"}, "draft"), "submit": ({"draft"}, "submitted"), "review": ({"submitted"}, "reviewed"),
    "approve": ({"reviewed"}, "approved"), "decline": ({"reviewed"}, "declined"),
    "withdraw": ({"draft", "submitted", "reviewed"}, "withdrawn"), "lapse": ({"draft"}, "lapsed"),
    "reinstate": ({"lapsed"}, "submitted"),
}  # fmt: skip
OF_A_CALL: Final = {"extend", "close", "cancel", "draft"}
TAKEN_IN: Final = {"draft", "save", "submit"}
FOR_OWN: Final = TAKEN_IN | {"withdraw"}
WITH_REASON: Final = {"extend", "cancel", "approve", "decline", "reinstate"}
LATE: Final = {"call-closed", "call-cancelled", "closed-in-flight"}


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One command."""

    do: str
    who: Actor
    #: The call or EOI; for `open` the new reference.
    on: str
    reason: str | None = None
    key: str | None = None
    version: int | None = None
    #: The closing of a call that is opened or extended.
    until: datetime | None = None
    applicant: str = A
    answer: int = 0
    #: How long it may have been there before it was seen.
    waited: timedelta = timedelta()

    @property
    def why(self) -> str | None:
        """The reason as it counts: white space is none."""
        return (self.reason or "").strip() or None


@dataclass(kw_only=True)
class CallRow:
    id: str
    reference: str
    closes_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    version: int = 1
    counts: dict[str, int] | None = None


@dataclass(kw_only=True)
class EoiRow:
    id: str
    call: CallRow
    applicant: str
    answer: int
    state: str = "draft"
    version: int = 1
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    reviewed_by: str | None = None
    reviewed_for: str | None = None
    in_flight_at: datetime | None = None


@dataclass
class Model:
    """What must be true, by the plainest means."""

    calls: dict[str, CallRow] = field(default_factory=dict)
    eois: dict[str, EoiRow] = field(default_factory=dict)
    history: list[tuple[object, ...]] = field(default_factory=list)
    attempts: dict[tuple[str, ...], tuple[int, datetime, datetime]] = field(default_factory=dict)
    kept: dict[tuple[object, ...], tuple[Ask, Receipt | CallView]] = field(default_factory=dict)

    # ---- what must come of a command: the codes of all that stands in its way

    def verdict(self, ask: Ask, at: datetime, settle: timedelta = SETTLE) -> set[str]:
        """Return every code that must be given; nothing where it must be done."""
        if not ask.who.roles:
            return {"role-missing"}
        call, eoi = self.subject(ask)
        if ask.key and (known := self.kept.get(self.scope(ask))):
            return {"replayed" if _same_request(known[0], ask) else "key-reused"}
        if ask.do == "open":
            return self._of_opening(ask, at)
        if call is None or (eoi and not _sees(ask.who, eoi)):
            return {"not-found"}
        return self._of_what_is_there(ask, at, settle, call, eoi)

    def _of_what_is_there(
        self, ask: Ask, at: datetime, settle: timedelta, call: CallRow, eoi: EoiRow | None
    ) -> set[str]:
        late = _late(call, at, ask.waited) if ask.do in TAKEN_IN | {"extend"} else set[str]()
        version = eoi.version if eoi else call.version
        if ask.do not in MAY:
            return {"unknown-trigger"}
        if ask.version not in (None, version) and not (late and ask.do in TAKEN_IN):
            return {"stale-version"}
        codes = late | _missing(ask)
        codes |= _of_eoi(ask, eoi) if eoi else self._of_call(ask, at, call, settle)
        if ask.do == "draft" and not codes and self._live(call, ask.applicant):
            return {"already-applied"}
        return codes

    def subject(self, ask: Ask) -> tuple[CallRow | None, EoiRow | None]:
        """Return the call, and the EOI where it is one that is meant."""
        if ask.do in OF_A_CALL:
            by_name = {call.reference: call for call in self.calls.values()} | self.calls
            return by_name.get(ask.on), None
        eoi = self.eois.get(ask.on)
        return (eoi.call, eoi) if eoi else (None, None)

    def scope(self, ask: Ask) -> tuple[object, ...]:
        """Return what a key is good for: who, what, and of which subject, however that was named.

        All moves of an EOI are one thing.
        """
        call, eoi = self.subject(ask)
        subject = eoi.id if eoi else call.id if call else ""
        what = "move" if eoi else ask.do
        return ask.who.id, ask.who.organisations, ask.who.on_behalf_of, what, subject, ask.key

    def _of_opening(self, ask: Ask, at: datetime) -> set[str]:
        assert ask.until
        if ask.version not in (None, 0):
            return {"stale-version"}
        codes = _missing(ask) | ({"closing-has-passed"} if ask.until <= at else set())
        taken = any(call.reference == ask.on for call in self.calls.values())
        return codes or ({"reference-taken"} if taken else set())

    def _of_call(self, ask: Ask, at: datetime, call: CallRow, settle: timedelta) -> set[str]:
        codes = set()
        if ask.do == "draft" and ask.applicant not in ask.who.organisations:
            codes.add("not-your-organisation")
        if ask.do == "extend" and ask.until is None:
            codes.add("closes-at-missing")
        if ask.do == "extend" and ask.until and ask.until <= call.closes_at:
            codes.add("closing-not-later")
        if ask.do == "close" and at < call.closes_at + settle:
            begun = any(eoi.call is call for eoi in self.eois.values())
            if "officer" not in ask.who.roles or (begun and at >= call.closes_at):
                codes.add("closing-not-due")
            elif begun:
                codes.add("eois-exist")
        if call.state not in ({"open", "closed"} if ask.do == "cancel" else {"open"}) and ask.do != "draft":
            codes.add("wrong-state")
        return codes

    def _live(self, call: CallRow, applicant: str) -> bool:
        theirs = [eoi for eoi in self.eois.values() if eoi.call is call and eoi.applicant == applicant]
        return any(eoi.state not in ("withdrawn", "cancelled") for eoi in theirs)

    # ---- what a command changes

    def done(self, ask: Ask, at: datetime, now: datetime, answer: Receipt | CallView) -> None:
        """Write down what was done."""
        if ask.key:
            self.kept[self.scope(ask)] = ask, answer
        if ask.do == "open":
            assert ask.until
            assert isinstance(answer, CallView)
            new = CallRow(id=answer.id, reference=ask.on, closes_at=ask.until)
            self.calls[new.id] = new
            return self._record(new, ask, None, at, now)
        call, eoi = self.subject(ask)
        assert call
        if ask.do == "draft":
            assert isinstance(answer, Receipt)
            eoi = EoiRow(id=answer.eoi_id, call=call, applicant=ask.applicant, answer=ask.answer)
            self.eois[eoi.id] = eoi
            return self._record(eoi, ask, None, at, now)
        if eoi is None:
            return self._change_call(ask, call, at, now)
        if ask.do == "save":
            eoi.answer = ask.answer
        if ask.do in ("submit", "reinstate"):
            eoi.submitted_at = at if ask.do == "submit" else eoi.in_flight_at
        if ask.do == "review":
            eoi.reviewed_by, eoi.reviewed_for = ask.who.id, ask.who.on_behalf_of
        if ask.do in ("approve", "decline"):
            eoi.decided_at = at
        return self._move(eoi, LEADS[ask.do][1], ask, at, now)

    def _change_call(self, ask: Ask, call: CallRow, at: datetime, now: datetime) -> None:
        source = call.state
        if ask.do == "extend":
            call.closes_at = ask.until or call.closes_at
        else:
            at = min(at, call.closes_at) if ask.do == "close" else at
            leaves = {"draft"} if ask.do == "close" else {"draft", "submitted", "reviewed"}
            for eoi in self.eois.values():
                if eoi.call is call and eoi.state in leaves:
                    swept = replace(ask, do="lapse" if ask.do == "close" else "cancel")
                    self._move(eoi, "lapsed" if ask.do == "close" else "cancelled", swept, at, now)
            call.state = "closed" if ask.do == "close" else "cancelled"
        if ask.do == "close":
            call.closed_at = now
            call.counts = self.counts(call)
        call.version += 1
        self._record(call, ask, source, at, now)

    def _move(self, eoi: EoiRow, to: str, ask: Ask, at: datetime, now: datetime) -> None:
        source, eoi.state, eoi.version = eoi.state, to, eoi.version + 1
        self._record(eoi, ask, source, at, now)

    def _record(
        self, row: CallRow | EoiRow, ask: Ask, source: str | None, at: datetime, now: datetime
    ) -> None:
        who = (ask.who.id, ask.who.on_behalf_of, ask.who.via)
        self.history.append(
            (row.id, row.version, ask.do, source, row.state, *who, _text(at), _text(now), ask.why)
        )

    def refused(self, ask: Ask, at: datetime, codes: set[str], first: str) -> None:
        """Keep what was tried, where it is known on what."""
        call, eoi = self.subject(ask)
        if call is None or not ask.who.roles:
            return
        key = (eoi.id if eoi else call.id, ask.who.id, ask.who.on_behalf_of or "", ask.do, first)
        came = at - ask.waited
        count, earliest, latest = self.attempts.get(key, (0, came, at))
        self.attempts[key] = count + 1, min(earliest, came), max(latest, at)
        # Only what nothing but the close stood in the way of, by which the draft has lapsed, or will have.
        # Where the close overtook what was being refused, that saw a draft, and so no wrong state.
        alone = [{"closed-in-flight"}, {"closed-in-flight", "wrong-state"}]
        ways = {"draft": alone[:1], "lapsed": alone}
        if eoi and ask.do == "submit" and codes in ways.get(eoi.state, []):
            eoi.in_flight_at = min(came, eoi.in_flight_at or came)

    def answer_to(self, ask: Ask) -> Receipt | CallView:
        """Return what was answered under its key."""
        return self.kept[self.scope(ask)][1]

    def counts(self, call: CallRow) -> dict[str, int]:
        """Return the call's EOIs by state, now."""
        return dict(Counter(eoi.state for eoi in self.eois.values() if eoi.call is call))

    def due(self, now: datetime, settle: timedelta) -> list[CallRow]:
        """Return the calls that a sweep must close, in its order."""
        due = [c for c in self.calls.values() if c.state == "open" and now >= c.closes_at + settle]
        return sorted(due, key=lambda call: (call.closes_at, call.id))

    # ---- the rows that must be there

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Return the database as it must be."""
        return {
            "calls": sorted(
                (
                    c.id,
                    c.reference,
                    c.state,
                    c.version,
                    _text(c.closes_at),
                    _text(c.closed_at),
                    _json(c.counts),
                )
                for c in self.calls.values()
            ),
            "eois": sorted(
                (
                    *(e.id, e.call.id, e.applicant, e.state, e.version, _text(e.submitted_at)),
                    *(_text(e.decided_at), e.reviewed_by, e.reviewed_for, _manifest(e.answer)),
                )
                for e in self.eois.values()
            ),
            "history": sorted(self.history, key=lambda row: row[:2]),
            "attempts": sorted(
                (*key, count, _text(first), _text(last))
                for key, (count, first, last) in self.attempts.items()
            ),
            "keys": [(len(self.kept),)],
        }


ROWS: Final = {
    "calls": (
        "SELECT id, reference, state, version, closes_at, closed_at, counts_at_close "
        "FROM eoi_call ORDER BY id"
    ),
    "eois": (
        "SELECT id, call_id, applicant, state, version, submitted_at, decided_at, reviewed_by, "
        "reviewed_on_behalf_of, (SELECT manifest FROM eoi_revision r WHERE r.eoi_id = e.id "
        "ORDER BY r.version DESC LIMIT 1) FROM eoi_eoi e ORDER BY id"
    ),
    "history": (
        "SELECT h.subject_id, h.seq, trigger, source, target, actor, on_behalf_of, via, at, recorded_at, "
        "reason FROM eoi_history h LEFT JOIN eoi_note n ON n.subject_id = h.subject_id AND n.seq = h.seq "
        "ORDER BY 1, 2"
    ),
    "attempts": (
        "SELECT subject_id, actor, on_behalf_of, trigger, code, count, first_at, last_at "
        "FROM eoi_attempt ORDER BY 1, 2, 3, 4, 5"
    ),
    "keys": "SELECT count(*) FROM eoi_key",
}


def _late(call: CallRow, at: datetime, waited: timedelta) -> set[str]:
    if call.state == "open" and at < call.closes_at:
        return set()
    if call.state == "cancelled":
        return {"call-cancelled"}
    closed_early = call.closed_at is not None and call.closed_at < call.closes_at
    perhaps_in_time = at - waited < call.closes_at
    return {"closed-in-flight"} if perhaps_in_time and not closed_early else {"call-closed"}


def _missing(ask: Ask) -> set[str]:
    codes = set() if MAY[ask.do] & ask.who.roles else {"role-missing"}
    return codes | ({"reason-missing"} if ask.do in WITH_REASON and not ask.why else set())


def _of_eoi(ask: Ask, eoi: EoiRow) -> set[str]:
    codes = set()
    if ask.do in FOR_OWN and eoi.applicant not in ask.who.organisations:
        codes.add("not-your-organisation")
    if ask.do in ("review", "reinstate", "lapse") and eoi.call.state != "closed":
        codes.add("call-still-open" if eoi.call.state == "open" else "call-cancelled")
    if ask.do in ("approve", "decline") and eoi.reviewed_by and _is_the_reviewer(ask.who, eoi):
        codes.add("reviewed-by-you")
    if ask.do == "reinstate" and eoi.in_flight_at is None:
        codes.add("not-in-flight")
    if eoi.state not in LEADS[ask.do][0]:
        codes.add("wrong-state")
    return codes


def _is_the_reviewer(who: Actor, eoi: EoiRow) -> bool:
    through_one_service = who.id == eoi.reviewed_by and None not in (who.on_behalf_of, eoi.reviewed_for)
    if through_one_service:
        return who.on_behalf_of == eoi.reviewed_for
    return bool({eoi.reviewed_by, eoi.reviewed_for} & {who.id, who.on_behalf_of} - {None})


def _sees(who: Actor, eoi: EoiRow) -> bool:
    return bool(who.roles & _STAFF) or ("applicant" in who.roles and eoi.applicant in who.organisations)


def _same_request(one: Ask, other: Ask) -> bool:
    same_subject = other.on if one.do in OF_A_CALL else one.on
    one = replace(one, who=other.who, on=same_subject, waited=other.waited)
    return replace(one, reason=one.why) == replace(other, reason=other.why)


def _manifest(answer: int) -> str:
    return f'{{"answers":{{"places":{answer}}}}}'


def _json(counts: dict[str, int] | None) -> str | None:
    return None if counts is None else json.dumps(counts, sort_keys=True)


def _text(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S.%f}"
