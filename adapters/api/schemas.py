"""What a body may say, strictly: no other fields, no other types.

Whether a text, a day or a number will do is the engine's to say; here stands their form, for OpenAPI as well.
"""

from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field

from adapters.outbound.export.formats import Format
from states.names import EoiState, EoiTrigger

#: A reference, a title: as long as the engine takes them.
_SHORT: Final = 200
_LINE: Final = 500
_REASON: Final = 10_000
_URL: Final = 2_000

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Line = Annotated[str, Field(min_length=1, max_length=_LINE)]
Why = Annotated[str | None, Field(max_length=_REASON, description="Why; it is kept with what is done.")]


class Body(BaseModel):
    """What a request may say."""

    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", frozen=True)


class CallToOpen(Body):
    """A call to be opened; it closes on a day, or at an instant."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "46/23",
                    "title": "Specialist Resource Base Expressions of Interest",
                    "closes_on": "2023-03-17",
                    "phase": "Primary",
                    "contact": "Programme Management Team",
                }
            ]
        }
    )

    reference: Annotated[
        str, Field(min_length=1, max_length=_SHORT, description="The council's own, unique: 46/23.")
    ]
    title: Line
    closes_on: Annotated[
        Day | None, Field(description="The last day to apply, in `timezone`; the whole day counts.")
    ] = None
    closes_at: Annotated[Instant | None, Field(description="Or the first instant that is too late.")] = None
    opens_at: Annotated[Instant | None, Field(description="Not ahead; null: now.")] = None
    timezone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=_SHORT,
            description="IANA name of the zone in which the deadline is told.",
        ),
    ] = "Europe/London"
    phase: Line | None = None
    contact: Annotated[Line | None, Field(description="Whom to ask.")] = None
    audience: Annotated[Line | None, Field(description="The list of contacts that is told of it.")] = None
    closing_words: Annotated[Line | None, Field(description="The notice's own words for the deadline.")] = (
        None
    )


class Extension(Body):
    """A later closing: a day, in the call's zone, or an instant."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"closes_on": "2023-03-24", "reason": "Strike on the 17th"}]}
    )

    closes_on: Annotated[Day | None, Field(description="The last day; the whole of it counts.")] = None
    closes_at: Annotated[Instant | None, Field(description="Or the first instant that is too late.")] = None
    reason: Why = None


class Reason(Body):
    """Why."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Merged with the autumn call"}]}
    )

    reason: Why = None


class NewEoi(Body):
    """An EOI to be begun."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={
            "examples": [{"answers": {"places": 8}, "applicant_name": "Sprowston Junior School"}]
        }
    )

    answers: Annotated[dict[str, Any], Field(description="The form, as far as it is filled in.")]
    applicant: Annotated[
        Annotated[str, Field(min_length=1, max_length=_SHORT)] | None,
        Field(description="The organisation that applies; null: the only one of whoever asks."),
    ] = None
    applicant_name: Annotated[Line | None, Field(description="Its name, for people.")] = None


class NewAnswers(Body):
    """All of an EOI's answers, in the place of those that were there."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"answers": {"places": 10, "hydrotherapy": True}}]}
    )

    answers: Annotated[dict[str, Any], Field(description="The whole form.")]


class Data(Body):
    """What a move may need besides."""

    answers: Annotated[dict[str, Any], Field(description="For `save`: the whole form.")] = {}
    reason: Why = None


class Transition(Body):
    """A move of the lifecycle."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={
            "examples": [
                {"trigger": "submit"},
                {"trigger": "approve", "reason": "Meets the need in the north"},
            ]
        }
    )

    trigger: Annotated[
        str,
        Field(
            description="The word of the move; `/options` lists those that can be made.",
            json_schema_extra={"enum": [each.value for each in EoiTrigger]},
        ),
    ]
    reason: Why = None
    data: Annotated[Data | None, Field(description="What a move may need besides.")] = None


