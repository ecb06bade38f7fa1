"""What a refusal that was caught says."""

import pytest

from states.errors import Refused


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    """Return the code of every reason, in order."""
    return [reason.code for reason in refused.value.reasons]
