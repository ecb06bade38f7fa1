"""Faults behind the door: by HTTP each is told in a sentence that never changes; in full it is in the log.

While the database is away nobody's key can be looked up, so that anybody is answered. Where it stands, what
its tables are called and what its driver says are for whoever runs it.
"""

from collections.abc import Mapping
from typing import Final

from states.errors import EoiError
from workflow import DatabaseUnavailable, SecretUnreadable
from workflow.log import get_log

_ASK: Final = "Whoever runs this service has to see to it, and finds in its log why."
#: Code -> what to do.
_TOLD: Final[Mapping[str, str]] = {
    "database-locked": (
        "Other work held the database for too long: send it again, under the same idempotency key."
    ),
    "connection-lost": "The connection to the database broke, and nothing was written: send it again.",
    "commit-unknown": (
        "The connection to the database broke during the commit, so that it may be done: send it again under "
        "the same idempotency key, or look."
    ),
    "database-unavailable": (
        "The database does not answer: send it again later, under the same idempotency key; where it lasts, "
        "ask whoever runs this service."
    ),
    "database-read-only": f"The database takes no changes at the moment. {_ASK}",
    "database-full": f"The database has no room left; nothing was half written. {_ASK}",
    "database-not-opened": f"The database cannot be reached. {_ASK}",
    "database-forbidden": f"The database does not let this service do that. {_ASK}",
    "database-foreign": f"The database is none that this service can read. {_ASK}",
    "database-refused": f"The database would not take what was to be written; nothing was. {_ASK}",
    "database-corrupt": f"The database is damaged. {_ASK}",
    "schema-missing": f"The database holds none of this service's tables. {_ASK}",
    "schema-outdated": f"The database's tables are of an older version than this service. {_ASK}",
    "schema-too-new": f"The database's tables are of a newer version than this service. {_ASK}",
    "secret-unreadable": f"A secret that this needs cannot be unsealed here. {_ASK}",
}

_log = get_log("api")


def is_behind(error: EoiError) -> bool:
    """Whether its own words are for whoever runs this, and for nobody else."""
    return isinstance(error, DatabaseUnavailable | SecretUnreadable)


def told_of(error: EoiError) -> str:
    """Return what is told of a fault behind the door; what it says itself goes into the log."""
    _log.warning("request.unserved", code=error.code, why=error.message)
    return _TOLD.get(error.code, _TOLD["database-unavailable"])
