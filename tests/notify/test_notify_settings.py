"""Settings that cannot be used are found when the program starts, and told without showing a secret."""

import pytest

from adapters.outbound.govuk_notify import Key, NotifyCourier
from adapters.outbound.notify_words import Templates
from states.errors import BadInput
from tests.notify.service import CALLS, KEY, SECRET, SERVICE, SUBMITTED, TEMPLATES
from workflow import EventType
from workflow.testing import FrozenClock


@pytest.mark.parametrize("name", ["council_live", "a", "a-b-c", "eoi.live(2)", f"key-{SERVICE}"])
def test_a_key_is_taken_apart(name: str) -> None:
    """Its name may hold anything, hyphens and even an id too."""
    key = Key.parse(f"{name}-{SERVICE}-{SECRET}")
    assert (key.service_id, key.secret) == (SERVICE, SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        SECRET,
        f"{SERVICE}-{SECRET}",
        f"-{SERVICE}-{SECRET}",
        f"name-{SERVICE}",
        f"name-{SERVICE}{SECRET}",
        f"name-{SERVICE}-{SECRET}\n",
        f" name-{SERVICE}-{SECRET}",
        f"name-{SERVICE}-{SECRET[:-1]}",
        f"name-{SERVICE}-{SECRET}0",
        f"name-{SERVICE}-{SECRET[:-1]}g",
        f"name-{SERVICE}-{'-' * 36}",
        f"name-{SERVICE}-{SECRET.replace('-', '0')}",
        f"näme-{SERVICE}-{SECRET}",
        f"{'n' * 256}-{SERVICE}-{SECRET}",
        None,
        KEY.encode(),
    ],
)
def test_a_key_that_is_none_is_refused_unseen(text: str) -> None:
    """One that was cut off while pasting is told as such, not as a clock that is wrong."""
    with pytest.raises(BadInput) as caught:
        Key.parse(text)
    said = "EOI_NOTIFY_KEY must be a key as GOV.UK Notify shows it: <name>-<service id>-<secret>."
    assert (caught.value.message, caught.value.field) == (said, "notify_key")
    assert caught.value.facts == {}


def test_the_first_pattern_that_fits_counts() -> None:
    """In the order in which they stand."""
    templates = Templates.parse(f" eoi.submitted = {SUBMITTED} ,*={CALLS}, ")
    assert templates.template(EventType.EOI_SUBMITTED) == SUBMITTED
    assert {templates.template(each) for each in EventType if each != "eoi.submitted"} == {CALLS}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no template: give one such as call.*=<template id>."),
        (" , ", "names no template: give one such as call.*=<template id>."),
        (SUBMITTED, "must be <event>=<template id>, with commas between them; "),
        ("call.*=", "must be <event>=<template id>, with commas between them; 'call.*' has no id."),
        (f"call.*={SUBMITTED[:-1]}", "must be <event>=<template id>, with commas between them; "),
        (f"call.*={SUBMITTED};eoi.*={CALLS}", "must be <event>=<template id>, with commas between them; "),
        (f"cal.*={SUBMITTED}", "cannot be read: No event is called 'cal.*'. Events are: call.opened"),
        (f"={SUBMITTED}", "cannot be read: No event is called ''."),
        (f"call.*={SUBMITTED}, call.opened={CALLS}", "has 'call.opened' where it can never count: "),
        (f"*={SUBMITTED}, eoi.*={CALLS}", "has 'eoi.*' where it can never count: "),
    ],
)
def test_templates_that_cannot_be_meant_are_refused(text: str, said: str) -> None:
    """A slip of the pen is found at the start, not when the first e-mail is due."""
    with pytest.raises(BadInput) as caught:
        Templates.parse(text)
    assert caught.value.message.startswith(f"EOI_NOTIFY_TEMPLATES {said}")
    assert caught.value.field == "notify_templates"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.notifications.service.gov.uk",
        "http://10.0.0.1:8080",
        "https://user:password@notify.example",
        "https://",
        "https://notify.example/?key=1",
        "https://notify.example/#a",
        "ftp://notify.example",
        "notify.example",
        "https://notify.example:port",
        "",
        None,
    ],
)
def test_nothing_is_sent_in_clear_or_to_no_address(clock: FrozenClock, url: str) -> None:
    """Addresses of people and a token go there: https, or this machine."""
    with pytest.raises(BadInput) as caught:
        NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=url)
    said = "EOI_NOTIFY_URL must be an address such as https://api.notifications.service.gov.uk."
    assert (caught.value.message, caught.value.field) == (said, "notify_url")


@pytest.mark.parametrize("url", ["https://notify.example/eoi/", "http://localhost:6011", "http://[::1]:6011"])
def test_a_proxy_or_this_machine_may_stand_in(clock: FrozenClock, url: str) -> None:
    """For tests, and where all that leaves goes through a gateway."""
    assert NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=url)._url == url.rstrip("/")


@pytest.mark.parametrize("reply_to", ["", "team@norfolk.example", SERVICE + "0"])
def test_a_reply_to_address_is_given_by_its_id(clock: FrozenClock, reply_to: str) -> None:
    """Notify knows the addresses of a service by ids."""
    with pytest.raises(BadInput) as caught:
        NotifyCourier(KEY, TEMPLATES, clock=clock, reply_to=reply_to)
    assert caught.value.message.startswith("EOI_NOTIFY_REPLY_TO must be the id of a reply-to address")
