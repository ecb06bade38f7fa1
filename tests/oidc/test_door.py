"""Tokens at the HTTP door: beside keys, and alone in a host's program."""

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.api.app import door_router
from adapters.api.auth import LONGEST
from adapters.api.door import Door
from adapters.api.jwks import REST_S
from adapters.api.oidc import Oidc
from adapters.api.rates import Rates
from adapters.bootstrap import App, build
from adapters.client import Client
from adapters.serving import api_of
from adapters.settings import Settings
from states.errors import BadInput
from tests.api_frame.asgi import JSON, Answer, ask, key
from tests.api_frame.conftest import MakeApi, call, knows, make_api, program
from tests.oidc.provider import AUDIENCE, Provider, ec_signer, rsa_signer
from tests.serving.served import Served
from workflow import CallView, Engine
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, admin, engine_in, new_call, officer, school

__all__ = ["call", "make_api", "program"]

SCHOOL: dict[str, Any] = {"sub": "head-1", "roles": ["School"], "organisation": {"urn": "121234"}}
Beside = Callable[..., FastAPI]


@pytest.fixture
def beside(make_api: MakeApi, oidc: Oidc) -> Beside:
    """Return what makes the program that knows keys and tokens."""
    return lambda **changes: make_api(knows=oidc.beside(knows), **changes)


def show(api: FastAPI, call: CallView, *headers: tuple[str, str], **how: Any) -> Answer:
    """Return the answer to who asks for a call."""
    return ask(api, "GET", f"/v1/calls/{call.id}", *headers, **how)


def test_a_key_and_a_token_open_the_same_door(provider: Provider, beside: Beside, call: CallView) -> None:
    """Each is known by its form."""
    api = beside()
    assert [show(api, call, key(each)).status for each in ("officer-key", provider.token())] == [200, 200]


def test_history_tells_issuers_and_keys_apart(
    provider: Provider, beside: Beside, program: App, call: CallView
) -> None:
    """Who came with a token stands there with their issuer; no key is named like that."""
    api = beside()
    reply = ask(
        api, "POST", f"/v1/calls/{call.id}/eois", key(provider.token(**SCHOOL)), JSON, body=b'{"answers": {}}'
    )
    (begun,) = program.engine.history(reply.json["eoi_id"])
    assert (begun.actor, begun.via) == (f"{provider.name}#head-1", "http")
    assert program.engine.get(reply.json["eoi_id"]).applicant == "URN:121234"


def test_what_is_not_theirs_is_not_found(
    provider: Provider, beside: Beside, program: App, call: CallView
) -> None:
    """A token opens what its organisations have, and nothing else."""
    own = program.engine.draft(call.id, answers={}, actor=school(121234)).eoi_id
    other = program.engine.draft(call.id, answers={}, actor=school(7)).eoi_id
    api, token = beside(), key(provider.token(**SCHOOL))
    assert [ask(api, "GET", f"/v1/eois/{each}", token).status for each in (own, other)] == [200, 404]


def test_one_token_is_one_pair_of_eyes(
    provider: Provider, beside: Beside, program: App, call: CallView, clock: FrozenClock
) -> None:
    """Who reviewed does not decide, with another token neither; another person of the same issuer does."""
    eoi = program.engine.draft(call.id, answers={}, actor=school()).eoi_id
    program.engine.submit(eoi, actor=school())
    clock.move_by(days=2)
    program.engine.close_due()
    told = []
    for sub, body in (
        ("a", b'{"trigger": "review"}'),
        ("a", b'{"trigger": "approve", "reason": "yes"}'),
        ("b", b'{"trigger": "approve", "reason": "yes"}'),
    ):
        token = key(provider.token(sub=sub, roles=["Panel"], jti=body.decode()))
        told.append(ask(beside(), "POST", f"/v1/eois/{eoi}/transitions", token, JSON, body=body).status)
    assert told == [200, 403, 200]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"roles": []}, "role-missing"),
        ({"roles": ...}, "role-missing"),
        ({"roles": ["system"]}, "role-missing"),
        ({"roles": ["School"]}, "not-your-organisation"),
        ({"roles": ["School"], "organisation": {"urn": []}}, "not-your-organisation"),
    ],
)
def test_a_token_that_gives_nothing_is_told_so(
    provider: Provider, beside: Beside, call: CallView, claims: dict[str, Any], code: str
) -> None:
    """403 in our words: somebody is known, and nothing here is for them; not even what anybody may read."""
    answer = show(beside(), call, key(provider.token(**claims)))
    assert (answer.status, answer.code) == (403, code)
    assert answer.json["detail"].startswith(f"{provider.name}#8f21 ")


