"""A row that is a move of an EOI: approve, decline, review, and whatever else a person may fire."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from adapters.bulk.columns import Columns, refuse_row
from adapters.bulk.face import Face
from adapters.bulk.faults import Faults
from adapters.bulk.keys import key_of
from adapters.bulk.of_call import EoisOfCall, Known
from adapters.bulk.results import Outcome, Status
from adapters.inbound.table_file import Row
from adapters.outbound.export.columns import ANSWERS
from states.errors import EoiError, Refused
from states.facts import Actor
from states.names import STEPPED_ASIDE, EoiTrigger
from states.text import plain_id
from workflow import NotFound, Option, StaleVersion
from workflow.ids import existing_id
from workflow.inputs import GREATEST, reason_or_none, whole_number

#: Spelling of a column -> what stands in it. What `eoi export` calls `id` is an EOI's.
_KNOWN: Final = {
    "eoi": "eoi",
    "eoi_id": "eoi",
    "id": "eoi",
    "applicant": "applicant",
    "call": "call",
    "trigger": "trigger",
    "decision": "trigger",
    "reason": "reason",
    "expected_version": "expected_version",
}
#: What people write -> the word of the move.
_WORDS: Final = {
    **{word: word for word in ("submit", "review", "approve", "decline", "withdraw", "reinstate")},
    "submitted": "submit",
    "reviewed": "review",
    "approved": "approve",
    "declined": "decline",
    "withdrawn": "withdraw",
    "reinstated": "reinstate",
}
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A move that a row asks for."""

    #: The EOI's id; empty: the one of `applicant` for `call`.
    eoi: str
    applicant: str
    call: str
    trigger: str
    reason: str | None = field(default=None, repr=False)
    expected_version: int | None = None

    @property
    def subject(self) -> str:
        """Which EOI, and what of it: of approve and decline there can be one."""
        which = (self.eoi,) if self.eoi else (self.call, self.applicant)
        decides = self.trigger in {EoiTrigger.APPROVE, EoiTrigger.DECLINE}
        return "\n".join([*which, "decide" if decides else self.trigger])

    @property
    def key(self) -> str:
        """The digest of all that it says."""
        return key_of(
            ["move", self.eoi, self.applicant, self.call, self.trigger, self.reason, self.expected_version]
        )


