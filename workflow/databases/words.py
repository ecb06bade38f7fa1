"""What we say of a driver's error on either database."""

from typing import Final

from workflow.errors import Conflict, DatabaseRefused, DatabaseUnavailable

#: An error's code -> what says more than its own sentence.
SAYS: Final = {
    Conflict.code: "It conflicts with what is there: {driver}.",
    DatabaseRefused.code: "A constraint or a trigger of the database rejected it ({driver}): nothing was "
    "written.",
    DatabaseUnavailable.code: "The database failed: {driver}.",
}
#: Of a value that no column can hold.
UNSTORABLE: Final = "A number or text in it cannot be stored."
