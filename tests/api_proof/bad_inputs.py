"""Bad requests: hand-picked ones, and one for each type that a field is not of. Each must change nothing."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.api_proof.world import NOWHERE

#: What everybody sends who means well.
JSON: Final = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Bad:
    """One request, and why it is bad."""

    what: str
    method: str
    path: str
    headers: tuple[tuple[str, str | bytes], ...] = ()
    body: bytes = b""


def every(document: dict[str, Any], ids: dict[str, str]) -> Iterator[Bad]:
    """Return all of them: `document` is openapi.json, `ids` what there is."""
    targets = list(_targets(document, ids))
    yield from _bodies(ids)
    yield from _types(document, targets)
    yield from _headers(ids)
    yield from _events(ids)
    yield from _paths(ids)
    yield from _methods(document, ids)
    yield from _queries(document, ids)


# ---- bodies

_DEEP: Final = 100_000
_BODIES: Final[dict[str, bytes]] = {
    "nothing": b"",
    "a space": b" ",
    "null": b"null",
    "a text": b'"answers"',
    "a number": b"1",
    "a list": b"[]",
    "half": b'{"answers": {',
    "lists that never end": b"[" * _DEEP,
    "objects that never end": b'{"answers":' * _DEEP,
    "a bomb of lists": b'{"answers":{"a":' + b"[" * _DEEP + b"]" * _DEEP + b"}}",
    "a bomb of objects": b'{"answers":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    "101 deep": b'{"answers":{"a":' + b"[" * 99 + b"]" * 99 + b"}}",
    "the same name twice": b'{"answers":{},"answers":{}}',
    "the same name twice within": b'{"answers":{"a":1,"a":2}}',
    "the same name in two spellings": b'{"answers":{},"\\u0061nswers":{}}',
    "NaN": b'{"answers":{"a":NaN}}',
    "Infinity": b'{"answers":{"a":Infinity}}',
    "-Infinity": b'{"answers":{"a":-Infinity}}',
    "1e400": b'{"answers":{"a":1e400}}',
    "-1e99999": b'{"answers":{"a":-1e99999}}',
    "an exponent of exponents": b'{"answers":{"a":1e' + b"9" * 5_000 + b"}}",
    "401 digits": b'{"answers":{"a":' + b"9" * 401 + b"}}",
    "a million digits": b'{"answers":{"a":' + b"9" * 1_000_000 + b"}}",
    "a long fraction": b'{"answers":{"a":0.' + b"1" * 10_000 + b"}}",
    "a leading zero": b'{"answers":{"a":007}}',
    "a plus": b'{"answers":{"a":+1}}',
    "hex": b'{"answers":{"a":0x10}}',
    "a bare point": b'{"answers":{"a":.5}}',
    "a comma too many": b'{"answers":{"a":1,}}',
    "a comment": b'{"answers":{} /* x */}',
    "single quotes": b"{'answers':{}}",
    "a name without quotes": b"{answers:{}}",
    "two documents": b'{"answers":{}}{"answers":{}}',
    "something after it": b'{"answers":{}} x',
    "a BOM": b'\xef\xbb\xbf{"answers":{}}',
    "UTF-16": '{"answers":{}}'.encode("utf-16"),
    "UTF-16 without a BOM": '{"answers":{}}'.encode("utf-16-le"),
    "UTF-32": '{"answers":{}}'.encode("utf-32"),
    "Latin-1": '{"answers":{"a":"é"}}'.encode("latin-1"),
    "UTF-7": b'{"answers":{"a":"+AOk-"}}' + b"+",
    "overlong UTF-8": b'{"answers":{"a":"\xc0\xaf"}}',
    "a surrogate in UTF-8": b'{"answers":{"a":"\xed\xa0\x80"}}',
    "beyond Unicode": b'{"answers":{"a":"\xf4\x90\x80\x80"}}',
    "half a character": b'{"answers":{"a":"\xe2\x82"}}',
    "a raw NUL": b'{"answers":{"a":"\x00"}}',
    "a raw line end": b'{"answers":{"a":"x\ny"}}',
    "an escaped NUL": b'{"answers":{"a":"\\u0000"}}',
    "a NUL in a name": b'{"answers":{"\\u0000":1}}',
    "a lone surrogate": b'{"answers":{"a":"\\ud800"}}',
    "a lone low surrogate": b'{"answers":{"\\udc00":1}}',
    "surrogates the wrong way round": b'{"answers":{"a":"\\udc00\\ud800"}}',
    "an unknown escape": b'{"answers":{"a":"\\x41"}}',
    "half an escape": b'{"answers":{"a":"\\u12"}}',
    "answers larger than any": b'{"answers":{"a":"' + b"x" * 300_000 + b'"}}',
    "more than two MiB": b'{"answers":{"a":"' + b"x" * 2_100_000 + b'"}}',
    "a form": b"answers=1",
    "XML": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "YAML": b"answers: !!python/object/apply:os.system ['true']\n",
    "a pickle": b"\x80\x04K\x01.",
    "JSON lines": b'{"answers":{}}\n{"answers":{}}\n',
    "a guard": b")]}',\n{}",
    "an unknown field": b'{"answers":{},"state":"approved"}',
    "another's id": b'{"answers":{},"applicant_id":"URN:7","id":"x","version":9}',
    "a prototype": b'{"answers":{},"__proto__":{"state":"approved"}}',
    "a constructor": b'{"answers":{},"constructor":{"prototype":{}}}',
    "a field in capitals": b'{"Answers":{}}',
    "a field with a zero-width space": '{"answers\u200b":{}}'.encode(),
    "a field in Cyrillic": '{"\u0430nswers":{}}'.encode(),
}


def _bodies(ids: dict[str, str]) -> Iterator[Bad]:
    save = f"/v1/eois/{ids['own']}/answers"
    for what, body in _BODIES.items():
        yield Bad(what, "PUT", save, (JSON,), body)
        yield Bad(what, "POST", "/v1/calls", (JSON,), body)
        yield Bad(what, "POST", f"/v1/eois/{ids['own']}/transitions", (JSON,), body)
    good = b'{"answers":{}}'
    for kind in (
        "", "text/plain", "text/json", "application/jso", "application/json5", "application/xml",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/octet-stream",
        "application/merge-patch+json", "application/problem+json", "*/*", "json",
        "application/json, text/html",
        "application/json; charset=utf-16", "application/json; charset=latin1", "application/json; x=y",
        "application/json;;", "x" * 5_000,
    ):  # fmt: skip
        yield Bad(f"as {kind[:40]!r}", "PUT", save, (("Content-Type", kind),), good)
    yield Bad("of no type", "PUT", save, (), good)
    for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x"):
        headers = (JSON, ("Content-Encoding", encoding))
        yield Bad(f"in {encoding}", "PUT", save, headers, gzip.compress(good))
        yield Bad(f"not in {encoding}", "PUT", save, headers, good)
    yield Bad("gzip that nobody names", "PUT", save, (JSON,), gzip.compress(good))


# ---- every field of every body, as what it is not

_WRONG: Final[tuple[Any, ...]] = (
    True, 0, -1, 1.5, 10**30, [], ["x"], {}, {"x": 1}, "", " ", "\u202e", "\u200b", "\x00", "a\ud800",
    "x" * 20_000,
    "\x1b[31m", "a\r\nb",
)  # fmt: skip
#: Field -> what it may well be, of the above.
_RIGHT: Final[dict[str, tuple[Any, ...]]] = {
    "answers": ({}, {"x": 1}),
    "data": ({},),
    "ordered": (True,),
    "delivered": (True,),
    "events": ([],),
    "headers": ({},),
    "concurrency": (),
    "timeout_s": (1.5,),
    "keep_old_s": (0, 1.5),
    "reason": ("", " ", "a\r\nb"),  # kept, or none: whether one is missing, the move says
}


def _targets(document: dict[str, Any], ids: dict[str, str]) -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    """Return method, path, the schema of the body and an example of it, of whatever takes one."""
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" not in operation:
                continue
            (kind, content), *_ = operation["requestBody"]["content"].items()
            if kind != JSON[1]:
                continue  # an event's attributes: below
            schema = content["schema"]
            ref = schema.get("$ref") or next(each["$ref"] for each in schema["anyOf"] if "$ref" in each)
            found = document["components"]["schemas"][ref.rpartition("/")[2]]
            example = found["examples"][0]
            yield method.upper(), path_of(template, ids), found, example


def path_of(template: str, ids: dict[str, str]) -> str:
    """Return a path in which ids of what there is stand."""
    kinds = {"call": "call", "eoi": "own", "endpoint": "endpoint", "delivery": "delivery", "job": "job"}
    return re.sub(r"\{([a-z]+)\}", lambda found: ids[kinds[found[1]]], template)


def _types(document: dict[str, Any], targets: list[tuple[str, str, dict[str, Any], Any]]) -> Iterator[Bad]:
    for method, path, schema, example in targets:
        for name in schema["properties"]:
            for wrong in _WRONG:
                if any(wrong is each or wrong == each != (not each) for each in _RIGHT.get(name, ())):
                    continue
                # What is wrong besides makes sure that nothing is done where a value happens to be right.
                body = json.dumps({**example, name: wrong, "no-such-field": 1}).encode()
                yield Bad(f"{name}: {ascii(wrong)[:30]}", method, path, (JSON,), body)
        yield Bad(
            "another field", method, path, (JSON,), json.dumps({**example, "roles": ["admin"]}).encode()
        )
        for name in schema.get("required", ()):
            rest = {each: value for each, value in example.items() if each != name}
            yield Bad(f"without {name}", method, path, (JSON,), json.dumps(rest).encode())


# ---- headers

_KEYS: Final = (
    "", " ", '""', '" "', '"', '"a', 'a"', '"a"b', '"a", "b"', "a,b", "a;b", "a b", "é", '"é"', "\x7f",
    '"\\"', '"\\x"',
    "x" * 201, '"' + "x" * 201 + '"', '"a";p=1', '?1 "a"', '("a")', "a\tb",
)  # fmt: skip
_TAGS: Final = (
    "", "3", "W/3", "'3'", '"3', '3"', '"3" "4"', '"3"x', "**", '*, "3"', "W/", 'w/"3"', '"a b"', '"\x7f"',
    ",", ", ,",
    ", ".join(['"1"'] * 21), '"0"', '"99"', '"01"', '"-1"', '"1.0"', '"1 "', 'W/"1"', '"' + "9" * 400 + '"',
    "None",
)  # fmt: skip
_BEHALF: Final = (
    "", " ", "\x7f", "a\x01b", "x" * 201, b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", "\u00a0".encode(),
    "\u200b".encode(),
    "\u202ea".encode(), "a\u2028b".encode(),
)  # fmt: skip


def _headers(ids: dict[str, str]) -> Iterator[Bad]:
    save, body = f"/v1/eois/{ids['own']}/answers", b'{"answers":{"x":1}}'
    submit = json.dumps({"trigger": "submit"}).encode()
    for path, method, content in (
        (save, "PUT", body),
        (f"/v1/eois/{ids['own']}/transitions", "POST", submit),
    ):
        for key in _KEYS:
            yield Bad(f"key {key[:20]!r}", method, path, (JSON, ("Idempotency-Key", key)), content)
        for tag in _TAGS:
            yield Bad(f"If-Match {tag[:20]!r}", method, path, (JSON, ("If-Match", tag)), content)
        for behalf in _BEHALF:
            yield Bad(f"for {behalf[:20]!r}", method, path, (JSON, ("EOI-On-Behalf-Of", behalf)), content)
        for name, value in (
            ("Idempotency-Key", "a"), ("EOI-On-Behalf-Of", "a"), ("Content-Type", "application/json"),
            ("Content-Encoding", "identity"),
        ):  # fmt: skip
            yield Bad(f"{name} twice", method, path, (JSON, (name, value), (name, value)), content)
        yield Bad("a version of something else", method, path, (JSON, ("If-None-Match", "*")), content)
    for header in (("If-Match", '"1"'), ("If-None-Match", '"1"'), ("Idempotency-Key", "a")):
        yield Bad(
            f"{header[0]} that nobody heeds", "POST", f"/v1/endpoints/{ids['endpoint']}/disable", (header,)
        )


# ---- events

_EVENT: Final = ("Content-Type", "application/cloudevents+json")
_ATTRIBUTES: Final[dict[str, tuple[Any, ...]]] = {
    "specversion": (None, "", "0.3", "2.0", 1.0, [], {}),
    "id": (None, "", 1, [], "x" * 501, "\x00", "a\ud800", "\x1b[31m"),
    "source": (None, "", 1, "a b", "é", "\\", "x" * 2_001, "%", "1:2", "[", "javascript alert"),
    "type": (None, "", 1, True, "x" * 201, "\r\n"),
    "subject": ("", 1, [], "x" * 501, "\x00", "nothing", NOWHERE, "1/23"),
    "time": ("", 1, "now", "2023-03-17", "2023-13-17T00:00:00Z", "9" * 10_000),
    "datacontenttype": ("", 1, "text/xml", "application/octet-stream", "x" * 5_000),
    "dataschema": ("", 1, "/relative", "a b"),
    "data": (7, "x", [], {}, {"form": None}, {"form": 7}, {"form": "x"}, {"form": []}, {"Form": {}}),
    "data_base64": ("e30=", 7),
    "Id": ("2",),
    "x-y": ("2",),
}


def _events(ids: dict[str, str]) -> Iterator[Bad]:
    """Events of what there is a rule for, each with something bad in it."""
    good = {
        "specversion": "1.0", "id": "1", "source": "/forms", "type": "eoi.saved", "subject": ids["own"],
        "data": {"form": {"places": 9}},
    }  # fmt: skip
    for name, values in _ATTRIBUTES.items():
        for value in values:
            body = json.dumps({**good, name: value}).encode()
            yield Bad(f"event, {name}: {ascii(value)[:30]}", "POST", "/v1/events", (_EVENT,), body)
    for what, body in _BODIES.items():
        yield Bad(f"event: {what}", "POST", "/v1/events", (_EVENT,), body)
        yield Bad(f"no event: {what}", "POST", "/v1/events", (JSON,), body)
    said = [(f"ce-{name}", str(value)) for name, value in good.items() if name != "data"]
    for what, body in _BODIES.items():
        yield Bad(f"event's data: {what}", "POST", "/v1/events", (JSON, *said), body)
    whole = json.dumps(good).encode()
    for kind in (
        "application/cloudevents",
        "application/cloudevents-batch+json",
        "application/cloudevents+xml",
    ):
        yield Bad(f"event as {kind}", "POST", "/v1/events", (("Content-Type", kind), *said), whole)
    for header in (("Idempotency-Key", "a"), ("If-Match", '"1"'), ("Content-Encoding", "gzip")):
        yield Bad(f"event with {header[0]}", "POST", "/v1/events", (_EVENT, header), whole)


# ---- paths

_ODD: Final = (
    "..", ".", "%2e%2e", "%2e%2e%2f%2e%2e", "..%2f..%2fetc%2fpasswd", "..%5c..%5cwindows", "%2f", "%5c",
    "%00", "x%00",
    "%0d%0aSet-Cookie:%20a=b", "%0a", "%09", "%20", "%ff", "%c0%af", "%ed%a0%80", "%e2%80%ae", "%e2%80%8b",
    "%f0%9f%98%80", "%",
    "%zz", "%25", "%2525", "x" * 4_000, "-1", "0", "1e3", "null", "None", "undefined", "true", "NaN",
    "{eoi}", "*", "' OR 1=1 --",
    "1;DROP TABLE eoi_call", "<script>alert(1)</script>", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}",
    "../../etc/passwd%00", "~root",
    "file:///etc/passwd", "@", "a@b", "::1", "1/..", ";v=1", "system",
)  # fmt: skip
_PLACES: Final = ("/v1/calls/{}", "/v1/eois/{}/options", "/v1/endpoints/{}", "/v1/deliveries/{}")


def _paths(ids: dict[str, str]) -> Iterator[Bad]:
    for odd in _ODD:
        for place in _PLACES:
            if odd in (".", "..") and place.endswith("{}"):
                continue  # that is the list itself, or the way to it: a client takes it away
            yield Bad("an odd path", "GET", place.format(odd))
        yield Bad("an odd path", "POST", f"/v1/eois/{odd}/transitions", (JSON,), b'{"trigger":"withdraw"}')
        yield Bad("an odd path", "DELETE", f"/v1/endpoints/{odd}x")
    own, call, endpoint = ids["own"], ids["call"], ids["endpoint"]
    for path in (
        f"/v1/eois/{call}", f"/v1/calls/{own}", f"/v1/endpoints/{own}", f"/v1/eois/{endpoint}",
        f"/v1/deliveries/{own}",
        f"/v1/eois/{own.upper()}", f"/v1/eois/{{{own}}}", f"/v1/eois/urn:uuid:{own}",
        f"/v1/eois/{own.replace('-', '')}",
        f"/v1/eois/{own}/", f"/v1/eois/{own}//", f"/v1//eois/{own}", f"//v1/eois/{own}", f"/v1/eois/./{own}x",
        f"/V1/eois/{own}", f"/v1/Eois/{own}", f"/v1/eois/{own}/Options", f"/v1/eois/{own}/options/",
        f"/v1/eois/{own};x=1",
        f"/v1/eois/{own}.json", f"/v1/eois/{own}%20", f"/v1/eois/%20{own}", f"/v1/eois/{own}%00",
        f"/v1/eois/{own}%2foptions",
        f"/v1/eois/{own}%0a", f"/v1/eois/{own}/answers/..", f"/v1/eois/{own}/answers/%2e%2e/options", "/v1",
        "/v1/", "/v2/calls", "/",
        "/v1/calls/", "/v1/keys", "/v1/key", "/v1/events", "/admin", "/.env", "/.git/config",
        "/v1/openapi.json", "/docs/../v1/calls",
        "/docs/%2e%2e/%2e%2e/pyproject.toml", "/docs/..%2f..%2fpyproject.toml", "/docs/nothing.js",
        "/healthz/", "/metrics/x", "/server-status",
        f"/v1/eois/{NOWHERE}", f"/v1/calls/{NOWHERE}/history", f"/v1/endpoints/{NOWHERE}/deliveries",
        "/v1/deliveries/999999999",
    ):  # fmt: skip
        yield Bad("a path to nothing", "GET", path)


# ---- methods, and what is asked for


def _methods(document: dict[str, Any], ids: dict[str, str]) -> Iterator[Bad]:
    for template, operations in document["paths"].items():
        for method in (
            "GET",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "TRACE",
            "CONNECT",
            "PROPFIND",
            "get",
            "X" * 40,
        ):
            if method.lower() not in operations or method == "get":
                yield Bad(f"{method} where it is not", method, path_of(template, ids), (JSON,), b"{}")
    for override in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        yield Bad(override, "POST", f"/v1/endpoints/{ids['endpoint']}", ((override, "DELETE"), JSON), b"{}")


_LIMITS: Final = (
    "0", "-1", "101", "1e9", "1.5", "", "x", "None", "9" * 5_000, "%00", "+", "0x10", "\u0661", "true", "[]",
)  # fmt: skip
_CURSORS: Final = (
    "", "x", "0", "%00", "AAAA", "A" * 256, "A" * 257, "A" * 20_000, "../..", "e30", "bnVsbA", "=", "====",
    "-_-_", "é", "' OR 1=1", "MDE4NmUyN2U",
)  # fmt: skip


def _queries(document: dict[str, Any], ids: dict[str, str]) -> Iterator[Bad]:
    lists = (
        "/v1/calls",
        "/v1/eois",
        "/v1/jobs",
        "/v1/deliveries",
        f"/v1/endpoints/{ids['endpoint']}/deliveries",
    )
    for path in lists:
        for limit in _LIMITS:
            yield Bad("a limit that is none", "GET", f"{path}?limit={limit}")
        for cursor in _CURSORS:
            yield Bad("a cursor that is none", "GET", f"{path}?cursor={cursor}")
        for query in (
            "stat=open", "State=draft", "state=", "state=x", "state=draft&state=submitted",
            "limit=1&limit=2", "offset=1", "page=2",
            "sort=id", "fields=id", "include=answers", "limit[]=1", "limit%00=1", "q=1", "_method=DELETE",
            "access_token=x", "key=x", "=",
            "&x", "state=%00", "state=open%0d%0aX:1", "state=open%20", "state=OPEN",
        ):  # fmt: skip
            yield Bad("a filter that is none", "GET", f"{path}?{query}")
    for kind in ("imports", "Import", "", "%00", "import%20", "x" * 70):
        yield Bad("a kind that is none", "GET", f"/v1/jobs?kind={kind}")
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody") and b"{}"
            yield Bad(
                "a filter where none is",
                method.upper(),
                f"{path_of(template, ids)}?force=true",
                (JSON,),
                content or b"",
            )
