import base64
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest
from standardwebhooks.webhooks import Webhook

from adapters.receivers import look_at
from adapters.settings import Settings
from tests.webhooks.receivers import Receiver, says
from workflow import BadInput, CallView, EndpointView, Engine
from workflow.testing import officer, school

ROOT: Final = Path(__file__).resolve().parents[2]
OFFICER: Final = ("--as", "programme.team", "--role", "officer")
#: What the operator names; so no test asks a resolver.
ALLOWED: Final = {"EOI_WEBHOOK_ALLOW": "10.0.0.0/8, 127.0.0.1"}
URL: Final = "https://127.0.0.1/eoi"
# Nobody listens on port 9 of this machine.
NOWHERE: Final = "http://127.0.0.1:9/eoi"
Eoi = Callable[..., Any]

#: The program, where the machine's resolver gives one answer: an address, or none.
LED: Final = """
import socket, sys
from adapters.cli import main

answer = sys.argv.pop(1)

def getaddrinfo(host, port, **_):
    if answer == "nowhere":
        raise socket.gaierror(-2, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port))]

socket.getaddrinfo = getaddrinfo
main()
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Lend a receiver that listens by http."""
    with Receiver() as receiver:
        yield receiver


def test_a_receiver_is_added_and_listed(eoi: Eoi) -> None:
    """An officer adds receivers, each for its events; JSON has the fields of EndpointView."""
    every = eoi("endpoint", "add", URL, *OFFICER, "--json", **ALLOWED).json
    assert every.keys() == {field.name for field in fields(EndpointView)}
    assert (every["courier"], every["url"], every["events"], every["signed"]) == ("webhook", URL, ["*"], True)
    words = ("--events", "eoi.submitted, call.*", "--events", "eoi.lapsed")
    some = eoi("endpoint", "add", f"{URL}/2", *words, *OFFICER, **ALLOWED)
    assert f"gets eoi.submitted, call.*, eoi.lapsed at {URL}/2." in some.out
    listed = eoi("endpoint", "list", *OFFICER, "--json").json
    assert (len(listed), every | {"secret": None} in listed) == (2, True)
    told = eoi("endpoint", "list", "--as", "a", "--role", "auditor").out
    assert [line.split()[1:4] for line in told.splitlines()[1:]] == [
        [each["url"], "webhook", "enabled"] for each in listed
    ]


def test_a_secret_is_shown_once(eoi: Eoi) -> None:
    """Whoever adds a webhook is shown its secret, and that this is the only time; nothing shows it later."""
    added = eoi("endpoint", "add", URL, *OFFICER, **ALLOWED)
    (secret,) = [word for word in added.out.split() if word.startswith("whsec_")]
    assert "it is not shown again" in added.out
    (known,) = eoi("endpoint", "list", "--json").json
    shown = eoi("endpoint", "show", known["id"], "--json")
    assert (shown.json, shown.json["secret"]) == (known, None)
    for words in (("list",), ("show", known["id"]), ("disable", known["id"]), ("remove", known["id"])):
        assert secret not in eoi("endpoint", *words, *OFFICER).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("http://council.example/eoi",), "EOI_WEBHOOK_ALLOW"),
        (("https://192.168.0.1/eoi",), "EOI_WEBHOOK_ALLOW"),
        (("nonsense",), "'nonsense'"),
        ((URL, "--events", "eoi.promoted"), "eoi.promoted"),
        ((URL, "--via", "pigeon"), "'pigeon'"),
        ((URL, "--timeout", "0"), "at least 0.1"),
        ((URL, "--timeout", "nan"), "timeout_s"),
        ((URL, "--concurrency", "0"), "concurrency"),
        ((URL, "--header", "Content-Type: text/plain"), "Content-Type"),
        (("nobody", "--via", "smtp"), "no e-mail address"),
        (("applicant", "--via", "smtp", "--events", "call.*"), "does not concern applicant"),
        (("applicant", "--via", "notify", "--header", "X-Team: eoi"), "Only a webhook"),
    ],
)
def test_a_receiver_that_cannot_be_meant_is_refused(eoi: Eoi, words: tuple[str, ...], said: str) -> None:
    """Plain http, a private address, none, an unknown event or courier, odd terms: refused, nothing added."""
    answer = eoi("endpoint", "add", *words, *OFFICER, "--json", **ALLOWED)
    assert (answer.status, answer.json["code"]) == (1, "bad-input")
    assert said in answer.json["detail"]
    assert eoi("endpoint", "list", "--json").json == []


def test_a_private_receiver_is_added_where_the_operator_names_it(eoi: Eoi) -> None:
    """What EOI_WEBHOOK_ALLOW names may be private, and plain http."""
    answer = eoi("endpoint", "add", NOWHERE, *OFFICER, **ALLOWED)
    assert (answer.status, NOWHERE in answer.out) == (0, True)


