"""What is not theirs is not found: by no route, by no header, in the words of what does not exist."""

import json
from typing import Any, Final

import pytest

from tests.api.routes.asking import Answer, Client
from tests.api.routes.conftest import Who
from workflow import Engine
from workflow.testing import FrozenClock, school

NOWHERE: Final = "0186e27e-7a80-7000-8000-00000000dead"
#: Everything that can be asked of one EOI.
ASKED: Final[tuple[tuple[str, str, object], ...]] = (
    ("GET", "", None),
    ("GET", "/transitions", None),
    ("GET", "/attempts", None),
    ("GET", "/options", None),
    ("PUT", "/answers", {"answers": {}}),
    *(
        ("POST", "/transitions", {"trigger": trigger, "reason": "x"})
        for trigger in (
            "submit",
            "review",
            "approve",
            "decline",
            "withdraw",
            "reinstate",
            "lapse",
            "cancel",
            "draft",
        )
    ),
    ("POST", "/transitions", {"trigger": "save", "data": {"answers": {}}}),
)


def told(answer: Answer, eoi: str) -> tuple[int, Any, dict[str, str]]:
    """Return all of an answer, without the id that was asked for, and that of the request itself."""
    body = json.loads(json.dumps(answer.body).replace(eoi, "ID"))
    own = ("content-length", "x-request-id")
    return answer.status, body, {name: said for name, said in answer.headers.items() if name not in own}


@pytest.mark.parametrize("headers", [{}, {"If-Match": '"1"'}, {"EOI-On-Behalf-Of": "head-of-121234"}])
def test_a_foreign_eoi_is_none(who: Who, eoi: str, engine: Engine, headers: dict[str, str]) -> None:
    """Another school's EOI answers every question and command as one that was never made, to the letter."""
    for stranger in (who("other"), who("trust")):
        for method, path, body in ASKED:
            sent = (
                headers
                if method != "GET" or path == ""
                else {name: value for name, value in headers.items() if name != "If-Match"}
            )
            found = stranger.ask(method, f"/v1/eois/{eoi}{path}", body, headers=sent)
            missing = stranger.ask(method, f"/v1/eois/{NOWHERE}{path}", body, headers=sent)
            assert found.status == 404
            assert told(found, eoi) == told(missing, NOWHERE)
    assert [each.actor for each in engine.history(eoi)] == ["head-of-121234"]
    assert engine.attempts(eoi) == []


def test_a_key_tells_nothing_of_another_ones_eoi(who: Who, eoi: str) -> None:
    """Under the very key of the school itself, another one finds nothing."""
    key = {"Idempotency-Key": "k"}
    assert who("school").post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"}, headers=key).status == 200
    assert who("other").post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"}, headers=key).status == 404


def test_a_call_is_no_eoi_and_an_eoi_no_call(who: Who, eoi: str, call: str) -> None:
    """An id is looked for where it is asked for: no history comes out by the other's path."""
    for name in ("officer", "school"):
        for path in ("", "/transitions", "/attempts", "/options"):
            assert who(name).get(f"/v1/eois/{call}{path}").code == "not-found"
        for path in ("", "/history", "/attempts"):
            assert who(name).get(f"/v1/calls/{eoi}{path}").code == "not-found"


def test_nothing_tells_an_applicant_of_others(
    who: Who, call: str, eoi: str, engine: Engine, clock: FrozenClock
) -> None:
    """All that a school can read is the same, whether it is alone or a hundred others have applied."""
    own = who("school")
    paths = (
        "/v1/calls", f"/v1/calls/{call}", f"/v1/calls/{call}/history", f"/v1/calls/{call}/attempts",
        "/v1/eois", f"/v1/eois/{eoi}", f"/v1/eois/{eoi}/transitions", f"/v1/eois/{eoi}/attempts",
        f"/v1/eois/{eoi}/options",
    )  # fmt: skip

    def seen(client: Client) -> list[Answer]:
        return [
            *(client.get(path) for path in paths),
            client.post(f"/v1/calls/{call}/close"),
            client.post(f"/v1/calls/{call}/cancel", {"reason": "x"}),
            client.post(f"/v1/calls/{call}/eois", {"answers": {}, "applicant": "URN:7"}),
        ]

    alone = seen(own)
    for urn in (7, 8, 9):
        other = school(urn)
        engine.submit(engine.draft(call, answers={}, actor=other).eoi_id, actor=other)
    crowded = seen(own)
    assert [(each.status, each.body) for each in crowded[:7]] == [
        (each.status, each.body) for each in alone[:7]
    ]
    assert [(each.status, each.body) for each in crowded[8:]] == [
        (each.status, each.body) for each in alone[8:]
    ]


def test_who_has_no_role_is_told_nothing(who: Who, call: str, eoi: str) -> None:
    """A key without a role gets the same 403 whatever it asks for, before anything is looked up."""
    nobody = who("nobody")
    for path in (
        "/v1/calls",
        f"/v1/calls/{call}",
        f"/v1/calls/{NOWHERE}",
        f"/v1/eois/{eoi}",
        f"/v1/eois/{NOWHERE}",
        "/v1/endpoints",
        "/v1/deliveries/1",
    ):
        assert (nobody.get(path).status, nobody.get(path).code) == (403, "role-missing")


def test_without_a_key_nothing_is_read(who: Who, call: str) -> None:
    """401, with what to send, comes before every other answer: also before a bad body or a bad header."""
    for token in (None, "wrong"):
        client = who(token)
        for method, path, content, headers in (
            ("GET", f"/v1/calls/{call}", None, {}),
            ("GET", f"/v1/calls/{NOWHERE}?x=1", None, {}),
            ("POST", "/v1/calls", b"{", {}),
            ("POST", "/v1/calls", b"{}", {"Content-Type": "text/xml"}),
            ("GET", "/v1/eois", None, {"If-Match": "x"}),
            ("POST", "/v1/endpoints", b"{}", {"Idempotency-Key": ""}),
        ):
            refused = client.ask(method, path, content=content, headers=headers)
            assert (refused.status, refused.code) == (401, "unauthenticated")
            assert refused.headers["www-authenticate"] == 'Bearer realm="eoi"'
