"""Tries the whole API with schemathesis: what openapi.json promises, in every way that it knows to try it."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.schemas import BaseSchema
from starlette.types import ASGIApp

SEED: Final = 46_23
#: What a request may be refused with although each of its fields is as the schema has it: how things stand
#: decides it, or one field by another. A misspelt field, a wrong type, anything else is none of these.
DEPENDS: Final[dict[str, set[str | None]]] = {
    # on what time it is, or on what the call's deadline is
    "closing-has-passed": {"closes_at"},
    "closing-not-later": {"closes_at"},
    "closing-before-opening": {"closes_at"},
    "opens-in-future": {"opens_at"},
    "year-out-of-range": {"closes_on", "closes_at", "opens_at", "since"},
    "no-such-date": {"closes_on", "closes_at", "opens_at", "since"},
    "no-such-time": {"closes_at", "opens_at", "since"},
    # on the other fields
    "one-closing": {"closes_at"},
    "closes-at-missing": {"closes_at"},
    "reason-missing": {"reason"},
    "unknown-timezone": {"timezone"},
    # on what stands in a table
    "bad-table": {"table"},
    # on what was read before
    "stale-version": {None},
    "key-reused": {None, "idempotency_key"},
    "bad-cursor": {"cursor"},
    # on who asks, on what a text holds, on the courier or the move
    "bad-input": {
        "applicant", "url", "events", "headers", "data", "reason", "answers", "reference", "title", "phase",
        "contact", "audience", "closing_words", "applicant_name", "delivered", "concurrency", "timeout_s",
        "via",
        # of imports and exports: one word by another, and what makes awards
        "call", "rows", "awards", "prefix", "funder_id", "funder_name", "currency", "amount", "amount_field",
        "description_field",
        # of events: what RFC 3986 and 3339 say, and Unicode
        "id", "source", "type", "subject", "time", "dataschema", "datacontenttype",
    },
}  # fmt: skip
load_all_checks()
#: The names of all checks that there are.
ALL_CHECKS: Final = frozenset(CHECKS.get_all_names())


@dataclass(slots=True)
class Tried:
    """What came of it."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    #: How often each check was made.
    checks: Counter[str] = field(default_factory=Counter)
    #: What was excused: how often, by code.
    excused: Counter[str] = field(default_factory=Counter)
    #: What is wrong, in words.
    failures: list[str] = field(default_factory=list)


def tried(api: ASGIApp, key: str, *, examples: int, stateful: bool = False, only: str | None = None) -> Tried:
    """Try every operation with a key: the examples, the borders of each field, and what is drawn at random.

    Args:
        api: the program.
        key: whose.
        examples: how many are drawn for each operation; 0: none.
        stateful: whether answers lead to further requests.
        only: a path; None: all of them.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "headers": {"Authorization": f"Bearer {key}"},
            "generation": {"max-examples": max(1, examples), "deterministic": True, "no-shrink": True},
            "phases": {"stateful": {"enabled": stateful}, "fuzzing": {"enabled": examples > 0}},
        }
    )
    schema: BaseSchema = schemathesis.openapi.from_asgi("/openapi.json", api, config=config)
    if only is not None:
        schema = schema.include(path=only)
    found = Tried()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _learn(found, event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.failures.append(f"{type(event).__name__}: {event}")
    return found


def _learn(found: Tried, event: events.ScenarioFinished) -> None:
    answers = event.recorder.interactions
    found.requests += len(answers)
    found.statuses.update(each.response.status_code for each in answers.values() if each.response is not None)
    for case, nodes in event.recorder.checks.items():
        for node in nodes:
            found.checks[node.name] += 1
            if node.failure_info is None:
                continue
            body = _body(answers.get(case))
            if _is_excused(node.name, body):
                found.excused[body["code"]] += 1
            else:
                info = node.failure_info
                found.failures.append(f"{event.label}: {info.failure}\n{info.code_sample}\n{body}")


def _body(answer: Any) -> dict[str, Any]:
    if answer is None or answer.response is None:
        return {}
    told = json.loads(answer.response.content or b"{}")
    return told if isinstance(told, dict) else {}


def _is_excused(check: str, body: dict[str, Any]) -> bool:
    """Whether no schema could have told that it would be refused; or it was, for something else."""
    if check == "negative_data_rejection":
        return body.get("code") == "stale-version"  # schemathesis takes a 412 for an acceptance
    if check != "positive_data_acceptance":
        return False
    fields = [each["field"] for each in body.get("errors", [])] or [body.get("field")]
    return body.get("code") in DEPENDS and fields[0] in DEPENDS[body["code"]]
