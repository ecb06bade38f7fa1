"""Approved EOIs as awards: held to the schema that 360Giving publishes, or refused."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from adapters.outbound.export import Awards, Format, Selection
from states.errors import BadInput
from tests.export.conftest import Write
from workflow import CallView, Engine
from workflow.testing import FrozenClock, decider, new_call, officer, reviewer, school

SCHEMAS = Path(__file__).parent / "360giving"
FUNDER = {"prefix": "360G-norfolk", "funder_id": "GB-LAE-NFK", "funder_name": "Norfolk County Council"}

#: Makes an EOI of such an applicant, with such answers, that is approved.
Approve = Callable[..., list[str]]


@pytest.fixture
def approve(engine: Engine, call: CallView, clock: FrozenClock) -> Approve:
    """Return what takes EOIs all the way; it is a summer night then, and in Norfolk the next day."""

    def approved(*schools: tuple[str, str | None, dict[str, Any]]) -> list[str]:
        eois = []
        for organisation, name, answers in schools:
            who = school()
            who = type(who)("head", who.roles, organisations={organisation})
            eoi = engine.draft(call.id, answers=answers, actor=who, applicant_name=name).eoi_id
            engine.submit(eoi, actor=who)
            eois.append(eoi)
        clock.move_to(datetime.fromisoformat("2023-06-30T23:30:00Z"))
        engine.close_due()
        for eoi in eois:
            engine.review(eoi, actor=reviewer())
            engine.approve(eoi, actor=decider(), reason="It meets the need.")
        return eois

    return approved


def holds(data: bytes) -> Any:
    """Return the document, once it has been held to the schema."""
    grant, package = (
        json.loads((SCHEMAS / f"360-giving-{name}schema.json").read_text(encoding="utf-8"))
        for name in ("", "package-")
    )
    # The package's schema names the grant's by the version before; they are published together.
    package["properties"]["grants"]["items"] = {"$ref": grant["$id"]}
    for schema in (grant, package):
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    told = json.loads(data)
    registry = jsonschema_rs.Registry([(grant["$id"], grant)])
    for formats in (True, False):
        jsonschema_rs.validator_for(package, registry=registry, validate_formats=formats).validate(told)
    return told


def test_awards_are_what_the_standard_asks_for(engine: Engine, approve: Approve, write: Write) -> None:
    """Each approved EOI is one grant, with the identifiers of the lists that the standard names."""
    first, second, third = approve(
        ("URN:121234", "Alder Primary", {"cost": 12000, "for": "A classroom"}),
        ("UKPRN:10012345", None, {"cost": "950.50", "secret": "a child's name"}),
        ("GB-CHC-1164883", "Trust", {"cost": 0.5}),
    )
    awards = Awards(**FUNDER, amount_field="answers.cost", description_field="answers.for")
    done, data = write(format=Format.GIVING, awards=awards)
    told = holds(data)
    grants = told["grants"]
    assert (told["version"], done.eois, len(grants)) == ("1.4", 3, 3)
    assert grants[0] == {
        "id": f"360G-norfolk-{first}",
        "title": "Specialist Resource Base Expressions of Interest: Alder Primary",
        "description": "A classroom",
        "currency": "GBP",
        "amountAwarded": 12000,
        "awardDate": "2023-07-01T00:30:00+01:00",
        "recipientOrganization": [{"id": "GB-EDU-121234", "name": "Alder Primary"}],
        "fundingOrganization": [{"id": "GB-LAE-NFK", "name": "Norfolk County Council"}],
        "grantProgramme": [{"code": "46/23", "title": "Specialist Resource Base Expressions of Interest"}],
        "fromOpenCall": "Yes",
        "dateModified": "2023-06-30T23:30:00Z",
    }
    assert [each["id"] for each in grants[1:]] == [f"360G-norfolk-{second}", f"360G-norfolk-{third}"]
    assert [each["amountAwarded"] for each in grants] == [12000, 950.5, 0.5]
    assert grants[1]["recipientOrganization"] == [{"id": "GB-UKPRN-10012345", "name": "UKPRN:10012345"}]
    assert grants[2]["recipientOrganization"][0]["id"] == "GB-CHC-1164883"
    assert "46/23" in grants[1]["description"]
    # It is a file to be published.
    assert b"a child's name" not in data


def test_only_what_is_approved_is_an_award(
    engine: Engine, call: CallView, approve: Approve, write: Write
) -> None:
    """A draft, and what is still to be decided, is in no file of awards, whatever was asked for."""
    engine.draft(call.id, answers={}, actor=school(2))
    approve(("Alder & Co", "=Alder", {}))
    _, data = write(format=Format.GIVING, awards=Awards(**FUNDER, amount="5000", currency="EUR"))
    [grant] = holds(data)["grants"]
    assert grant["recipientOrganization"] == [{"id": "360G-norfolk-Alder_Co", "name": "=Alder"}]
    assert (grant["amountAwarded"], grant["currency"]) == (5000, "EUR")
    with pytest.raises(BadInput, match="that are approved, not draft"):
        write(format=Format.GIVING, awards=Awards(**FUNDER, amount="1"), selection=Selection(state="draft"))


def test_a_long_title_is_under_140_characters(engine: Engine, clock: FrozenClock, write: Write) -> None:
    """The standard's advice on titles is kept, however the call and the school are called."""
    call = engine.open_call(
        new_call(reference="46/24", title="T" * 130, closes_on=date(2023, 3, 17)), actor=officer()
    )
    eoi = engine.draft(call.id, answers={}, actor=school(), applicant_name="N" * 50).eoi_id
    engine.submit(eoi, actor=school())
    clock.move_by(days=30)
    engine.close_due()
    engine.review(eoi, actor=reviewer())
    engine.approve(eoi, actor=decider(), reason="Yes")
    [grant] = holds(write(format=Format.GIVING, awards=Awards(**FUNDER, amount="1"))[1])["grants"]
    assert len(grant["title"]) == 139
    assert grant["title"].endswith("N…")