def test_who_may_nothing_is_counted_all_the_same(provider: Provider, beside: Beside, call: CallView) -> None:
    """They have as many requests as others, and lock nobody else out."""
    api = beside(rates=Rates(requests=2, failures=1))
    idle = key(provider.token(sub="idle", roles=[]))
    assert [show(api, call, idle).status for _ in range(3)] == [403, 403, 429]
    assert show(api, call, key(provider.token())).status == 200


def test_whatever_is_wrong_with_a_token_is_told_alike(
    provider: Provider, beside: Beside, call: CallView
) -> None:
    """One answer for all of it, the one that is also given where there is no key at all."""
    api = beside()
    wrong = [
        provider.token(exp=1),
        provider.token(aud="another"),
        provider.token(iss="https://login.example"),
        provider.token(ec_signer()),
        provider.token(sub="head@school.example"),
        provider.token()[:-4],
        "a.b.c",
        "e30.e30.",
        "a.b.c.d.e",
        "k" * (LONGEST + 1),
        provider.token(more="m" * LONGEST),
    ]
    answers = [show(api, call, key(each)) for each in wrong]
    assert {each.status for each in answers} == {401}
    assert {each.body for each in answers} == {show(api, call).body}
    assert {each.header("www-authenticate") for each in answers} == {'Bearer realm="eoi"'}


def test_a_token_that_fails_is_a_guess(provider: Provider, beside: Beside, call: CallView) -> None:
    """After so many an address is not heard any more; a token that was right before is."""
    api = beside(rates=Rates(failures=3))
    good = key(provider.token())
    assert show(api, call, good).status == 200
    told = [show(api, call, key(provider.token(aud=f"another-{each}"))).status for each in range(4)]
    assert told == [401, 401, 401, 429]
    assert [show(api, call, each).status for each in (key(provider.token(jti="new")), good)] == [429, 200]


def test_an_issuer_out_of_reach_is_no_wrong_token(provider: Provider, beside: Beside, call: CallView) -> None:
    """Whoever cannot be known now is told to come again, and is not counted as who guesses; keys go on."""
    api = beside(rates=Rates(failures=1))
    token = key(provider.token())
    provider.stop()
    for _ in range(3):
        answer = show(api, call, token)
        assert (answer.status, answer.code) == (503, "issuer-unavailable")
        assert answer.header("retry-after") == str(int(REST_S))
    assert show(api, call, key("officer-key")).status == 200


def test_nothing_of_a_token_is_logged(
    provider: Provider, beside: Beside, call: CallView, caplog: pytest.LogCaptureFixture
) -> None:
    """Right or wrong: a word for what was wrong, the opaque id of who was right, and nothing else."""
    api = beside()
    said: dict[str, Any] = {"name": "Ada Lovelace", "email": "ada@school.example"}
    tokens = [provider.token(**said), provider.token(exp=1, **said), provider.token(rsa_signer("no"), **said)]
    with caplog.at_level(logging.DEBUG):
        answers = [show(api, call, key(each)) for each in tokens]
    assert [each.status for each in answers] == [200, 401, 401]
    heard = "".join(str(vars(record)) for record in caplog.records if record.name.startswith("eoi"))
    told = heard + "".join(f"{each.headers}{each.body!r}" for each in answers)
    secret = [part for token in tokens for part in token.split(".")] + list(said.values())
    assert [part for part in secret if part in told] == []
    codes = [vars(each)["code"] for each in caplog.records if each.getMessage() == "token.refused"]
    assert codes == ["expired", "no-key"]