class Decisions:
    """Rows that are moves of EOIs."""

    def __init__(
        self, engine: Face, actor: Actor, columns: Sequence[str], *, call: str | None = None
    ) -> None:
        """Find the columns.

        Args:
            engine: whose EOIs they are.
            actor: who decides.
            columns: the table's first row; columns that are not known are passed over, and named by `unread`.
            call: the call that all rows are about; None: as each row says.

        Raises:
            BadTable: a column is missing, or there twice.
        """
        self._engine, self._actor, self._call = engine, actor, call or ""
        self._columns = Columns(columns, _KNOWN)
        self._columns.require("eoi", "applicant")
        self._columns.require("trigger")
        #: The columns that nothing is read from.
        self.unread: tuple[str, ...] = tuple(
            name for name in self._columns.rest if not name.startswith(f"{ANSWERS}.")
        )
        self._call_ids: dict[str, str] = {}
        self._eois = EoisOfCall(engine, actor)
        self._moved: set[int] = set()

    def begin(self) -> None:
        """Find the call, where one is named for all.

        Raises:
            NotFound: there is none.
        """
        self._moved.clear()
        self._eois = EoisOfCall(self._engine, self._actor)
        if self._call:
            self._id_of(self._call)

    def read(self, row: Row) -> Decision:
        """Return the move that a row asks for.

        Raises:
            BadInput: with every fault of the row.
        """
        self._columns.check(row)
        text, faults = self._columns.text, Faults()
        eoi, applicant = text(row, "eoi"), text(row, "applicant")
        faults.tried(lambda: _require(eoi or applicant, "which EOI it is about", field="eoi"))
        applicant = faults.tried(lambda: applicant and plain_id(applicant, field="applicant")) or ""
        trigger = faults.tried(lambda: _trigger(text(row, "trigger"))) or ""
        reason = faults.tried(lambda: reason_or_none(text(row, "reason")))
        version = faults.tried(lambda: _version(text(row, "expected_version")))
        call = text(row, "call") or self._call
        faults.tried(lambda: _require(eoi or call, "of which call", field="call"))
        faults.tell()
        return Decision(
            eoi=eoi, applicant=applicant, call=call, trigger=trigger, reason=reason, expected_version=version
        )

    def foresee(self, order: Decision) -> Outcome:
        """Return what would come of it; one that follows another move of its EOI is taken as it is.

        Raises:
            EoiError: it would be refused.
        """
        there = self._there(order)
        self._require_as_named(there, order)
        follows, fresh = hash(there.id) in self._moved, self._explained(there, order)
        self._moved.add(hash(there.id))
        if fresh.ok or follows:
            return self._would(there, order, fresh, follows=follows)
        if self._was_done(there.id, order):
            return Outcome(Status.ALREADY, there.id)
        raise Refused.because(fresh.reasons, eoi_id=there.id)

    def carry_out(self, order: Decision) -> Outcome:
        """Make the move; what was done already, alike and by the same actor, stays as it is.

        Raises:
            EoiError: it was refused.
        """
        eoi_id = order.eoi or _one(self._eois_for(order).now_of(order.applicant), order).id
        try:
            receipt = self._engine.fire(
                eoi_id,
                order.trigger,
                actor=self._actor,
                reason=order.reason,
                expected_version=order.expected_version,
                idempotency_key=order.key,
            )
        except (Refused, StaleVersion):
            if not self._was_done(eoi_id, order):
                raise
            return Outcome(Status.ALREADY, eoi_id)
        return Outcome(Status.ALREADY if receipt.replayed else Status.MADE, eoi_id)

    def ends_all(self, error: EoiError) -> bool:
        """Return whether it holds for who asks; one row may need another role than the next."""
        return error.code == "role-missing" and not self._actor.roles

    def _there(self, order: Decision) -> Known:
        """Return the EOI that a row is about.

        Raises:
            NotFound: there is none, or several.
        """
        eois = self._eois_for(order)
        if order.eoi:
            return eois.one(existing_id(order.eoi), will_do=lambda each: _fits([each], order))
        return _one(eois.of(order.applicant, will_do=lambda found: _fits(_standing(found), order)), order)

    def _eois_for(self, order: Decision) -> EoisOfCall:
        """Return the EOIs of a row's call: those of the row before, if it is the same call."""
        call_id = self._id_of(order.call) if order.call else ""
        if call_id != self._eois.call_id:
            self._eois = EoisOfCall(self._engine, self._actor, call_id)
        return self._eois

    def _require_as_named(self, there: Known, order: Decision) -> None:
        """Pass only where id, applicant and call belong together: one column may have been sorted alone."""
        if order.applicant and there.applicant != order.applicant:
            refuse_row(f"The EOI is of {there.applicant}, and not of {order.applicant}.", field="applicant")
        for call in filter(None, {order.call, self._call}):
            if there.call_id != self._id_of(call):
                refuse_row(f"The EOI is of another call than {call}.", field="call")

    def _id_of(self, call: str) -> str:
        if call not in self._call_ids:
            self._call_ids[call] = self._engine.call(call, actor=self._actor).id
        return self._call_ids[call]

    def _explained(self, there: Known, order: Decision) -> Option:
        data = None if order.reason is None else {"reason": order.reason}
        return self._engine.explain(there.id, order.trigger, self._actor, data=data)

    def _would(self, there: Known, order: Decision, option: Option, *, follows: bool) -> Outcome:
        if option.needs and order.reason is None:
            refuse_row(f"To {order.trigger} it takes a reason.", field="reason")
        if order.expected_version not in (None, there.version) and not follows:
            msg = f"It is at version {there.version}, and no longer at {order.expected_version}."
            raise StaleVersion(msg, eoi_id=there.id)
        return Outcome(Status.WOULD, there.id)

    def _was_done(self, eoi_id: str, order: Decision) -> bool:
        """Return whether the same actor made the same move for the same reason, however long ago."""
        asked = (order.trigger, order.reason, self._actor.id, self._actor.on_behalf_of)
        return any(
            (each.trigger, each.reason, each.actor, each.on_behalf_of) == asked
            for each in self._engine.history(eoi_id, actor=self._actor)
        )


def _one(found: Sequence[Known], order: Decision) -> Known:
    standing = _standing(found)
    if len(standing) != 1:
        msg = f"{order.applicant} has {len(standing) or 'no'} EOI{'s' * bool(standing)} for {order.call}."
        raise NotFound(msg)
    return standing[0]


def _standing(found: Sequence[Known]) -> Sequence[Known]:
    return [each for each in found if each.state not in STEPPED_ASIDE] or found


def _fits(standing: Sequence[Known], order: Decision) -> bool:
    """Return whether it is one EOI, at the version that was decided on."""
    return len(standing) == 1 and order.expected_version in (None, standing[0].version)


def _trigger(text: str) -> str:
    _require(text, "what is decided", field="trigger")
    word = _WORDS.get(text.casefold())
    if word is None:
        refuse_row(
            f"What is decided must be one of: {', '.join(dict.fromkeys(_WORDS.values()))}.", field="trigger"
        )
    return word


def _version(text: str) -> int | None:
    if not text:
        return None
    number = int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else -1
    return whole_number(number, field="expected_version", greatest=GREATEST)


def _require(text: str, what: str, *, field: str) -> None:
    if not text:
        refuse_row(f"It does not say {what}.", field=field)
