"""What errors carry, and that they keep it on their way to whoever asked."""

import pickle
from datetime import UTC, datetime
from typing import Final

import pytest

from states.errors import BadDeadline, BadInput, CallClosed, EoiError, Refusal, Refused, UnknownTrigger

NOW: Final = datetime(2023, 3, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    "error",
    [
        Refused.because(
            [Refusal("call-closed", "No.", field="f", until=NOW), Refusal("wrong-state", "Nor so.")]
        ),
        Refused.because([Refusal("call-cancelled", "Off.")], call_id="c-1"),
        BadInput("No.", field="title", found="x"),
        BadDeadline("No.", code="no-such-date", field="closes_on"),
        UnknownTrigger(trigger="x"),
    ],
)
def test_errors_travel_whole_between_processes(error: EoiError) -> None:
    """A host's worker pool, which pickles what it raises, gets the error with its code, facts and reasons."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_an_error_without_words_of_its_own_says_what_its_class_says() -> None:
    """The default message is the first line of the class's docstring."""
    assert EoiError().message == "Something went wrong in the EOI engine."
    assert str(UnknownTrigger()) == "There is no such trigger."


def test_a_hosts_subclass_does_not_take_over_our_code() -> None:
    """A host that derives an error of its own from ours still gets ours from the engine."""

    class HostsOwn(CallClosed):
        pass

    class WithItsCode(Refused):
        code = "hosts-own"

    closed, own = Refusal("call-closed", "No."), Refusal("hosts-own", "No.")
    assert (type(Refused.because([closed])), type(Refused.because([own]))) == (CallClosed, WithItsCode)
    del Refused.by_code["hosts-own"]
    assert issubclass(HostsOwn, CallClosed)
