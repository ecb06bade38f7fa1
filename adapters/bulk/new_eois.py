"""A row that is a new EOI: who applies, and the answers, each in a column of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from adapters.bulk.columns import BadRow, Columns, in_words, refuse_row, refuse_table
from adapters.bulk.face import Face
from adapters.bulk.faults import Faults
from adapters.bulk.keys import key_of
from adapters.bulk.of_call import EoisOfCall, Known
from adapters.bulk.results import Outcome, Status
from adapters.inbound.answers import json_value
from adapters.inbound.school_register import URN_PREFIX, School, SchoolRegister, is_urn
from adapters.inbound.table_file import Row
from states.access import not_for, require_role
from states.errors import BadInput, EoiError, Refusal, Refused
from states.facts import Actor
from states.names import STEPPED_ASIDE, CallState, EoiState, EoiTrigger, Role
from states.text import plain_id
from workflow import AlreadyApplied, Receipt, StaleVersion
from workflow.inputs import LINE, name_or_none
from workflow.manifest import manifest_of

#: Before the names of columns that are answers; where none begins so, all are that are not known.
ANSWERS: Final = "answers."

_KNOWN: Final = {
    "applicant": "applicant",
    "applicant_name": "applicant_name",
    "urn": "urn",
}
#: The code of a row whose school has closed, which hinders nothing.
SCHOOL_CLOSED: Final = "school-closed"
_FOR_ALL: Final = {"role-missing", "call-closed", "call-cancelled", "call-not-open"}


class UnknownSchool(BadRow):
    """The register has no such school."""

    code = "unknown-school"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEoi:
    """An EOI that a row asks for."""

    applicant: str
    #: As the row says, else as the register does.
    applicant_name: str | None
    answers: Mapping[str, Any] = field(repr=False)
    #: Of the answers, as the engine takes it.
    digest: str
    #: Whether the row says the name itself.
    named: bool
    #: The register has it as closed.
    closed_school: bool = False

    @property
    def subject(self) -> str:
        """Who applies."""
        return self.applicant

    @property
    def key(self) -> str:
        """The digest of all that it says."""
        return key_of(["eoi", self.applicant, self.applicant_name, self.digest])


@dataclass(frozen=True, slots=True, kw_only=True)
class EoiOptions:
    """How rows become EOIs."""

    #: The call's id, or its reference.
    call: str
    #: Whether each is handed in as well.
    submit: bool = False
    #: Whether it is done on behalf of each applicant; what an officer does always is.
    on_behalf: bool = False
    #: Schools are looked up in it; None: their ids are taken as they are.
    register: SchoolRegister | None = None
    #: Columns whose cells are JSON: 18, true, ["a", "b"]; those of every other one are texts.
    as_json: Sequence[str] = ()
    #: Columns that are passed over.
    ignored: Sequence[str] = ()


class NewEois:
    """Rows that are new EOIs of one call."""

    def __init__(self, engine: Face, actor: Actor, columns: Sequence[str], options: EoiOptions) -> None:
        """Find the columns.

        Raises:
            BadTable: one is missing, twice, or neither known nor an answer.
        """
        self._engine, self._actor, self._options = engine, actor, options
        self._columns = Columns(columns, _KNOWN, ignored=options.ignored)
        self._columns.require("applicant", "urn")
        if "applicant" in self._columns and "urn" in self._columns:
            refuse_table("There are columns applicant and URN: leave one out, or say which one to ignore.")
        #: Name of an answer -> the place of its column.
        self.answers = _answers(self._columns.rest)
        self._answer_at = {place: name for name, place in self.answers.items()}
        self._as_json = frozenset(map(_answer_of, options.as_json))
        if absent := self._as_json - self.answers.keys():
            refuse_table(f"There is no answer {min(absent)!r} to be read as JSON.")
        self._eois = EoisOfCall(engine, actor)

    def begin(self) -> None:
        """Find the call.

        Raises:
            NotFound: there is none.
            Refused: it takes no EOIs.
        """
        call = self._engine.call(self._options.call, actor=self._actor)
        self._eois = EoisOfCall(self._engine, self._actor, call.id)
        if call.state != CallState.OPEN:
            code = "call-cancelled" if call.state == CallState.CANCELLED else "call-closed"
            message = f"The call {call.reference} is {call.state}, and takes no more EOIs."
            raise Refused.because([Refusal(code, message, until=call.closed_at)], call_id=call.id)

    def read(self, row: Row) -> NewEoi:
        """Return the EOI that a row asks for.

        Raises:
            BadInput: with every fault of the row.
        """
        self._columns.check(row)
        faults = Faults()
        applicant = faults.tried(lambda: self._applicant(row)) or ""
        school = faults.tried(lambda: self._school(applicant))
        named = faults.tried(lambda: _name(self._columns.text(row, "applicant_name")))
        answers = faults.tried(lambda: self._answers(row)) or {}
        digest = faults.tried(lambda: manifest_of(answers).digest) or ""
        faults.tell()
        return NewEoi(
            applicant=applicant,
            applicant_name=named or (school.name if school else None),
            answers=answers,
            digest=digest,
            named=named is not None,
            closed_school=school is not None and school.closed,
        )

    def foresee(self, order: NewEoi) -> Outcome:
        """Return what would come of it.

        Raises:
            AlreadyApplied: the applicant has an EOI with other content.
            Refused: it is not whoever asks who applies for that organisation.
        """
        there = _standing(self._eois.of(order.applicant, will_do=lambda found: _lets_pass(found, order)))
        if there is None:
            self._require_may_apply(order.applicant)
            return self._noted(order, Status.WOULD, None)
        if not _same(there, order):
            msg = (
                f"{order.applicant} has an EOI for this call already, {there.id}, and it says something else."
            )
            raise AlreadyApplied(msg, eoi_id=there.id, call_id=there.call_id)
        if self._is_done(there):
            return self._noted(order, Status.ALREADY, there.id)
        self._require_may_apply(order.applicant)
        return self._noted(order, Status.WOULD, there.id)

    def carry_out(self, order: NewEoi) -> Outcome:
        """Draft it, and hand it in where that is asked; what says the same already stays as it is.

        Raises:
            EoiError: it was refused.
        """
        try:
            made = self._drafted(order)
            receipts = [made, self._submitted(order, made)] if self._options.submit else [made]
        except (AlreadyApplied, StaleVersion, Refused):
            there = _standing(self._eois.now_of(order.applicant))
            if there is None or not _same(there, order) or not self._is_done(there):
                raise
            return self._noted(order, Status.ALREADY, there.id)
        done_before = all(receipt.replayed for receipt in receipts)
        return self._noted(order, Status.ALREADY if done_before else Status.MADE, made.eoi_id)

    def ends_all(self, error: EoiError) -> bool:
        """Return whether it holds for the call, or for who asks."""
        return error.code in _FOR_ALL

    # ---- reading

    def _applicant(self, row: Row) -> str:
        if "urn" in self._columns:
            return _organisation(self._columns.text(row, "urn"))
        return plain_id(self._columns.text(row, "applicant"), field="applicant")

    def _school(self, applicant: str) -> School | None:
        register = self._options.register
        if register is None or not register.speaks_of(applicant):
            return None
        school = register.school(applicant)
        if school is None:
            spelt = "" if applicant.startswith(URN_PREFIX) else " A school's id is spelt URN:121234."
            msg = f"The register has no school {applicant}.{spelt}"
            raise UnknownSchool(msg, field="applicant")
        return school

    def _answers(self, row: Row) -> dict[str, Any]:
        """Return what stands in the row's cells: no more work than those, however many columns there are."""
        named = ((self._answer_at.get(place), place) for place in range(len(row.cells)))
        cells = [(name, self._columns.at(row, place)) for name, place in named if name is not None]
        return {name: self._answer(name, cell) for name, cell in cells if cell}

    def _answer(self, name: str, cell: str) -> object:
        if name not in self._as_json:
            return cell
        try:
            return json_value(cell)
        except BadInput:
            return refuse_row(f"What stands in the column {name!r} is not JSON.", field=name)

    # ---- carrying out

    def _drafted(self, order: NewEoi) -> Receipt:
        return self._engine.draft(
            self._eois.call_id,
            answers=order.answers,
            actor=self._acting_for(order.applicant),
            applicant=order.applicant,
            applicant_name=order.applicant_name,
            idempotency_key=order.key,
        )

    def _submitted(self, order: NewEoi, made: Receipt) -> Receipt:
        """Hand in what was drafted, and nothing that somebody has changed since."""
        return self._engine.fire(
            made.eoi_id,
            EoiTrigger.SUBMIT,
            actor=self._acting_for(order.applicant),
            expected_version=made.version,
            idempotency_key=order.key,
        )

    def _acting_for(self, applicant: str) -> Actor:
        """Return who asks; an officer asks on behalf of whom the row is about."""
        actor = self._actor
        own = applicant in actor.organisations or actor.on_behalf_of is not None
        officer = Role.OFFICER in actor.roles or self._options.on_behalf
        return replace(actor, on_behalf_of=applicant) if officer and not own else actor

    def _require_may_apply(self, applicant: str) -> None:
        """Pass only who may apply for it; of whom nothing is known here, the server knows it by the key."""
        actor = self._acting_for(applicant)
        if actor.roles:
            require_role(actor, {Role.APPLICANT}, to="draft")
            if (refusal := not_for(actor, applicant)) is not None:
                raise Refused.because([refusal])

    def _is_done(self, there: Known) -> bool:
        return there.state != EoiState.DRAFT or not self._options.submit

    def _noted(self, order: NewEoi, status: Status, eoi: str | None) -> Outcome:
        if not order.closed_school:
            return Outcome(status, eoi)
        return Outcome(status, eoi, SCHOOL_CLOSED, f"By the register {order.applicant} has closed.")