@pytest.mark.parametrize(
    "headers",
    [("Bearer tr0ub4dor",), ("X-Key: tr0ub4dor", "X-Key: tr0ub4dor2")],
)
def test_a_header_that_is_none_is_wrong_usage(eoi: Eoi, headers: tuple[str, ...]) -> None:
    """A header without a colon, or given twice, ends with 2; what it holds is not shown."""
    words = [word for header in headers for word in ("--header", header)]
    answer = eoi("endpoint", "add", URL, *words, *OFFICER, **ALLOWED)
    assert (answer.status, answer.out, "tr0ub4dor" in answer.err) == (2, "", False)
    assert f"Header number {len(headers)}" in answer.err


@pytest.mark.parametrize("given", ["", " ", ",", " , "])
@pytest.mark.parametrize("beside", [(), ("--events", "call.*")])
def test_a_filter_that_names_no_event_is_wrong_usage(eoi: Eoi, given: str, beside: tuple[str, ...]) -> None:
    """A variable that is empty subscribes to nothing, least of all to everything; nothing is added."""
    answer = eoi("endpoint", "add", NOWHERE, "--events", given, *beside, *OFFICER, **ALLOWED)
    assert (answer.status, answer.out) == (2, "")
    assert "names no event" in " ".join(answer.err.split())
    assert eoi("endpoint", "list", "--json").json == []


def test_terms_are_kept_and_shown(eoi: Eoi, receiver: Receiver) -> None:
    """Headers go with each request and are never shown; timeout, number at once and order are."""
    headers = ("--header", "Authorization: Bearer tr0ub4dor:3", "--header", "X-Team: eoi")
    terms = ("--timeout", "2.5", "--concurrency", "3", "--unordered")
    added = eoi("endpoint", "add", receiver.url(), *headers, *terms, *OFFICER, "--json", **ALLOWED).json
    assert (added["timeout_s"], added["concurrency"], added["ordered"]) == (2.5, 3, False)
    told = eoi("endpoint", "show", added["id"])
    assert (
        "Each step 2.5 s at the most At once 3 In order no Signed yes Headers yes, never shown" in told.told
    )
    assert "tr0ub4dor" not in told.out
    assert eoi("endpoint", "test", added["id"], *OFFICER, **ALLOWED).status == 0
    (taken,) = receiver.taken
    assert (taken.header("authorization"), taken.header("x-team")) == ("Bearer tr0ub4dor:3", "eoi")


def test_people_are_told_by_e_mail_without_a_secret(eoi: Eoi) -> None:
    """An endpoint may stand for people; where nobody is on its list yet, that is said at once."""
    first = eoi("endpoint", "add", "applicant", "--via", "smtp", *OFFICER)
    assert (first.status, "gets eoi.* at applicant by smtp." in first.out, first.out.count("\n")) == (
        0,
        True,
        1,
    )
    early = eoi("endpoint", "add", "officers", "--via", "notify", *OFFICER)
    assert "Nobody is on the list officers yet" in early.err
    odd = eoi("endpoint", "add", "list:St John's; true", "--via", "smtp", *OFFICER)
    assert """--list 'St John'"'"'s; true'`.""" in odd.err  # whoever copies it runs nothing else
    eoi("endpoint", "remove", eoi("endpoint", "list", "--json").json[-1]["id"], *OFFICER)
    row = "organisation,address\nNCC,team@council.example\n"
    eoi("contact", "import", "-", "--list", "officers", *OFFICER, stdin=row)
    late = eoi("endpoint", "add", "officers", "--via", "smtp", *OFFICER)
    assert (late.status, late.err) == (0, "")
    assert [each["url"] for each in eoi("endpoint", "list", "--json").json] == [
        "applicant",
        "list:officers",
        "list:officers",
    ]


@pytest.mark.parametrize("answers", [("10.1.2.3",), ("93.184.216.34", "169.254.169.254")])
def test_a_name_that_leads_inside_is_refused(answers: tuple[str, ...]) -> None:
    """Every address of the name is looked at: one that is private refuses the endpoint."""
    with pytest.raises(BadInput, match=f"leads to {answers[-1]}".replace(".", r"\.")):
        look_at("https://council.example/eoi", Settings(), resolve=lambda *_: answers)


def test_a_name_that_leads_outside_is_taken_without_a_word() -> None:
    """Where all addresses are public, there is nothing to say."""
    assert look_at("https://council.example/eoi", Settings(), resolve=lambda *_: ["93.184.216.34"]) is None


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    """The lookup has its time; after that a warning is all there is."""
    hangs = threading.Event()

    def resolve(*_: object) -> list[str]:
        hangs.wait()
        return []

    doubt = look_at("https://council.example/eoi", Settings(), resolve=resolve, within_s=0.1)
    hangs.set()
    assert doubt is not None
    assert "council.example cannot be looked up from here (no answer within 0.1 s)" in doubt


