"""What openapi.json says in words of its own: of statuses, headers, paths, problems, and some bodies."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.api.conditions import IF_MATCH, IF_NONE_MATCH, KEY, LONGEST_KEY, ON_BEHALF_OF
from adapters.api.examples import EVENT, PROBLEMS, TABLE

#: Status -> what is said of its problems.
SENTENCES: Final[Mapping[int, str]] = {
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
#: A file.
FILE: Final = {"type": "string", "format": "binary"}
_ID: Final = {"type": "string", "format": "uuid"}
_NUMBER: Final = {"type": "string", "pattern": "^[0-9]{1,19}$"}
#: A text in quotes with something to be seen in it; a quote or backslash in it would be escaped.
_QUOTED: Final = '^" *[!#-\\[\\]-~][ !#-\\[\\]-~]*"$'
#: What a path names -> what it is.
PATHS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "call": ("A call, by its id; `GET /v1/calls?reference=` finds it by the council's reference.", _ID),
    "eoi": ("An expression of interest, by its id.", _ID),
    "endpoint": ("An endpoint, by its id; among deliveries, `log` is one, too.", {"type": "string"}),
    "delivery": ("A delivery, by its number.", _NUMBER),
    "job": ("A job, by its id.", _ID),
}
#: Header of an answer -> what it is.
HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
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
OWN_KEYS: Final[Mapping[str, Mapping[str, Any]]] = {"key": _BEARER}
#: Header of a request -> what it is.
PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
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
#: What a problem is.
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
            "table": {**FILE, "description": "As `Table`."},
            "register": {
                **FILE,
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
