"""All that is wrong with a row, told at once."""

from collections.abc import Callable
from typing import TypeVar

from states.errors import BadInput

T = TypeVar("T")


class Faults:
    """What was tried of a row and could not be read."""

    def __init__(self) -> None:
        """Begin without any."""
        self._found: list[BadInput] = []

    def tried(self, read: Callable[[], T]) -> T | None:
        """Return what was read; None where it could not be."""
        try:
            return read()
        except BadInput as fault:
            self._found.append(fault)
            return None

    def tell(self) -> None:
        """Raise what was found, if anything.

        Raises:
            BadInput: the first fault, with the words of them all.
        """
        if self._found:
            first, told = self._found[0], " ".join(dict.fromkeys(each.message for each in self._found))
            raise BadInput(told, code=first.code, field=first.field) if len(self._found) > 1 else first
