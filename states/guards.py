"""Named predicates: facts in, a `Refusal` or `None` out.

A guard's name is a sentence that must be true for a move to happen. The first line of its
docstring says the same to a programme officer: docs/lifecycle.md prints it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from states.access import not_for
from states.deadlines import deadline_in_words, moment_in_words
from states.errors import Refusal
from states.facts import BY_HTTP, CallFacts, EoiFacts, Facts
from states.names import NOT_YET, CallState, Role

#: What every guard looks like.
Guard = Callable[[Facts], Refusal | None]

_STILL_LET_THROUGH: Final = "what arrived before it is still being let through."


def call_is_open(facts: Facts) -> Refusal | None:
    """The call is open, and this arrived before the first instant that is too late."""
    call = facts.call
    if call.state == CallState.OPEN and facts.now < call.closes_at:
        return None
    if call.state == CallState.CANCELLED:
        return Refusal("call-cancelled", "The call was cancelled; it takes no more.")
    if call.state == NOT_YET:
        return Refusal("call-not-open", "The call is not open yet.")
    if call.closed_at is not None and call.closed_at < call.closes_at:
        when = moment_in_words(call.closed_at, call.timezone)
        return Refusal("call-closed", f"The call was closed early, at {when}.", until=call.closed_at)
    return _closed_in_flight(facts) if facts.earliest < call.closes_at else _late(facts)


def _closed_in_flight(facts: Facts) -> Refusal:
    """Return what is said to what arrived in time, or may have, when the call takes no more."""
    call = facts.call
    seen = moment_in_words(facts.now, call.timezone)
    if facts.now < call.closes_at:
        message = f"This arrived in time, at {seen}, but the call was closed before it got through the queue."
    else:
        closing = deadline_in_words(call.closes_at, call.timezone)
        message = f"The call closed at {closing}; this was seen at {seen}, and may have been there in time."
    if facts.eoi is not None:
        message += (
            " The attempt is on record, and an officer can reinstate a submission that was overtaken "
            f"like this: write to {_whom_to_ask(call)}."
        )
    return Refusal("closed-in-flight", message, until=call.closes_at)


def _late(facts: Facts) -> Refusal:
    call = facts.call
    closing = deadline_in_words(call.closes_at, call.timezone)
    arrival = moment_in_words(facts.now, call.timezone)
    message = f"The call closed at {closing}; this arrived at {arrival}."
    if facts.eoi is not None:
        message += (
            f" If the council is to look at it all the same, write to {_whom_to_ask(call)} "
            "and say what stood in the way. The attempt is on record."
        )
    return Refusal("call-closed", message, until=call.closes_at)


def _whom_to_ask(call: CallFacts) -> str:
    return "the contact named in the call" if call.contact is None else f"the call's contact ({call.contact})"


def call_has_closed(facts: Facts) -> Refusal | None:
    """The call has closed: nobody may still submit."""
    call = facts.call
    if call.state == CallState.CLOSED:
        return None
    if call.state == CallState.CANCELLED:
        return Refusal("call-cancelled", "The call was cancelled.")
    closing = deadline_in_words(call.closes_at, call.timezone)
    if facts.now < call.closes_at:
        return Refusal("call-still-open", f"The call is open until {closing}.", until=call.settles_at)
    message = f"The call's deadline was {closing}; {_STILL_LET_THROUGH}"
    return Refusal("call-still-open", message, until=call.settles_at)


def call_was_cancelled(facts: Facts) -> Refusal | None:
    """The whole call was cancelled: an EOI is never cancelled alone."""
    if facts.call.state == CallState.CANCELLED:
        return None
    return Refusal("call-not-cancelled", "An EOI is cancelled only with its whole call.")


def opening_is_not_ahead(facts: Facts) -> Refusal | None:
    """The opening is not ahead: a call opens at once, not by appointment."""
    if facts.call.opens_at <= facts.now:
        return None
    when = moment_in_words(facts.call.opens_at, facts.call.timezone)
    message = f"The call is to open at {when}, which is still ahead. Open it then, or leave the opening out."
    return Refusal("opens-in-future", message, field="opens_at", until=facts.call.opens_at)


def closing_is_ahead(facts: Facts) -> Refusal | None:
    """The closing is ahead: a call is opened only while somebody can still answer it."""
    if facts.now < facts.call.closes_at:
        return None
    closing = deadline_in_words(facts.call.closes_at, facts.call.timezone)
    message = f"Its closing, {closing}, has passed."
    return Refusal("closing-has-passed", message, field="closes_at", until=facts.call.closes_at)


def new_closing_is_later(facts: Facts) -> Refusal | None:
    """The new closing is later than the present one: an extension never takes time away."""
    new = facts.new_closes_at
    if new is None or new > facts.call.closes_at:
        return None
    closing = deadline_in_words(facts.call.closes_at, facts.call.timezone)
    message = f"The new closing must be later than the present one, {closing}."
    return Refusal("closing-not-later", message, field="closes_at", until=facts.call.closes_at)


def closing_is_due_or_nobody_has_begun(facts: Facts) -> Refusal | None:
    """The deadline and the settle time after it have passed; before that, an officer, while no EOI exists."""
    call = facts.call
    if facts.now >= call.settles_at:
        return None
    if Role.OFFICER in facts.actor.roles and not _has_eois(call):
        return None
    closing = deadline_in_words(call.closes_at, call.timezone)
    if facts.now >= call.closes_at:
        message = f"The deadline was {closing}; {_STILL_LET_THROUGH}"
        return Refusal("closing-not-due", message, until=call.settles_at)
    if Role.OFFICER not in facts.actor.roles:
        return Refusal("closing-not-due", f"The call closes at {closing}.", until=call.settles_at)
    message = f"A school has begun an EOI, so the call stays open until {closing}. An admin can cancel it."
    return Refusal("eois-exist", message, until=call.settles_at)


def _has_eois(call: CallFacts) -> bool:
    if call.has_eois is None:
        msg = "This guard asks whether anybody has begun an EOI; the facts do not say."
        raise TypeError(msg)
    return call.has_eois


def applicant_is_own_organisation(facts: Facts) -> Refusal | None:
    """The school or trust that applies is one for which the person acts, or an officer acts on its behalf."""
    return not_for(facts.actor, _eoi(facts).applicant)


def decider_is_not_the_reviewer(facts: Facts) -> Refusal | None:
    """Somebody else decides than the one who reviewed, or for whom it was reviewed.

    Nobody named in the review, as the one who did it or for whom it was done, is named in the decision.
    The exception is one service through which both were done: there the two for whom must differ. It is for
    hosts, who know their people; by HTTP, for whom it is done is the word of whoever holds the key.
    """
    eoi, actor = _eoi(facts), facts.actor
    if eoi.reviewed_by is None:
        return None
    reviewers = {eoi.reviewed_by, eoi.reviewed_on_behalf_of or eoi.reviewed_by}
    deciders = {actor.id, actor.on_behalf_of or actor.id}
    both_for_others = len(reviewers) == len(deciders) == 2  # noqa: PLR2004 -- whoever did it, and for whom
    if both_for_others and actor.id == eoi.reviewed_by and actor.via != BY_HTTP:
        reviewers.remove(actor.id)
    if reviewers.isdisjoint(deciders):
        return None
    return Refusal("reviewed-by-you", "Whoever reviewed an EOI does not decide on it: ask somebody else.")


def submission_was_in_flight(facts: Facts) -> Refusal | None:
    """A submission of this EOI arrived in time, or may have: the close overtook it (`closed-in-flight`)."""
    if _eoi(facts).refused_in_flight_at is not None:
        return None
    return Refusal("not-in-flight", "No submission of this EOI was refused as closed-in-flight.")


def _eoi(facts: Facts) -> EoiFacts:
    if facts.eoi is None:
        msg = "This guard asks about an EOI; the facts hold only a call."
        raise TypeError(msg)
    return facts.eoi


#: What a table may ask the caller to give along, and what to say where it is missing.
NEEDS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        "reason": Refusal("reason-missing", "Say why: a reason is kept with this decision.", field="reason"),
        "closes_at": Refusal(
            "closes-at-missing", "Say until when: the new closing is missing.", field="closes_at"
        ),
    }
)

#: Every guard that a table may name.
GUARDS: Final[frozenset[Guard]] = frozenset(
    {
        call_is_open,
        call_has_closed,
        call_was_cancelled,
        opening_is_not_ahead,
        closing_is_ahead,
        new_closing_is_later,
        closing_is_due_or_nobody_has_begun,
        applicant_is_own_organisation,
        decider_is_not_the_reviewer,
        submission_was_in_flight,
    }
)
