"""What only a client may say; docs/errors.md lists it beside the rest.

EoiError
├── NeedsDatabase        needs-database         ask whoever holds the database
├── ServerUnreachable    server-unreachable     wait; nothing was done
├── OutcomeUnknown       outcome-unknown        look, or send it again under its key
├── NotOurServer         not-our-server         mend the address
├── AnswerNotUnderstood  answer-not-understood  take the server's version
└── UnknownProblem       unknown-problem        take the server's version
"""

from states.errors import EoiError


class NeedsDatabase(EoiError):
    """That is not asked over HTTP: it needs the database."""

    code = "needs-database"


class ServerUnreachable(EoiError):
    """The server does not answer; nothing was done."""

    code = "server-unreachable"


class OutcomeUnknown(EoiError):
    """The answer was lost on its way, so that it may be done."""

    code = "outcome-unknown"


class NotOurServer(EoiError):
    """What answers there is no eoi server."""

    code = "not-our-server"


class AnswerNotUnderstood(EoiError):
    """The server's answer cannot be read: it may be of another version."""

    code = "answer-not-understood"


class UnknownProblem(EoiError):
    """The server says why in a way that this version does not know."""

    code = "unknown-problem"
