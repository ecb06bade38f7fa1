"""EOIs over HTTP, and the past of EOIs and calls. Needs the calls: an EOI is begun on one."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, Unpack

from adapters.client.asking import at, given
from adapters.client.calls import Calls
from adapters.client.conditions import refuse_terms
from adapters.client.documents import read
from adapters.client.errors import NeedsDatabase
from adapters.documents import document
from states.names import EoiTrigger
from workflow import Actor, AttemptView, EoiView, HistoryView, NotFound, Option, Page, Receipt
from workflow.engine import Terms
from workflow.ids import existing_id, is_id, shown
from workflow.inputs import aware, data_of, reason_in, reason_or_none, trigger_word
from workflow.manifest import manifest_of

R = TypeVar("R")


class Eois(Calls):
    """The part of the engine's face that is EOIs."""

    def draft(
        self,
        call_id: str,
        *,
        answers: Mapping[str, Any],
        actor: Actor | None = None,
        applicant: str | None = None,
        applicant_name: str | None = None,
        **terms: Unpack[Terms],
    ) -> Receipt:
        """Begin an EOI. Applicant.

        Raises:
            NeedsDatabase: with an `expected_version`: over HTTP what is new is of no version.
        """
        refuse_terms(terms)
        if terms.get("expected_version") is not None:
            msg = (
                "A server begins a draft on a call as it stands: leave the version out, or use the database."
            )
            raise NeedsDatabase(msg)
        manifest_of(answers)
        body = given(answers=dict(answers), applicant=applicant, applicant_name=applicant_name)
        path = at("calls", self._id_of(call_id, actor), "eois")
        return read(Receipt, self._keyed("POST", path, body, actor=actor, terms=terms))

    def save(
        self, eoi_id: str, *, answers: Mapping[str, Any], actor: Actor | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Replace a draft's answers, all of them. Applicant."""
        refuse_terms(terms)
        manifest_of(answers)
        path = at("eois", existing_id(eoi_id), "answers")
        body = {"answers": dict(answers)}
        return read(Receipt, self._keyed("PUT", path, body, actor=actor, terms=terms))

    def fire(
        self,
        eoi_id: str,
        trigger: str,
        *,
        actor: Actor | None = None,
        reason: str | None = None,
        data: Mapping[str, Any] | None = None,
        **terms: Unpack[Terms],
    ) -> Receipt:
        """Make a move of the lifecycle: submit, review, approve, decline, withdraw, reinstate."""
        refuse_terms(terms)
        said = data_of(data)
        why = reason_or_none(reason_in(reason, said))
        answers = said.get("answers")
        if answers is not None:
            manifest_of(answers)
        body = given(trigger=trigger_word(trigger), reason=why, data=given(answers=answers) or None)
        path = at("eois", existing_id(eoi_id), "transitions")
        return read(Receipt, self._keyed("POST", path, body, actor=actor, terms=terms))

    def submit(
        self, eoi_id: str, *, actor: Actor | None = None, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Hand it in: `fire(eoi_id, "submit", …)`."""
        return self.fire(eoi_id, EoiTrigger.SUBMIT, actor=actor, reason=reason, **terms)

    def review(
        self, eoi_id: str, *, actor: Actor | None = None, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Record that it was assessed: `fire(eoi_id, "review", …)`."""
        return self.fire(eoi_id, EoiTrigger.REVIEW, actor=actor, reason=reason, **terms)

    def approve(
        self, eoi_id: str, *, actor: Actor | None = None, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Select it, with a reason: `fire(eoi_id, "approve", …)`."""
        return self.fire(eoi_id, EoiTrigger.APPROVE, actor=actor, reason=reason, **terms)

    def decline(
        self, eoi_id: str, *, actor: Actor | None = None, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Do not select it, with a reason: `fire(eoi_id, "decline", …)`."""
        return self.fire(eoi_id, EoiTrigger.DECLINE, actor=actor, reason=reason, **terms)

    def withdraw(
        self, eoi_id: str, *, actor: Actor | None = None, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Take it back: `fire(eoi_id, "withdraw", …)`."""
        return self.fire(eoi_id, EoiTrigger.WITHDRAW, actor=actor, reason=reason, **terms)

    def allowed(self, eoi_id: str, actor: Actor | None = None, *, at: datetime | None = None) -> list[Option]:
        """Return every trigger that leaves its present state: ok, or with what stands in the way."""
        return self._every(Option, _eoi(eoi_id, "options"), _as_of(at), actor=actor)

    def explain(
        self,
        eoi_id: str,
        trigger: str,
        actor: Actor | None = None,
        *,
        data: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> Option:
        """Return whether `trigger` could be fired now, or at another instant; changes nothing."""
        body = given(trigger=trigger_word(trigger), reason=reason_or_none(data_of(data).get("reason")))
        path = _eoi(eoi_id, "options")
        body |= _as_of(at)
        return self._plain(Option, "POST", path, body, actor=actor, repeatable=True)

    def get(self, eoi_id: str, *, actor: Actor | None = None) -> EoiView:
        """Return an EOI with its answers."""
        return self._get(EoiView, _eoi(eoi_id), actor=actor)

    def find(
        self,
        *,
        call: str | None = None,
        state: str | None = None,
        applicant: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[EoiView]:
        """Return a page of EOIs, the oldest first; give its `next` as `after` for the next page."""
        query = {"call": call, "state": state, "applicant": applicant}
        return self._page(EoiView, "/eois", query, after=after, limit=limit, actor=actor)

    # ---- the past

    def history(self, eoi_or_call_id: str, *, actor: Actor | None = None) -> list[HistoryView]:
        """Return every change of an EOI or a call, the first one first."""
        return self._of(
            eoi_or_call_id,
            actor,
            eoi=lambda eoi: self._whole(HistoryView, at("eois", eoi, "transitions"), actor=actor),
            call=lambda call: self._whole(HistoryView, at("calls", call, "history"), actor=actor),
        )

    def attempts(self, eoi_or_call_id: str, *, actor: Actor | None = None) -> list[AttemptView]:
        """Return what was tried and refused on an EOI, or on a call and all its EOIs."""
        return self._of(
            eoi_or_call_id,
            actor,
            eoi=lambda eoi: self._whole(AttemptView, at("eois", eoi, "attempts"), actor=actor),
            call=lambda call: self._whole(AttemptView, at("calls", call, "attempts"), actor=actor),
        )

    def find_history(
        self, eoi_or_call_id: str, *, after: str | None = None, limit: int = 50, actor: Actor | None = None
    ) -> Page[HistoryView]:
        """Return a page of `history`; give its `next` as `after` for the next page."""
        return self._of(
            eoi_or_call_id,
            actor,
            eoi=lambda eoi: self._page(
                HistoryView, at("eois", eoi, "transitions"), {}, after=after, limit=limit, actor=actor
            ),
            call=lambda call: self._page(
                HistoryView, at("calls", call, "history"), {}, after=after, limit=limit, actor=actor
            ),
        )

    def find_attempts(
        self, eoi_or_call_id: str, *, after: str | None = None, limit: int = 50, actor: Actor | None = None
    ) -> Page[AttemptView]:
        """Return a page of `attempts`; give its `next` as `after` for the next page."""
        return self._of(
            eoi_or_call_id,
            actor,
            eoi=lambda eoi: self._page(
                AttemptView, at("eois", eoi, "attempts"), {}, after=after, limit=limit, actor=actor
            ),
            call=lambda call: self._page(
                AttemptView, at("calls", call, "attempts"), {}, after=after, limit=limit, actor=actor
            ),
        )

    def _of(
        self, eoi_or_call: str, actor: Actor | None, *, eoi: Callable[[str], R], call: Callable[[str], R]
    ) -> R:
        """Ask of an EOI; where there is none with that id, of a call."""
        try:
            if is_id(eoi_or_call):
                return eoi(eoi_or_call)
        except NotFound:
            pass
        try:
            return call(self._id_of(eoi_or_call, actor))
        except NotFound:
            msg = f"There is no EOI or call {shown(eoi_or_call)}."
            raise NotFound(msg) from None


def _as_of(instant: datetime | None) -> dict[str, str]:
    return {} if instant is None else {"at": document(aware(instant, field="at"))}


def _eoi(eoi_id: str, *parts: str) -> str:
    return at("eois", existing_id(eoi_id), *parts)
