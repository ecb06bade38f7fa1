"""What only the HTTP door may say; docs/errors.md lists it beside the rest."""

from typing import Final

from states.errors import BadInput, EoiError
from workflow import Unauthenticated

__all__ = [
    "BadBody",
    "BadCursor",
    "BadHeader",
    "BadRequest",
    "BodyTooLarge",
    "BodyTooSlow",
    "CannotListen",
    "CrossSite",
    "Internal",
    "MethodNotAllowed",
    "NoSuchPath",
    "Overloaded",
    "ServerEnded",
    "TooManyRequests",
    "TurnedAway",
    "Unauthenticated",
    "UnsupportedMediaType",
    "VersionRequired",
]

#: What a body must be.
JSON: Final = "application/json"


class BadBody(EoiError):
    """The body is no JSON document that can be read in one way only."""

    code = "bad-json"


class BadRequest(EoiError):
    """That is no HTTP request that can be understood."""

    code = "bad-request"


class BadHeader(BadInput):
    """A header says something that cannot be heeded, or says it in more than one way."""

    code = "bad-header"


class BadCursor(BadInput):
    """That cursor is of no page of this list."""

    code = "bad-cursor"


class BodyTooLarge(EoiError):
    """The body is larger than any request needs."""

    code = "body-too-large"


class BodyTooSlow(EoiError):
    """The body did not come in time."""

    code = "body-too-slow"


class UnsupportedMediaType(EoiError):
    """The body is of a type that is not read here."""

    code = "unsupported-media-type"


class VersionRequired(EoiError):
    """The version that was seen must be given along."""

    code = "version-required"


class TooManyRequests(EoiError):
    """Too many requests came in too short a time."""

    code = "too-many-requests"


class Overloaded(EoiError):
    """More is waiting than can be answered in time."""

    code = "overloaded"


class TurnedAway(EoiError):
    """The service that this is part of does not let that in."""

    code = "turned-away"


class CrossSite(EoiError):
    """A page of another site sent that from somebody's browser."""

    code = "cross-site"


class NoSuchPath(EoiError):
    """There is nothing at that path."""

    code = "no-such-path"


class MethodNotAllowed(EoiError):
    """That path is not asked like this."""

    code = "method-not-allowed"


class Internal(EoiError):
    """Something went wrong here, and whoever runs this can read what it was."""

    code = "internal"


class CannotListen(EoiError):
    """Requests cannot be taken at that address."""

    code = "cannot-listen"


class ServerEnded(EoiError):
    """What took requests has ended by itself: the log says why."""

    code = "server-ended"