def test_an_officer_with_a_token_stands_in(provider: Provider, beside: Beside, call: CallView) -> None:
    """`EOI-On-Behalf-Of` is theirs to say, as with a key."""
    body = b'{"answers": {}, "applicant": "URN:9"}'
    headers = (key(provider.token()), JSON, ("EOI-On-Behalf-Of", "head-9"))
    assert ask(beside(), "POST", f"/v1/calls/{call.id}/eois", *headers, body=body).status == 201


# ---- as the settings say


@pytest.fixture
def real() -> Iterator[Provider]:
    """Return a provider by the machine's clock."""
    with Provider(SystemClock()) as provider:
        yield provider


def test_the_settings_reach_the_door(real: Provider, tmp_path: Path, sqlite_template: Path) -> None:
    """Each of them counts: issuer, audience, algorithms, where the keys are, claims, roles, the prefix."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    settings = Settings(
        database_url=str(tmp_path / "eoi.db"),
        oidc_issuer=real.name,
        oidc_audience="eoi, https://eoi.example",
        oidc_jwks_url=f"{real.name}/keys",
        oidc_algorithms="ES256",
        oidc_roles="head=applicant, staff=officer",
        oidc_roles_claim="realm_access.roles",
        oidc_organisations_claim="schools",
        oidc_organisations_prefix="URN:",
        oidc_actor_claim="oid",
    )
    real.keys = [rsa_signer().jwk, ec_signer().jwk]
    said: dict[str, Any] = {
        "oid": "c3f1",
        "realm_access": {"roles": ["head"]},
        "schools": [121234],
        "aud": "eoi",
    }
    with build(settings) as app:
        own = engine_key(app.engine)
        api = api_of(app, settings)
        tokens = [
            real.token(ec_signer(), **said),
            real.token(ec_signer(), **{**said, "aud": AUDIENCE}),
            real.token(rsa_signer(), **said),
            own,
        ]
        assert [ask(api, "GET", "/v1/eois", key(each)).status for each in tokens] == [200, 401, 401, 200]
        assert real.asked == ["/keys"]
        call = app.engine.open_call(new_call(closes_on=None, closes_at=later(app.engine)), actor=officer())
        path = f"/v1/calls/{call.id}/eois"
        begun = ask(api, "POST", path, key(tokens[0]), JSON, body=b'{"answers": {}}')
        assert app.engine.get(begun.json["eoi_id"]).applicant == "URN:121234"
        assert app.engine.history(begun.json["eoi_id"])[0].actor == f"{real.name}#c3f1"


def engine_key(engine: Engine) -> str:
    """Return a key of the engine's own."""
    return str(engine.create_key("officer-1", roles={"officer"}, actor=admin()).key)


def later(engine: Engine) -> Any:
    """Return an instant that is ahead."""
    return engine.clock.now().replace(year=engine.clock.now().year + 1, day=1)


