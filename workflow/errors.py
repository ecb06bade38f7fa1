"""What storage and concurrency may say. The root and the refusals stand in `states.errors`.

EoiError
├── NotFound                 not-found               mend the request
├── Conflict                 conflict                mend the request
│   ├── ReferenceTaken       reference-taken
│   ├── AlreadyApplied       already-applied
│   ├── KeyReused            key-reused
│   ├── NameTaken            name-taken
│   ├── NobodyToTell         nobody-to-tell
│   ├── TooManyJobs          too-many-jobs
│   └── JobUnfinished        job-unfinished
├── JobStopped               job-stopped             stop: somebody else has it, or nobody does
├── UnknownEvent             unknown-event           mend the request
├── Unauthenticated          unauthenticated         give a key that is valid
├── StaleVersion             stale-version           read again
│   └── Overtaken            stale-version
├── SecretUnreadable         secret-unreadable       give this node the key
├── TransactionConflict      transaction-conflict    read again, in a new transaction
└── DatabaseUnavailable      database-unavailable    wait, or ask whoever runs it
    ├── DatabaseLocked       database-locked
    ├── ConnectionLost       connection-lost
    ├── CommitUnknown        commit-unknown
    ├── DatabaseReadOnly     database-read-only
    ├── DatabaseFull         database-full
    ├── DatabaseUnopened     database-not-opened
    ├── DatabaseForbidden    database-forbidden
    ├── DatabaseForeign      database-foreign
    ├── DatabaseRefused      database-refused
    ├── DatabaseCorrupt      database-corrupt
    └── SchemaMismatch
        ├── SchemaMissing    schema-missing
        ├── SchemaOutdated   schema-outdated
        └── SchemaTooNew     schema-too-new
"""

from states.errors import EoiError


class NotFound(EoiError):
    """There is no such thing, or it is not yours."""

    code = "not-found"


class UnknownEvent(EoiError):
    """Nothing here is done for events of that type."""

    code = "unknown-event"


class Unauthenticated(EoiError):
    """Nobody is known by that key, or no key was given."""

    code = "unauthenticated"


class Conflict(EoiError):
    """It conflicts with what is there."""

    code = "conflict"


class ReferenceTaken(Conflict):
    """A call with that reference exists already."""

    code = "reference-taken"


class AlreadyApplied(Conflict):
    """That applicant has a live EOI for this call already."""

    code = "already-applied"


class KeyReused(Conflict):
    """That idempotency key was used for another request."""

    code = "key-reused"


class NameTaken(Conflict):
    """There is a key of that name already."""

    code = "name-taken"


class NobodyToTell(Conflict):
    """Nobody is there to be told: import a contact first."""

    code = "nobody-to-tell"


class TooManyJobs(Conflict):
    """Too many of your jobs have not ended yet: wait for one, or cancel one."""

    code = "too-many-jobs"


class JobUnfinished(Conflict):
    """The job has not ended yet: ask again."""

    code = "job-unfinished"


class JobStopped(EoiError):
    """The job is to be carried on no further here."""

    code = "job-stopped"


class StaleVersion(EoiError):
    """It has changed since it was read: read it again."""

    code = "stale-version"


class Overtaken(StaleVersion):
    """Somebody else changed it at the same moment: read it again."""


class TransactionConflict(EoiError):
    """The transaction stands in another one's way: roll it back and try again."""

    code = "transaction-conflict"


class DatabaseUnavailable(EoiError):
    """The database does not do what was asked of it."""

    code = "database-unavailable"


class DatabaseLocked(DatabaseUnavailable):
    """Somebody else held a lock of the database for too long: try again."""

    code = "database-locked"


class ConnectionLost(DatabaseUnavailable):
    """The connection to the database broke; nothing was written: try again."""

    code = "connection-lost"


class CommitUnknown(DatabaseUnavailable):
    """The connection broke during the commit: look whether it is done, or send it again under its key."""

    code = "commit-unknown"


class DatabaseReadOnly(DatabaseUnavailable):
    """The database can only be read: is it a standby, or a file that this user may not write?"""

    code = "database-read-only"


class DatabaseFull(DatabaseUnavailable):
    """The disk or the database is full: make room, then try again; nothing was half written."""

    code = "database-full"


class DatabaseUnopened(DatabaseUnavailable):
    """The database cannot be opened: is its URL or its place right, and may this user use it?"""

    code = "database-not-opened"


class DatabaseForbidden(DatabaseUnavailable):
    """The database's user may not do that: docs/operations.md lists what it needs."""

    code = "database-forbidden"


class DatabaseForeign(DatabaseUnavailable):
    """That file is no SQLite database."""

    code = "database-foreign"


class DatabaseRefused(DatabaseUnavailable):
    """A constraint or a trigger of the database rejected what was to be written; nothing was."""

    code = "database-refused"


class DatabaseCorrupt(DatabaseUnavailable):
    """The database file is damaged: stop, keep a copy of it, and restore the last backup."""

    code = "database-corrupt"


class SchemaMismatch(DatabaseUnavailable):
    """The database's tables are not those of this version."""

    code = "schema-mismatch"


class SchemaMissing(SchemaMismatch):
    """The database holds none of our tables: is it the right one? `eoi db upgrade` makes them."""

    code = "schema-missing"


class SchemaOutdated(SchemaMismatch):
    """The database's tables are of an older version: run `eoi db upgrade`."""

    code = "schema-outdated"


class SchemaTooNew(SchemaMismatch):
    """The database's tables are of a newer version: run that version of eoi-workflow, or a newer one."""

    code = "schema-too-new"


class SecretUnreadable(EoiError):
    """What was sealed cannot be read: give this node the `EOI_SECRET_KEY` that it was sealed under."""

    code = "secret-unreadable"