def _same(there: Known, order: NewEoi) -> bool:
    return there.digest == order.digest and (not order.named or there.applicant_name == order.applicant_name)


def _lets_pass(found: Sequence[Known], order: NewEoi) -> bool:
    there = _standing(found)
    return there is None or _same(there, order)


def _standing(found: Sequence[Known]) -> Known | None:
    """Return the EOI that stands in the way of another one of that applicant's."""
    return next((each for each in reversed(found) if each.state not in STEPPED_ASIDE), None)


def _organisation(urn: str) -> str:
    digits = urn.removeprefix(URN_PREFIX)
    if not is_urn(digits):
        refuse_row("Its URN is not one of six digits.", field="URN")
    return f"{URN_PREFIX}{digits}"


def _name(text: str) -> str | None:
    return name_or_none(text or None, field="applicant_name", longest=LINE)


def _answers(rest: Mapping[str, int]) -> dict[str, int]:
    """Return which columns are answers: those that say so; where none does, all that are not known."""
    said = [(_answer_of(name), place) for name, place in rest.items() if _is_answer(name)]
    if not said:
        return dict(rest)
    if others := [name for name in rest if not _is_answer(name)]:
        refuse_table(
            f"It is not said what these columns are for: {in_words(others)}. Name them answers.…, or "
            "ignore them."
        )
    answers = dict(said)
    if "" in answers or len(answers) < len(said):
        refuse_table("Two columns are of one answer, or one is named answers. and no more.")
    return answers


def _is_answer(name: str) -> bool:
    return name[: len(ANSWERS)].casefold() == ANSWERS


def _answer_of(name: str) -> str:
    return name[len(ANSWERS) :].strip() if _is_answer(name) else name
