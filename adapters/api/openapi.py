"""openapi.json made complete: who asks, what headers say, every problem that a route can answer."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from adapters.api.answers import PROBLEM, STATUSES
from adapters.api.conditions import IF_MATCH, IF_NONE_MATCH, KEY, LONGEST_KEY, ON_BEHALF_OF
from adapters.api.entering import EXTRA
from adapters.api.examples import EVENT, EXAMPLES, PROBLEMS, TABLE
from adapters.api.fields import VIEWS, told_of
from workflow import Refusal

#: What any request may be answered with.
OF_ALL: Final = (
    "bad-json", "bad-header", "unauthenticated", "role-missing", "body-too-slow", "body-too-large",
    "unsupported-media-type", "bad-input", "too-many-requests", "internal", "overloaded",
    *(code for code, status in STATUSES.items() if status == 503 and code != "overloaded"),  # noqa: PLR2004 -- HTTP's
)  # fmt: skip

_SENTENCES: Final[Mapping[int, str]] = {
    400: "The request cannot be read.",
    401: "Nobody is known by that key or token, or none was given.",
    403: "Understood, and not allowed to whoever asks.",
    404: "There is no such thing, or it is not theirs to see.",
    408: "The body did not come in time.",
    409: "It stands in the way of what is there, or came at the wrong time.",
    412: "It is at another version than the one named: read it again.",
    413: "The body is too large.",
    415: "The body is of another type than is read here: JSON in UTF-8, unless it says otherwise.",
    422: "It was read, and cannot be used.",
    428: "A change must name the version that it is of.",
    429: "Too many requests: wait as long as Retry-After says.",
    500: "A fault of ours: send it again only under the same key.",
    503: "Not now: wait as long as Retry-After says, and send it again, under the same key.",
}
_FILE: Final = {"type": "string", "format": "binary"}
_ID: Final = {"type": "string", "format": "uuid"}
_NUMBER: Final = {"type": "string", "pattern": "^[0-9]{1,19}$"}
#: A text in quotes with something to be seen in it; a quote or backslash in it would be escaped.
_QUOTED: Final = '^" *[!#-\\[\\]-~][ !#-\\[\\]-~]*"$'
#: What a path names -> what it is.
_PATHS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "call": ("A call, by its id; `GET /v1/calls?reference=` finds it by the council's reference.", _ID),
    "eoi": ("An expression of interest, by its id.", _ID),
    "endpoint": ("An endpoint, by its id; among deliveries, `log` is one, too.", {"type": "string"}),
    "delivery": ("A delivery, by its number.", _NUMBER),
    "job": ("A job, by its id.", _ID),
}
_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ETag": {
        "description": "The version, in quotes; send it as If-Match with a change.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
        "example": '"3"',
    },
    "Location": {
        "description": "The path of what was made.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Link": {
        "description": "Where the next page is (RFC 8288); not on the last one.",
        "schema": {"type": "string"},
        "example": '<?limit=50&cursor=NmQ1>; rel="next"',
    },
    "Retry-After": {
        "description": "How many seconds to wait at least; of a job: not once it has ended.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Content-Disposition": {
        "description": "That it is to be saved, and under which name.",
        "schema": {"type": "string"},
        "example": 'attachment; filename="0186e27e-7a80-7000-8000-0000000000b1.csv"',
    },
    "WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}},
}
#: What says who asks: a key or a token, in one header and one form.
_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key, as `eoi key create` shows it once; where an OpenID provider is set, also an "
    "access token of it (JWT) that was made for this API.",
}
#: By what who asks is known, where nobody says otherwise.
_OWN_KEYS: Final[Mapping[str, Mapping[str, Any]]] = {"key": _BEARER}
_PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    KEY: {
        "description": "A text of one's own in quotes. Sent again with the same one, the request is carried "
        "out once and answered alike; it is kept for thirty days.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY + 2, "pattern": _QUOTED},
        "example": '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
    },
    IF_MATCH: {
        "description": "Only if it is at this version, or one of these: its ETag. `*`: whichever it is.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    IF_NONE_MATCH: {
        "description": "Only if it is at another version than this: 304 if not.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    ON_BEHALF_OF: {
        "description": "The person for whom whoever asks does it, by an opaque id; history keeps both. An "
        "officer may then do what an applicant may.",
        "schema": {"type": "string", "maxLength": 200, "pattern": "^[!-~]+( [!-~]+)*$"},
        "example": "head-of-121234",
    },
}  # fmt: skip
PROBLEM_SCHEMA: Final[Mapping[str, Any]] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457); docs/errors.md says of each code what can be done.",
    "type": "object",
    "required": ["type", "status", "title", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "`urn:eoi:problem:` and the code."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "title": {"type": "string", "description": "What kind of problem it is."},
        "code": {"type": "string", "description": "A word that stays as it is."},
        "detail": {"type": "string", "description": "The same to a person."},
        "field": {"type": "string", "description": "Which part of the request is at fault."},
        "errors": {
            "type": "array",
            "description": "Everything that stands in the way, the most telling first.",
            "items": {"$ref": "#/components/schemas/Refusal"},
        },
        "closes_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When the call closed; of what came too late.",
        },
        "server_time": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "What the time is here; null where it cannot be told; of what came too late.",
        },
    },
    "examples": list(PROBLEMS),
}


_SAID: Final = {"type": "string", "minLength": 1, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"}
_OR_NULL: Final = {"type": ["string", "null"]}
#: What a body may be that a route reads by itself: name -> schema.
BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Table": {
        "title": "Table",
        "description": "A table as CSV, at most 16 MiB and 100,000 rows; its first row names the columns.",
        "type": "string",
        "examples": [TABLE],
    },
    "TableAndRegister": {
        "title": "TableAndRegister",
        "description": "A table, and the register of schools in which its URNs are looked up.",
        "type": "object",
        "required": ["table"],
        "properties": {
            "table": {**_FILE, "description": "As `Table`."},
            "register": {
                **_FILE,
                "description": "“All establishment data” of Get Information about Schools, as it is given "
                "out: CSV, at most 96 MiB. Three of its columns are read: `URN`, `EstablishmentName`, "
                "`EstablishmentStatus (name)`.",
            },
        },
        "additionalProperties": False,
    },
    "CloudEvent": {
        "title": "CloudEvent",
        "description": "CloudEvents 1.0, in JSON. Extensions are passed over.",
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"type": "string", "enum": ["1.0"]},
            "id": {**_SAID, "maxLength": 500, "description": "With `source`: which event this is."},
            "source": {
                "type": "string",
                "format": "uri-reference",
                "minLength": 1,
                "maxLength": 2000,
                "description": "Where it happened.",
            },
            "type": {**_SAID, "maxLength": 200, "description": "By which the table finds what it fires."},
            "subject": {
                **_SAID,
                **_OR_NULL,
                "maxLength": 500,
                "description": "What it happened to: the id of an EOI.",
            },
            "time": {**_OR_NULL, "format": "date-time", "description": "Arrival counts, not this."},
            "datacontenttype": {**_OR_NULL, "description": "A type of JSON, such as `application/json`."},
            "dataschema": {**_OR_NULL, "format": "uri", "minLength": 1, "maxLength": 2000},
            "data": {"description": "Where the table's paths look."},
        },
        "propertyNames": {"pattern": "^[a-z0-9]+$"},
        "examples": [EVENT],
    },
}


def completed(
    document: dict[str, Any], *, security: Mapping[str, Mapping[str, Any]] = _OWN_KEYS
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
        if parameter["in"] == "path" and parameter["name"] in _PATHS:  # a host's prefix may have others
            what, schema = _PATHS[parameter["name"]]
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
        yield {"name": name, "in": "header", "required": False, **_PARAMETERS[name]}


def _of_versions(extra: Mapping[str, Any], *, is_read: bool) -> list[str]:
    if not extra["takes_version"]:
        return []
    return ["stale-version"] if is_read else ["stale-version", "version-required", "key-reused"]


def _tell(responses: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Say in the good answers which headers the first one has, and what each may look like."""
    good, *others = (each for status, each in responses.items() if status.startswith("2"))
    good["description"] = "Done."
    if extra["gives"]:
        good["content"] = {kind: {"schema": dict(_FILE)} for kind in extra["gives"]}
    if extra["tells"]:
        good["headers"] = _told(extra["tells"])
    for each in (good, *others) if not extra["gives"] else ():
        content = each["content"]["application/json"]
        first, *_ = content["schema"].get("anyOf", [content["schema"]])
        content["example"] = EXAMPLES[first["$ref"].rpartition("/")[2].rpartition("__")[2]]


def _told(names: Iterable[str]) -> dict[str, Any]:
    return {name: dict(_HEADERS[name]) for name in names}


def _problems(codes: Iterable[str], problem: str) -> dict[str, Any]:
    """Return a response for each status, with the codes that it is for."""
    ordered = sorted(dict.fromkeys(codes), key=STATUSES.__getitem__)
    return {
        str(status): _problem(status, list(group), problem)
        for status, group in groupby(ordered, STATUSES.__getitem__)
    }


def _problem(status: int, codes: list[str], schema: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": f"{_SENTENCES[status]} Codes: {', '.join(f'`{code}`' for code in codes)}.",
        "content": {
            PROBLEM: {
                "schema": {
                    "allOf": [
                        {"$ref": f"#/components/schemas/{schema}"},
                        {"properties": {"code": {"enum": codes}}},
                    ]
                }
            }
        },
    }
    if status in (429, 503):
        response["headers"] = _told(["Retry-After"])
    if status == 401:  # noqa: PLR2004 -- HTTP's
        response["headers"] = _told(["WWW-Authenticate"])
    return response
