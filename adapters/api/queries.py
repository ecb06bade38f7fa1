"""What a query may say, strictly: one spelling of each value, since others are read in several ways."""

import re
from typing import Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_DIGITS: Final = re.compile(r"[0-9]{1,9}")


def _in_digits(said: str | int) -> str | int:
    """Let pass a number that is written in digits alone: no sign, space, point or line between them.

    What is a number already is what stands for one that is not given: older FastAPI has it looked at, too.
    """
    if not isinstance(said, int) and not _DIGITS.fullmatch(said):
        raise PydanticCustomError("digits", "Input should be a whole number, written in digits")  # noqa: EM101 -- theirs
    return said


#: Of a number in the address.
IN_DIGITS: Final = BeforeValidator(_in_digits)


def _true_or_false(said: object) -> object:
    """Let pass one spelling of each: what else reads as a yes, others read otherwise."""
    if said in ("true", "false", True, False):
        return said
    raise PydanticCustomError("true_or_false", "Input should be true or false")  # noqa: EM101 -- theirs


#: Of a yes or no in the address.
TRUE_OR_FALSE: Final = BeforeValidator(_true_or_false)
