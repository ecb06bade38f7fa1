"""openapi.json made complete: who asks, what headers say, every problem that a route can answer."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from adapters.api.answers import PROBLEM, STATUSES
from adapters.api.conditions import IF_MATCH, IF_NONE_MATCH, KEY, ON_BEHALF_OF
from adapters.api.entering import EXTRA
from adapters.api.examples import EXAMPLES
from adapters.api.fields import VIEWS, told_of
from adapters.api.openapi_words import (
    BODIES,
    FILE,
    HEADERS,
    OWN_KEYS,
    PARAMETERS,
    PATHS,
    PROBLEM_SCHEMA,
    SENTENCES,
)
from workflow import Refusal

#: What any request may be answered with.
OF_ALL: Final = (
    "bad-json", "bad-header", "unauthenticated", "role-missing", "body-too-slow", "body-too-large",
    "unsupported-media-type", "bad-input", "too-many-requests", "internal", "overloaded",
    *(code for code, status in STATUSES.items() if status == 503 and code != "overloaded"),  # noqa: PLR2004 -- HTTP's
)  # fmt: skip


def completed(
    document: dict[str, Any], *, security: Mapping[str, Mapping[str, Any]] = OWN_KEYS
) -> dict[str, Any]:
    """Complete what FastAPI makes of our routes, in place, and once; other routes stay as they are.

    A host that takes the routes into its own program gives it its own document, in which its schemas may have
    our names: then ours have others.

    Args:
        document: as FastAPI has made it.
        security: by what who asks is known: name -> security scheme; empty: nothing is said of it.
    """
    ours = list(_ours(document))
    if not ours:
        return document
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for view in VIEWS:
        if (name := _name_in(schemas, view)) in schemas:
            _describe(schemas[name], view)
    problem = _free_name(schemas, "Problem")
    schemas[problem] = _problem_schema(_name_in(schemas, Refusal))
    bodies = {name: _free_name(schemas, name) for name in BODIES}
    for operation in ours:
        extra = operation.pop(EXTRA)
        if extra["body"]:
            _read_by_itself(operation, {kind: bodies[name] for kind, name in extra["body"].items()})
            schemas.update({bodies[name]: dict(BODIES[name]) for name in extra["body"].values()})
        _complete(operation, extra, problem)
        if security:
            operation["security"] = [{name: []} for name in security]
    if security:
        components.setdefault("securitySchemes", {}).update(
            {name: dict(how) for name, how in security.items()}
        )
    return document


def _name_in(schemas: Mapping[str, Any], view: type) -> str:
    """Return under which name FastAPI tells of a class: where there are two of a name, with its module's."""
    full = f"{view.__module__}.{view.__name__}".replace(".", "__")
    return full if full in schemas else view.__name__


def _free_name(schemas: Mapping[str, Any], name: str) -> str:
    return f"Eoi{name}" if name in schemas else name


def _problem_schema(refusal: str) -> dict[str, Any]:
    items = {"$ref": f"#/components/schemas/{refusal}"}
    errors = {**PROBLEM_SCHEMA["properties"]["errors"], "items": items}
    return {**PROBLEM_SCHEMA, "properties": {**PROBLEM_SCHEMA["properties"], "errors": errors}}


def _read_by_itself(operation: dict[str, Any], named: Mapping[str, str]) -> None:
    """Say what the body is that the route reads by itself: type -> its schema's name."""
    content = {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}} for kind, name in named.items()}
    operation["requestBody"] = {"required": True, "content": content}


def _describe(schema: dict[str, Any], view: type) -> None:
    """Say of each field what the code says, and that it is always there."""
    said = told_of(view)
    schema["required"] = list(schema["properties"])
    for name, about in schema["properties"].items():
        about.pop("default", None)
        if name in said:
            about["description"] = said[name]


def _ours(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and EXTRA in operation:
                yield operation


def _complete(operation: dict[str, Any], extra: Mapping[str, Any], problem: str) -> None:
    is_read = extra["is_read"]
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path" and parameter["name"] in PATHS:  # a host's prefix may have others
            what, schema = PATHS[parameter["name"]]
            parameter |= {"description": what, "schema": dict(schema)}
    parameters.extend(_parameters(extra, is_read=is_read))
    _tell(operation["responses"], extra)
    operation["responses"].pop("422")
    codes = [*OF_ALL, *extra["refuses"], *_of_versions(extra, is_read=is_read)]
    operation["responses"] |= _problems(codes, problem)
    if is_read and extra["takes_version"]:
        operation["responses"]["304"] = {"description": "It is as it was.", "headers": _told(["ETag"])}


def _parameters(extra: Mapping[str, Any], *, is_read: bool) -> Iterator[dict[str, Any]]:
    taken = [ON_BEHALF_OF]
    if extra["takes_key"]:
        taken.append(KEY)
    if extra["takes_version"]:
        taken.append(IF_NONE_MATCH if is_read else IF_MATCH)
    for name in taken:
        yield {"name": name, "in": "header", "required": False, **PARAMETERS[name]}


def _of_versions(extra: Mapping[str, Any], *, is_read: bool) -> list[str]:
    if not extra["takes_version"]:
        return []
    return ["stale-version"] if is_read else ["stale-version", "version-required", "key-reused"]


def _tell(responses: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Say in the good answers which headers the first one has, and what each may look like."""
    good, *others = (each for status, each in responses.items() if status.startswith("2"))
    good["description"] = "Done."
    if extra["gives"]:
        good["content"] = {kind: {"schema": dict(FILE)} for kind in extra["gives"]}
    if extra["tells"]:
        good["headers"] = _told(extra["tells"])
    for each in (good, *others) if not extra["gives"] else ():
        content = each["content"]["application/json"]
        first, *_ = content["schema"].get("anyOf", [content["schema"]])
        content["example"] = EXAMPLES[first["$ref"].rpartition("/")[2].rpartition("__")[2]]


def _told(names: Iterable[str]) -> dict[str, Any]:
    return {name: dict(HEADERS[name]) for name in names}


def _problems(codes: Iterable[str], problem: str) -> dict[str, Any]:
    """Return a response for each status, with the codes that it is for."""
    ordered = sorted(dict.fromkeys(codes), key=STATUSES.__getitem__)
    return {
        str(status): _problem(status, list(group), problem)
        for status, group in groupby(ordered, STATUSES.__getitem__)
    }


def _problem(status: int, codes: list[str], schema: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": f"{SENTENCES[status]} Codes: {', '.join(f'`{code}`' for code in codes)}.",
        # Beside the reference, as OpenAPI 3.1 has it, and not by `allOf`: of that, generators of clients make
        # a class of its own for each status of each operation, where all problems are one.
        "content": {
            PROBLEM: {
                "schema": {
                    "$ref": f"#/components/schemas/{schema}",
                    "properties": {"code": {"enum": codes}},
                }
            }
        },
    }
    if status in (429, 503):
        response["headers"] = _told(["Retry-After"])
    if status == 401:  # noqa: PLR2004 -- HTTP's
        response["headers"] = _told(["WWW-Authenticate"])
    return response