@pytest.mark.parametrize("said", [None, True, "lots", "1,000", "-5", -5, 1e300, "£5", [], ""])
def test_an_award_without_an_amount_is_refused(approve: Approve, write: Write, said: object) -> None:
    """Where one EOI says no plain amount, nothing is written, and the message names it."""
    good, bad = approve(("URN:1", None, {"cost": 1}), ("URN:2", None, {"cost": said}))
    with pytest.raises(BadInput) as caught:
        write(format=Format.GIVING, awards=Awards(**FUNDER, amount_field="answers.cost"))
    assert caught.value.code == "award-incomplete"
    assert bad in caught.value.message
    assert good not in caught.value.message


def test_no_award_is_no_file(call: CallView, write: Write) -> None:
    """The standard wants one grant at the least: nothing is written where none is approved."""
    with pytest.raises(BadInput) as caught:
        write(format=Format.GIVING, awards=Awards(**FUNDER, amount="1"))
    assert caught.value.code == "nothing-awarded"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prefix", "norfolk"),
        ("prefix", "360G-nor folk"),
        ("funder_id", "Norfolk"),
        ("funder_id", ""),
        ("funder_name", " "),
        ("currency", "gbp"),
        ("currency", "£"),
        ("amount", "1,000"),
        ("amount", "-1"),
        ("amount", "nan"),
        ("amount", None),
        ("amount_field", "cost"),
        ("amount_field", "answers."),
        ("description_field", "title"),
    ],
)
def test_what_cannot_be_published_is_refused(field: str, value: str | None) -> None:
    """A slip in what is given beside is found before anything is read, and the field is named."""
    given: dict[str, Any] = FUNDER | {"amount": "1"} | {field: value}
    if field == "amount_field":
        del given["amount"]
    with pytest.raises(BadInput) as caught:
        Awards(**given)
    assert caught.value.field == field


def test_awards_and_their_format_go_together(call: CallView, write: Write) -> None:
    """Awards are not lost in silence where another format is asked for, nor made up."""
    with pytest.raises(BadInput, match="nothing else"):
        write(format=Format.CSV, awards=Awards(**FUNDER, amount="1"))
    with pytest.raises(BadInput, match="nothing but awards"):
        write(format=Format.GIVING)