def led(folder: Path, answer: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program where every name leads to the same addresses."""
    return subprocess.run(
        [sys.executable, "-c", LED, answer, *words, *OFFICER],
        cwd=folder,
        env={"PATH": "", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_adding_looks_the_name_up_once(tmp_path: Path) -> None:
    """A name that leads inside is refused; one that nobody knows is a warning, and added all the same."""
    inside = led(tmp_path, "10.1.2.3", "endpoint", "add", "https://council.example/eoi")
    assert (inside.returncode, inside.stdout) == (1, "")
    assert "council.example leads to 10.1.2.3, which is no public address" in inside.stderr
    unknown = led(tmp_path, "nowhere", "endpoint", "add", "https://council.example/eoi")
    assert (unknown.returncode, "https://council.example/eoi" in unknown.stdout) == (0, True)
    assert "cannot be looked up from here (Name or service not known)" in unknown.stderr
    assert led(tmp_path, "10.1.2.3", "endpoint", "list").stdout.count("council.example") == 1


def test_what_happens_while_a_receiver_is_disabled_is_kept(
    eoi: Eoi, engine: Engine, past: CallView, receiver: Receiver
) -> None:
    """Disabled, it gets nothing and says why; enabled, it gets what was kept."""
    known = engine.add_endpoint(receiver.url(), events=["eoi.drafted"], actor=officer())
    off = eoi("endpoint", "disable", known.id, "--reason", "Moves house", *OFFICER, "--json").json
    assert (off["disabled_why"], off["disabled_at"] is None) == ("Moves house", False)
    engine.draft(past.id, answers={}, actor=school())
    eoi("tick", **ALLOWED)
    assert receiver.taken == []
    assert "State disabled Disabled 20" in eoi("endpoint", "show", known.id).told
    assert "Why Moves house" in eoi("endpoint", "show", known.id).told
    on = eoi("endpoint", "enable", known.id, *OFFICER)
    assert on.out == f"{receiver.url()} gets its events again, what was kept first.\n"
    eoi("tick", **ALLOWED)
    assert len(receiver.taken) == 1


def test_a_receiver_is_removed_for_good(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """What waited for it is parked, and its id leads nowhere."""
    known = engine.add_endpoint(NOWHERE, actor=officer())
    engine.draft(past.id, answers={}, actor=school())
    eoi("tick", **ALLOWED)
    removed = eoi("endpoint", "remove", known.id, *OFFICER)
    assert removed.out == f"{NOWHERE} gets nothing more: its endpoint is removed.\n"
    (row, *_) = eoi("outbox", "list", "--endpoint", known.id, "--json").json
    assert (row["state"], row["last_error"]) == ("parked", "Its endpoint was removed.")
    for words in ("show", "disable", "enable", "rotate", "test", "remove"):
        answer = eoi("endpoint", words, known.id, *OFFICER, "--json")
        assert (answer.status, answer.json["code"]) == (1, "not-found"), words


def test_both_secrets_sign_until_the_old_one_ends(eoi: Eoi, receiver: Receiver) -> None:
    """A rotation shows the new secret once; a receiver with either one takes what comes, if so wished."""
    added = eoi("endpoint", "add", receiver.url(), *OFFICER, "--json", **ALLOWED).json
    rotated = eoi("endpoint", "rotate", added["id"], *OFFICER)
    (new,) = [word for word in rotated.out.split() if word.startswith("whsec_")]
    assert "The old one signs beside it for 24 hours." in rotated.out
    eoi("endpoint", "test", added["id"], *OFFICER, **ALLOWED)
    for secret in (added["secret"], new):
        Webhook(secret).verify(receiver.taken[0].body, receiver.taken[0].named)
    at_once = eoi("endpoint", "rotate", added["id"], "--keep-old", "0", *OFFICER)
    assert "The old one has ended." in at_once.out
    eoi("endpoint", "test", added["id"], *OFFICER, **ALLOWED)
    assert len(receiver.taken[1].header("webhook-signature").split()) == 1


def test_what_was_kept_before_there_was_a_key_is_sealed(eoi: Eoi) -> None:
    """It says how many, what it left as it is, and that it takes a key and a database."""
    eoi("endpoint", "add", URL, *OFFICER, **ALLOWED)
    key, other = ({"EOI_SECRET_KEY": base64.b64encode(bytes([n]) * 32).decode()} for n in (1, 2))
    assert eoi("endpoint", "seal", *OFFICER, "--json").json["code"] == "bad-input"
    sealed = eoi("endpoint", "seal", *OFFICER, **key)
    assert (sealed.status, sealed.err) == (0, "")
    assert sealed.out == "Secrets and headers of 1 endpoint are sealed under the first key now.\n"
    left = eoi("endpoint", "seal", *OFFICER, "--json", **other)
    assert (left.json, "left as it is" in left.err) == ({"sealed": 0}, True)


def test_where_the_key_was_lost_the_new_secret_signs_alone(eoi: Eoi, receiver: Receiver) -> None:
    """Whoever rotates hears so, and the next thing that is sent arrives."""
    mine, other = ({"EOI_SECRET_KEY": base64.b64encode(bytes([n]) * 32).decode()} for n in (1, 2))
    added = eoi("endpoint", "add", receiver.url(), *OFFICER, "--json", **ALLOWED, **mine).json
    rotated = eoi("endpoint", "rotate", added["id"], *OFFICER, **other)
    assert "No old one signs beside it" in rotated.out
    assert eoi("endpoint", "test", added["id"], *OFFICER, **ALLOWED, **other).status == 0


def test_a_rotation_that_cannot_be_meant_is_refused(eoi: Eoi) -> None:
    """Less than no time, more than thirty days: wrong usage; a mailbox has no secret."""
    known = eoi("endpoint", "add", "a@council.example", "--via", "smtp", *OFFICER, "--json").json["id"]
    for hours in ("-1", "721", "soon"):
        assert eoi("endpoint", "rotate", known, "--keep-old", hours, *OFFICER).status == 2
    answer = eoi("endpoint", "rotate", known, *OFFICER, "--json")
    assert (answer.status, answer.json["code"]) == (1, "bad-input")
    assert eoi("endpoint", "test", known, *OFFICER, "--json").json["code"] == "bad-input"


def test_a_receiver_is_tried_at_once(eoi: Eoi, receiver: Receiver) -> None:
    """It gets a signed event `endpoint.pinged`, of which nothing is kept; its answer is shown."""
    receiver.answer = says(200, b"thank you")
    added = eoi("endpoint", "add", receiver.url(), *OFFICER, "--json", **ALLOWED).json
    tried = eoi("endpoint", "test", added["id"], *OFFICER, "--json", **ALLOWED)
    assert tried.status == 0
    assert 0 <= tried.json.pop("duration_s") < 10
    assert tried.json | {"duration_s": 0} == {
        "endpoint": added["id"],
        "arrived": True,
        "status": 200,
        "why": None,
        "answer": "thank you",
        "duration_s": 0,
    }
    (taken,) = receiver.taken
    assert Webhook(added["secret"]).verify(taken.body, taken.named)["type"] == "endpoint.pinged"
    assert eoi("outbox", "list", "--json").json == []
    told = eoi("endpoint", "test", added["id"], *OFFICER, **ALLOWED)
    assert told.out.startswith(f"It arrived at {receiver.url()}.\n")
    assert "Answer thank you" in told.told


def test_a_receiver_that_does_not_take_it_fails_its_test(eoi: Eoi, receiver: Receiver) -> None:
    """An error, and nobody there: exit status 1, with what went wrong and what was answered."""
    receiver.answer = says(403, b"who are you")
    there = eoi("endpoint", "add", receiver.url(), *OFFICER, "--json", **ALLOWED).json["id"]
    refused = eoi("endpoint", "test", there, *OFFICER, **ALLOWED)
    assert (refused.status, "It did not arrive: The receiver answered 403 Forbidden." in refused.out) == (
        1,
        True,
    )
    assert "Status 403" in refused.told
    assert "Answer who are you" in refused.told
    nowhere = eoi("endpoint", "add", NOWHERE, *OFFICER, "--json", **ALLOWED).json["id"]
    silent = eoi("endpoint", "test", nowhere, *OFFICER, "--json", **ALLOWED)
    assert (silent.status, silent.json["arrived"], silent.json["status"]) == (1, False, None)
    assert "could not be reached" in silent.json["why"]
    withdrawn = eoi("endpoint", "test", there, *OFFICER, "--json")  # no longer named by the operator
    assert (withdrawn.status, "EOI_WEBHOOK_ALLOW" in withdrawn.json["why"]) == (1, True)
    assert len(receiver.taken) == 1


def test_an_auditor_may_look_and_touch_nothing(eoi: Eoi) -> None:
    """Auditors list and show; every change, and a test, is for officers and admins."""
    known = eoi("endpoint", "add", URL, *OFFICER, "--json", **ALLOWED).json["id"]
    auditor = ("--as", "a", "--role", "auditor", "--json")
    assert eoi("endpoint", "show", known, *auditor).status == 0
    for words in ("disable", "enable", "rotate", "test", "remove"):
        answer = eoi("endpoint", words, known, *auditor)
        assert (answer.status, answer.json["code"]) == (1, "role-missing"), words