class Question(Transition):
    """A move of the lifecycle that nobody makes yet."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"trigger": "submit", "at": "2023-03-18T00:00:00Z"}]}
    )

    at: Annotated[Instant | None, Field(description="As of which instant; null: now.")] = None


class NewEndpoint(Body):
    """A receiver of events."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://council.example/eoi", "events": ["eoi.*"]}]}
    )

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=_URL,
            description="Where to POST; or whom to write to: an address, `applicant`, `list:NAME`.",
        ),
    ]
    events: Annotated[
        list[str] | None,
        Field(min_length=1, description="Patterns, such as `call.*`; left out: every event."),
    ] = None
    via: Annotated[
        str, Field(description="By which courier.", json_schema_extra={"enum": ["webhook", "smtp", "notify"]})
    ] = "webhook"
    headers: Annotated[
        dict[str, str] | None, Field(description="What goes with each request of a webhook; never shown.")
    ] = None
    timeout_s: Annotated[
        float | None,
        Field(ge=0.1, le=30, description="How long each step of an attempt may take, in seconds."),
    ] = None
    concurrency: Annotated[
        int | None, Field(ge=1, le=1000, description="How many are on their way at once from each node.")
    ] = None
    ordered: Annotated[bool, Field(description="Whether what is of one EOI arrives in order.")] = True


class Rotation(Body):
    """How long the old secret signs beside the new one."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"examples": [{"keep_old_s": 172800}]})

    keep_old_s: Annotated[float, Field(ge=0, le=2_592_000, description="In seconds; a day by default.")] = (
        86_400
    )


class Redrive(Body):
    """What is to be sent again: what is parked, or what was delivered since, too."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"since": "2023-03-17T00:00:00Z", "delivered": True}]}
    )

    since: Annotated[Instant | None, Field(description="Only of events recorded then or later.")] = None
    delivered: Annotated[bool, Field(description="What was delivered, too; say since when.")] = False


class RedriveOfAny(Redrive):
    """What is to be sent again, to whichever endpoint."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{}, {"since": "2023-03-17T00:00:00Z", "delivered": True}]}
    )

    endpoint: Annotated[Line | None, Field(description="Only to this endpoint; or `log`. Null: to all.")] = (
        None
    )


class Drop(Body):
    """What is to be forgotten: all that is parked for one endpoint, or for all of them."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"endpoint": "0186e27e-7a80-7000-8000-0000000000a1"}]}
    )

    endpoint: Annotated[Line | None, Field(description="For which endpoint; or `log`. Null: for all.")]


class AwardsOf(Body):
    """What makes awards of approved EOIs (360Giving)."""

    prefix: Annotated[Line, Field(description="The publisher's own, as registered: 360G-norfolk.")]
    funder_id: Annotated[Line, Field(description="Who gives, as org-id.guide has it: GB-LAE-NFK.")]
    funder_name: Line
    currency: Annotated[Line, Field(description="ISO 4217.")] = "GBP"
    amount: Annotated[Line | None, Field(description="What each is awarded: 12000.50.")] = None
    amount_field: Annotated[Line | None, Field(description="Or which answer says it: answers.amount.")] = None
    description_field: Annotated[Line | None, Field(description="Which answer describes it.")] = None


class NewExport(Body):
    """Which EOIs are to be written, and as what."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"examples": [{"format": "xlsx", "call": "46/23", "state": "submitted"}]}
    )

    format: Annotated[
        str,
        Field(
            description="What file: a table, lines of JSON, a workbook, awards.",
            json_schema_extra={"enum": [each.value for each in Format]},
        ),
    ] = Format.CSV.value
    call: Annotated[Line | None, Field(description="Only those of this call: its id or reference.")] = None
    state: Annotated[
        str | None,
        Field(description="Only those in this state.", json_schema_extra={"enum": [None, *EoiState]}),
    ] = None
    applicant: Annotated[Line | None, Field(description="Only those of this organisation.")] = None
    awards: Annotated[AwardsOf | None, Field(description="For `360giving`, and for that alone.")] = None
