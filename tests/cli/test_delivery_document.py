"""docs/delivery.md is in step with the code: its commands, its numbers, its example, its snippet."""

import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from standardwebhooks.webhooks import Webhook

from adapters.cli.endpoints import DAY_H, LONGEST_H
from adapters.inbound.contact_list import contacts_from
from adapters.outbound import answers
from adapters.outbound.addresses import PORTS
from adapters.outbound.envelope import CONTENT_TYPE, body, envelope
from tests.webhooks.making import event
from workflow import backoff
from workflow.delivering import KEEP_DAYS
from workflow.outbox import PATIENCE_S
from workflow.store.endpoints import OPENS_AT

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs/delivery.md").read_text(encoding="utf-8")
WORDS: Final = " ".join(PAGE.split())
GROUPS: Final = ("endpoint", "outbox", "contact")
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def blocks(language: str) -> list[str]:
    """Return what stands in blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """Return each `eoi …` of the page, as its words."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    lines += re.findall(r"`(eoi [a-z][^`]*)`", PAGE)
    return [shlex.split(line)[1:] for line in lines if line.startswith("eoi ")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_is_one(eoi: Callable[..., Any], words: list[str]) -> None:
    """Each command of the page is understood, with its options: it works, or is refused, never misread."""
    assert eoi(*words, "--help").status == 0
    asks_a_resolver, has_no_end = words[:2] == ["endpoint", "add"], "--follow" in words
    if words[0] in (*GROUPS, "events") and not asks_a_resolver and not has_no_end:
        assert eoi(*words, stdin="").status != 2


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_about_delivery_is_told(eoi: Callable[..., Any], group: str) -> None:
    """Whoever reads the page meets each command of endpoints, outbox and contacts."""
    listed = eoi(group, "--help").out.partition("Commands:\n")[2]
    names = set(re.findall(r"^  ([a-z]+) ", listed, flags=re.MULTILINE))
    assert names == {
        name for known, name, *_ in (words for words in commands() if len(words) > 1) if known == group
    }


def test_its_numbers_are_those_of_the_code() -> None:
    """Attempts, gaps, rests, hours and days are what the code goes by."""
    assert f"tried up to **{backoff.GAPS + 1} times**: the first {backoff.QUICK_GAPS} gaps last" in WORDS
    assert backoff.QUICK_S == (2.5, 5.0)
    assert f"up to {backoff.LONGEST_S / 3600:.0f} hours. All together" in WORDS
    assert f"about **{backoff.IN_ALL_S / 3600:.0f} hours**" in WORDS
    assert f"has failed for {PATIENCE_S / 3600:.0f} hours without a break" in WORDS
    assert f"**{OPENS_AT} failures in a row**" in WORDS
    assert f"up to {backoff.LONGEST_REST_S / 60:.0f} minutes" in WORDS
    longest = "an hour" if backoff.LONGEST_ASKED_S == 3600 else "?"
    assert f"(`Retry-After`, in seconds or as a date) | gets it, up to {longest}:" in WORDS
    assert f"({DAY_H:g}, if you do not say; {LONGEST_H:g} at the most)" in WORDS
    assert f"**{KEEP_DAYS:g} days**" in WORDS
    assert f"ports {' and '.join(map(str, sorted(PORTS)))}" in WORDS
    assert f"`Content-Type: {CONTENT_TYPE}`" in WORDS
    told = re.search(r"answers ([0-9, ]+), 5xx", WORDS)
    assert told is not None
    assert set(map(int, told[1].split(", "))) == answers.OF_RECEIVER


def test_its_example_has_the_form_of_what_is_sent() -> None:
    """The event that the page shows has every field that a receiver gets, and no other."""
    (shown,) = map(json.loads, blocks("json"))
    sent = envelope(event())
    assert shown.keys() == sent.keys()
    assert shown["data"].keys() == dict(sent["data"]).keys()  # type: ignore[call-overload]  # it is a mapping


def test_its_python_tells_true_from_false() -> None:
    """Whoever copies the snippet takes what is signed, and nothing else."""
    (snippet,) = blocks("python")
    made: dict[str, Any] = {}
    exec(snippet, made)  # noqa: S102 -- our own page
    now, content = datetime.now(UTC), body(event())  # noqa: TID251 -- the library goes by the system's clock
    headers = {"Webhook-Id": "e-1:2", "Webhook-Timestamp": str(int(now.timestamp()))}
    signature = Webhook(SECRET).sign("e-1:2", now, content.decode())
    signed = headers | {"Webhook-Signature": signature}
    assert made["verified"](SECRET, content, signed)["type"] == "eoi.submitted"
    assert made["verified"](SECRET, content + b" ", signed) is None
    assert made["verified"](SECRET, content, headers) is None


def test_its_list_can_be_imported() -> None:
    """The CSV that the page shows is one."""
    (shown,) = blocks("csv")
    assert [each.name for each in contacts_from(shown.encode())] == ["Sprowston Junior School", None]
