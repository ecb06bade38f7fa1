"""Named predicates: facts in, a `Refusal` or `None` out.

A guard's name is a sentence that must be true for a move to happen; the table in
`lifecycle`, the generated docs and the diagram all print it.
"""

from collections.abc import Callable
from typing import Final

from states.deadlines import deadline_in_words, moment_in_words
from states.errors import Refusal
from states.facts import CallFacts, EoiFacts, Facts
from states.names import CallState, Role

#: What every guard looks like.
Guard = Callable[[Facts], Refusal | None]


def call_is_open(facts: Facts) -> Refusal | None:
    """Open means: state open and the instant of arrival before the first instant that is too late."""
    call = facts.call
    if call.state == CallState.OPEN and facts.now < call.closes_at:
        return None
    if call.state == CallState.CANCELLED:
        return Refusal("call-cancelled", "The call was cancelled; it takes no more.", until=call.closed_at)
    if call.closed_at is not None and facts.now < call.closes_at <= call.closed_at:
        return _closed_in_flight(facts)
    if call.closed_at is not None and call.closed_at < call.closes_at:
        when = moment_in_words(call.closed_at, call.timezone)
        return Refusal("call-closed", f"The call was closed early, at {when}.", until=call.closed_at)
    closing = deadline_in_words(call.closes_at, call.timezone)
    arrival = moment_in_words(facts.now, call.timezone)
    message = (
        f"The call closed at {closing}; this arrived at {arrival}. "
        f"If the council is to look at it all the same, write to {_whom_to_ask(call)} "
        "and say what stood in the way. The attempt is on record."
    )
    return Refusal("call-closed", message, until=call.closes_at)


def _closed_in_flight(facts: Facts) -> Refusal:
    arrival = moment_in_words(facts.now, facts.call.timezone)
    message = (
        f"This arrived in time, at {arrival}, but the call was closed before it got through the queue. "
        f"The attempt is on record: ask {_whom_to_ask(facts.call)} to reinstate it."
    )
    return Refusal("closed-in-flight", message, until=facts.call.closes_at)


def _whom_to_ask(call: CallFacts) -> str:
    return "the contact named in the call" if call.contact is None else f"the call's contact ({call.contact})"


def call_has_closed(facts: Facts) -> Refusal | None:
    """Nobody assesses anything while others may still submit."""
    call = facts.call
    if call.state == CallState.CLOSED:
        return None
    if call.state == CallState.CANCELLED:
        return Refusal("call-cancelled", "The call was cancelled.", until=call.closed_at)
    closing = deadline_in_words(call.closes_at, call.timezone)
    return Refusal("call-still-open", f"The call is open until {closing}.", until=call.settles_at)


def call_was_cancelled(facts: Facts) -> Refusal | None:
    """An EOI is cancelled with its call and never alone."""
    if facts.call.state == CallState.CANCELLED:
        return None
    return Refusal("call-not-cancelled", "An EOI is cancelled only with its whole call.")


def opening_is_not_ahead(facts: Facts) -> Refusal | None:
    """A call opens at once; opening by appointment is not there yet."""
    if facts.call.opens_at <= facts.now:
        return None
    when = moment_in_words(facts.call.opens_at, facts.call.timezone)
    message = f"The call is to open at {when}, which is still ahead. Open it then, or leave out opens_at."
    return Refusal("opens-in-future", message, field="opens_at", until=facts.call.opens_at)


def closing_is_ahead(facts: Facts) -> Refusal | None:
    """A call is opened only while somebody can still answer it."""
    if facts.now < facts.call.closes_at:
        return None
    closing = deadline_in_words(facts.call.closes_at, facts.call.timezone)
    message = f"Its closing, {closing}, has passed."
    return Refusal("closing-has-passed", message, field="closes_at", until=facts.call.closes_at)


def new_closing_is_later(facts: Facts) -> Refusal | None:
    """An extension never takes time away."""
    new = facts.new_closes_at
    if new is None or new > facts.call.closes_at:
        return None
    closing = deadline_in_words(facts.call.closes_at, facts.call.timezone)
    message = f"The new closing must be later than the present one, {closing}."
    return Refusal("closing-not-later", message, field="closes_at", until=facts.call.closes_at)


def closing_is_due_or_nobody_has_begun(facts: Facts) -> Refusal | None:
    """At its deadline plus settle whoever has the role closes it; before, an officer, while no EOI exists."""
    call = facts.call
    if facts.now >= call.settles_at:
        return None
    closing = deadline_in_words(call.closes_at, call.timezone)
    if Role.OFFICER not in facts.actor.roles:
        return Refusal("closing-not-due", f"The call closes at {closing}.", until=call.settles_at)
    if call.has_eois:
        message = (
            f"A school has begun an EOI, so the call stays open until {closing}. An admin can cancel it."
        )
        return Refusal("eois-exist", message, until=call.settles_at)
    return None


def applicant_is_own_organisation(facts: Facts) -> Refusal | None:
    """An applicant acts only for the organisations that are its own."""
    if _eoi(facts).applicant in facts.actor.organisations:
        return None
    message = f"{facts.actor.id} does not act for {_eoi(facts).applicant}."
    return Refusal("not-your-organisation", message, field="organisation")


def decider_is_not_the_reviewer(facts: Facts) -> Refusal | None:
    """Somebody other than the reviewer decides.

    Nobody named in the review, as the one who did it or for whom it was done, is named in the decision.
    The exception is one service through which both were done: there the two for whom must differ.
    """
    eoi, actor = _eoi(facts), facts.actor
    if eoi.reviewed_by is None:
        return None
    reviewer = eoi.reviewed_on_behalf_of or eoi.reviewed_by
    decider = actor.on_behalf_of or actor.id
    both_for_others = eoi.reviewed_on_behalf_of is not None and actor.on_behalf_of is not None
    if both_for_others and actor.id == eoi.reviewed_by:
        distinct = decider != reviewer
    else:
        distinct = {eoi.reviewed_by, reviewer}.isdisjoint({actor.id, decider})
    if distinct:
        return None
    return Refusal("reviewed-by-you", "Whoever reviewed an EOI does not decide on it: ask somebody else.")


def submission_was_in_flight(facts: Facts) -> Refusal | None:
    """Only what arrived in time and was overtaken by the close is let in afterwards."""
    if _eoi(facts).refused_in_flight_at is not None:
        return None
    return Refusal("not-in-flight", "No submission of this EOI was refused as closed-in-flight.")


def _eoi(facts: Facts) -> EoiFacts:
    if facts.eoi is None:
        msg = "This guard asks about an EOI; the facts hold only a call."
        raise TypeError(msg)
    return facts.eoi


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
