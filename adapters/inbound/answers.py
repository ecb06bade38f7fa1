"""A form's answers, out of a JSON file (RFC 8259), read strictly."""

import json
from collections.abc import Mapping
from typing import Any, Never

from states.errors import BadInput
from workflow.ids import shown
from workflow.manifest import LARGEST


def answers_from(data: bytes) -> Mapping[str, Any]:
    """Return the answers that a JSON file holds: one object.

    Args:
        data: the file, whole; UTF-8, with or without a byte order mark.

    Raises:
        BadInput: empty; over 256 KiB; not UTF-8; not JSON; NaN or Infinity; a name twice in one object; no
            object. What such an object may hold is for the engine to say.
    """
    if len(data) > LARGEST:
        _refuse(f"The answers take over {LARGEST:,} bytes (256 KiB), which is the most.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("The answers are not UTF-8 text.")
    if not text.strip():
        _refuse("The file of answers is empty: for a form without any, write {}.")
    answers = json_value(text)
    if not isinstance(answers, dict):
        _refuse('The answers must be one JSON object, such as {"places": 18}.')
    return answers


def json_value(text: str) -> Any:  # noqa: ANN401 -- JSON's values
    """Return what a text says as JSON.

    Raises:
        BadInput: not JSON; NaN or Infinity; a name twice in one object.
    """
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_each_once)
    except RecursionError:
        _refuse("The answers are nested too deep.")
    except ValueError as exc:
        _refuse(f"The answers are not JSON: {exc}.")


def _no_number(name: str) -> Never:
    _refuse(f"The answers hold {name}, which is no number in JSON.")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for name, value in pairs:
        if name in answers:
            _refuse(f"The answers hold the name {shown(name)} twice in one object.")
        answers[name] = value
    return answers


def _refuse(message: str) -> Never:
    raise BadInput(message, field="answers")
