"""Events as a council's forms and its panel would send them, and the table that says what they fire."""

from typing import Any, Final

from workflow import Handle

RULES: Final = (
    Handle(
        type="forms.eoi.begun",
        trigger="draft",
        call="data.call",
        applicant="URN:{data.urn}",
        applicant_name="data.school?",
        answers="data.form",
    ),
    Handle(
        type="forms.eoi.saved",
        trigger="save",
        call="data.call",
        applicant="URN:{data.urn}",
        answers="data.form",
    ),
    Handle(type="forms.eoi.submitted", trigger="submit", call="data.call", applicant="URN:{data.urn}"),
    Handle(type="forms.eoi.taken-back", trigger="withdraw", call="data.call", reason="data.why?"),
    Handle(type="desk.read", trigger="review"),
    Handle(type="panel.*", trigger="decline", eoi="data.eoi", reason="data.why"),
    Handle(type="panel.chosen", trigger="approve", eoi="data.eoi", reason="data.why"),
    Handle(type="desk.let-in", trigger="reinstate", reason="data.why"),
    Handle(type="desk.longer", trigger="extend", closes_at="data.until", reason="data.why"),
    Handle(type="desk.closed", trigger="close", reason="data.why?"),
    Handle(type="desk.off", trigger="cancel", reason="data.why"),
)


def event(type_: str, id_: str = "1", /, **said: Any) -> dict[str, Any]:
    """Return an event, with other attributes as they are given; data by `data`."""
    return {"specversion": "1.0", "id": id_, "source": "/forms", "type": type_, **said}


def form(type_: str, id_: str = "1", /, **data: Any) -> dict[str, Any]:
    """Return an event of a school's form for the real sheet's call."""
    return event(f"forms.eoi.{type_}", id_, data={"call": "46/23", "urn": 121234, **data})
