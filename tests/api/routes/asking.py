"""Asks the program in this process, and holds every answer against openapi.json."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Final

import httpx
import jsonschema_rs
from fastapi import FastAPI
from fastapi.routing import APIRoute

from adapters.api.app import Program

#: Whose key is which, in these tests.
TOKENS: Final = (
    "officer",
    "reviewer",
    "decider",
    "admin",
    "auditor",
    "school",
    "other",
    "trust",
    "nobody",
    "service",
)
PROBLEM: Final = "application/problem+json"
#: Routes -> openapi.json.
_DOCUMENTS: Final = dict[frozenset[object], dict[str, Any]]()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    #: The body, read as JSON; as it came, where it is a file; None where there is none.
    body: Any

    @property
    def code(self) -> str | None:
        """Return the problem's code; None where all went well."""
        return self.body["code"] if self.status >= 400 else None

    @property
    def etag(self) -> str:
        """Return the version's tag."""
        return self.headers["etag"]


class Client:
    """Somebody with a key, or without."""

    def __init__(self, api: FastAPI, token: str | None, *, root_path: str = "") -> None:
        self._api = api
        self._token = token
        self._root_path = root_path

    def get(self, path: str, **given: Any) -> Answer:
        """Read."""
        return self.ask("GET", path, **given)

    def post(self, path: str, body: object = None, **given: Any) -> Answer:
        """Do something."""
        return self.ask("POST", path, body, **given)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Ask, and hold the answer against what openapi.json says of it."""
        sent = [*(headers.items() if isinstance(headers, dict) else headers or ())]
        if self._token is not None:
            sent.append(("Authorization", f"Bearer {self._token}"))
        if body is not None:
            content = json.dumps(body).encode()
        if content is not None and "content-type" not in {name.lower() for name, _ in sent}:
            sent.append(("Content-Type", "application/json"))
        raw = asyncio.run(
            self._send(
                method, path, content, [(name.encode(), value.encode("latin-1")) for name, value in sent]
            )
        )
        answer = Answer(raw.status_code, raw.headers, _read(raw))
        hold_against(document_of(self._api), method, path, answer)
        return answer

    async def _send(
        self, method: str, path: str, content: bytes | None, headers: list[tuple[bytes, bytes]]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._api, root_path=self._root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, content=content, headers=headers)


def document_of(api: FastAPI) -> dict[str, Any]:
    """Return a program's openapi.json; it is made once for all programs of ours that have the same routes."""
    if not isinstance(api, Program):
        return api.openapi()
    plain = (route for route in api.routes if isinstance(route, APIRoute))
    routes = frozenset((route.path, *(route.methods or ()), route.unique_id) for route in plain)
    if routes not in _DOCUMENTS:
        _DOCUMENTS[routes] = api.openapi()
    return _DOCUMENTS[routes]


def _read(raw: httpx.Response) -> Any:
    if not raw.content or "attachment" in raw.headers.get("content-disposition", ""):
        return raw.content or None
    return json.loads(raw.content)


def hold_against(document: dict[str, Any], method: str, path: str, answer: Answer) -> None:
    """Fail where an answer is none of those that openapi.json lists: status, type, form, code, headers."""
    operation = operation_of(document, method, path)
    if operation is None or (answer.status == 404 and answer.body.get("code") in (None, "no-such-path")):
        return
    said = operation["responses"].get(str(answer.status))
    assert said is not None, (method, path, answer.status, answer.body)
    for name in said.get("headers", {}):
        # A job says when to ask again until it has ended.
        may_be_left_out = name == "Link" or (name == "Retry-After" and answer.status == 200)
        assert may_be_left_out or name in answer.headers, name
    if "content" not in said:
        assert answer.body is None
        return
    kind = answer.headers["content-type"]
    content = said["content"][kind]
    if content["schema"].get("format") == "binary":
        assert answer.headers["content-disposition"].startswith("attachment; ")
        return
    schema = {**content["schema"], "components": document["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.body)


def operation_of(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """Return the operation that a request comes to; None where there is none."""
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\{[a-z]+\}", "[^/?]+", template)
        if re.fullmatch(rf"{pattern}(\?.*)?", path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None
