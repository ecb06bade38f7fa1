"""The words of the lifecycle: states, triggers, roles and named groups of them. Imports nothing of ours."""

from enum import StrEnum
from typing import Final


class CallState(StrEnum):
    """Where a call stands."""

    #: Published; schools may draft, save and submit until its deadline.
    OPEN = "open"
    #: Its deadline has passed (or an officer closed it early); staff review.
    CLOSED = "closed"
    #: Called off by an admin; its live EOIs were cancelled with it.
    CANCELLED = "cancelled"


class EoiState(StrEnum):
    """Where an expression of interest stands."""

    #: Begun by a school, not handed in.
    DRAFT = "draft"
    #: Handed in before the deadline.
    SUBMITTED = "submitted"
    #: Read and assessed by staff; waits for the panel.
    REVIEWED = "reviewed"
    #: Selected.
    APPROVED = "approved"
    #: Not selected; the reason is on record.
    DECLINED = "declined"
    #: Taken back by the school.
    WITHDRAWN = "withdrawn"
    #: Still a draft when the call closed.
    LAPSED = "lapsed"
    #: Its call was cancelled.
    CANCELLED = "cancelled"


class CallTrigger(StrEnum):
    """What can be asked of a call."""

    #: Publish it and take EOIs from now on.
    OPEN = "open"
    #: Move its deadline to a later instant.
    EXTEND = "extend"
    #: Take no more; drafts lapse.
    CLOSE = "close"
    #: Call it off.
    CANCEL = "cancel"


class EoiTrigger(StrEnum):
    """What can be asked of an EOI."""

    #: Begin one.
    DRAFT = "draft"
    #: Replace a draft's answers.
    SAVE = "save"
    #: Hand it in.
    SUBMIT = "submit"
    #: Record that staff have assessed it.
    REVIEW = "review"
    #: Select it.
    APPROVE = "approve"
    #: Do not select it.
    DECLINE = "decline"
    #: Take it back.
    WITHDRAW = "withdraw"
    #: What the close does to a draft.
    LAPSE = "lapse"
    #: Let in a submission that arrived in time, or may have, and was overtaken by the close.
    REINSTATE = "reinstate"
    #: What the cancelling of a call does to its live EOIs.
    CANCEL = "cancel"


class Role(StrEnum):
    """What a person or program may act as. None includes another."""

    #: Drafts, saves, submits and withdraws for its own organisations.
    APPLICANT = "applicant"
    #: Opens, extends and closes calls; reviews; reinstates; keeps endpoints and outbox; does what an
    #: applicant may on behalf of one who is named.
    OFFICER = "officer"
    #: Reviews.
    REVIEWER = "reviewer"
    #: Approves and declines.
    DECIDER = "decider"
    #: Reads everything, changes nothing.
    AUDITOR = "auditor"
    #: Cancels calls; keeps keys and endpoints.
    ADMIN = "admin"
    #: The engine's own sweep.
    SYSTEM = "system"


#: The source of a move that makes something new; no row is ever in it.
NOT_YET: Final = "not-yet"

#: EOIs that still ask something of somebody: a cancelled call takes these with it.
LIVE_EOI_STATES: Final = (EoiState.DRAFT, EoiState.SUBMITTED, EoiState.REVIEWED)

#: EOIs that no longer stand in the way of a new one by the same applicant for the same call.
STEPPED_ASIDE: Final = (EoiState.WITHDRAWN, EoiState.CANCELLED)

#: EOIs that came to their end with their call, at its close or its cancelling.
ENDED_WITH_THE_CALL: Final = (EoiState.LAPSED, EoiState.CANCELLED)

#: EOIs about which the panel has decided.
DECIDED_EOI_STATES: Final = (EoiState.APPROVED, EoiState.DECLINED)

#: Roles that see every EOI. An applicant sees those of its own organisations.
ROLES_THAT_READ_ALL: Final = frozenset(
    {Role.OFFICER, Role.REVIEWER, Role.DECIDER, Role.AUDITOR, Role.ADMIN, Role.SYSTEM}
)