GOOD = {"oidc_issuer": "https://login.example", "oidc_audience": "eoi", "oidc_roles": "staff=officer"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"oidc_issuer": ""}, "oidc_issuer"),
        ({"oidc_issuer": "", "oidc_audience": ""}, "oidc_issuer"),
        ({"oidc_issuer": "login.example"}, "oidc_issuer"),
        ({"oidc_issuer": "http://login.example"}, "oidc_issuer"),
        ({"oidc_issuer": "https://login.example?tenant=1"}, "oidc_issuer"),
        ({"oidc_issuer": "https://login.example#here"}, "oidc_issuer"),
        ({"oidc_issuer": "https://me:word@login.example"}, "oidc_issuer"),
        ({"oidc_issuer": "https://login.example/a b"}, "oidc_issuer"),
        ({"oidc_issuer": "https://l\u00f6gin.example"}, "oidc_issuer"),
        ({"oidc_issuer": "https://login.example/" + "x" * 120}, "oidc_issuer"),
        ({"oidc_issuer": "file:///etc/passwd"}, "oidc_issuer"),
        ({"oidc_audience": ""}, "oidc_audience"),
        ({"oidc_audience": ","}, "oidc_audience"),
        ({"oidc_jwks_url": "http://login.example/keys"}, "oidc_jwks_url"),
        ({"oidc_jwks_url": "ftp://login.example/keys"}, "oidc_jwks_url"),
        ({"oidc_algorithms": ""}, "oidc_algorithms"),
        ({"oidc_algorithms": "none"}, "oidc_algorithms"),
        ({"oidc_algorithms": "RS256,HS256"}, "oidc_algorithms"),
        ({"oidc_algorithms": "rs256"}, "oidc_algorithms"),
        ({"oidc_roles": ""}, "oidc_roles"),
        ({"oidc_roles": "staff=system"}, "oidc_roles"),
        ({"oidc_roles": "head=applicant"}, "oidc_organisations_claim"),
        ({"oidc_roles_claim": ""}, "oidc_roles_claim"),
        ({"oidc_actor_claim": ""}, "oidc_actor_claim"),
    ],
)
def test_settings_that_make_no_sense_end_the_start(
    tmp_path: Path, changes: dict[str, str], field: str
) -> None:
    """The message names the variable; nothing is opened half, and nobody is asked yet."""
    with pytest.raises(BadInput) as caught:
        built(tmp_path, {**GOOD, **changes})
    assert caught.value.field == field
    assert f"EOI_{field.upper()}" in caught.value.message


def built(folder: Path, given: dict[str, str]) -> None:
    """Put the door together as these settings say."""
    settings = Settings(database_url=str(folder / "eoi.db"), **given)
    app = build(settings)
    try:
        api_of(app, settings)
    finally:
        app.close()


def test_good_settings_do(tmp_path: Path) -> None:
    """Those that the others are changes of; and the issuer need not be there when it starts."""
    built(tmp_path, GOOD)


def test_who_takes_no_tokens_pays_for_none() -> None:
    """Without an issuer what checks tokens is not loaded."""
    code = "import sys, adapters.serving; print(sorted({'jwt', 'cryptography'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_a_token_will_do_where_a_client_has_a_key(tmp_path: Path) -> None:
    """Who has a provider's token asks a server by it, as by a key."""
    with (
        Provider(SystemClock()) as provider,
        Served(
            tmp_path,
            EOI_OIDC_ISSUER=provider.name,
            EOI_OIDC_AUDIENCE=AUDIENCE,
            EOI_OIDC_ROLES="Staff=officer",
        ) as served,
    ):
        host, port = served.address
        with Client(f"http://{host}:{port}", provider.token()) as client:
            assert client.who_asks().id == f"{provider.name}#8f21"


# ---- in a program of a host's own


def test_a_host_takes_tokens_alone(
    provider: Provider, oidc: Oidc, tmp_path: Path, clock: FrozenClock
) -> None:
    """`Oidc` is all that a door needs to know who asks; what does not hold is refused as ever."""
    with engine_in(tmp_path, clock=clock) as engine:
        api = FastAPI(redirect_slashes=False)
        api.include_router(door_router(Door(engine=engine, authenticate=oidc)), prefix="/forms")
        tokens = [provider.token(), provider.token(exp=1), provider.token(roles=[]), "eoi_k3v9x2ab_1bN0"]
        told = [ask(api, "GET", "/forms/v1/calls", key(each)).status for each in tokens]
        assert [ask(api, "GET", "/forms/v1/calls").status, *told] == [401, 200, 401, 403, 401]
