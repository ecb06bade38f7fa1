"""Which addresses letters go to and come from, and which server takes them: what is refused at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.mail.mailboxes import Mailbox, Sender
from adapters.outbound.mail.server import MailServer, Security
from states.errors import BadInput

LONG = "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".uk"


@pytest.mark.parametrize(
    "address",
    [
        "head@school.example",
        "Head.Teacher+bases@primary.school.example",
        "o'brien_{x}@school.sch.uk",
        "a@b.co",
        "1@2.example",
        LONG,
        "büro@schüle.example",
        "校長@学校.example",
        "office@xn--schle-kva.example",
    ],
)
def test_what_is_one_mailbox_is_taken_as_it_is(address: str) -> None:
    """Nothing of it is changed but for the normal form of its letters."""
    assert Mailbox.parse(address).address == address
    assert Mailbox.parse(address).is_plain == address.isascii()
    assert Mailbox.parse("bu\u0308ro@school.example").address == "büro@school.example"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "head",
        "head@",
        "@school.example",
        "head@school",
        "head@school..example",
        "head@.example",
        "head@school.example.",
        "head@-school.example",
        "head@school_1.example",
        "head@127.0.0.1",
        "head@[127.0.0.1]",
        "head@a@school.example",
        ".head@school.example",
        "head.@school.example",
        "he..ad@school.example",
        "head teacher@school.example",
        " head@school.example",
        "head@school.example ",
        "head@school.example\n",
        "head@school.example\r\nRCPT TO:<x@y.example>",
        "head@school.example,office@school.example",
        "head@school.example;office@school.example",
        "Head <head@school.example>",
        "<head@school.example>",
        '"head"@school.example',
        "head(x)@school.example",
        "mailto:head@school.example",
        "head\0@school.example",
        "head\u200b@school.example",
        "head\u202e@school.example",
        "head\ud800@school.example",
        "head@school\u3002example",
        "head@sch/ool.example",
        "a" * 65 + "@school.example",
        "ü" * 33 + "@school.example",
        LONG + "x" * 10,
        "head@" + "b" * 64 + ".example",
        "x" * 1_000_000,
    ],
)
def test_what_is_none_or_several_is_refused(address: str) -> None:
    """The refusal names the field, and does not repeat the address."""
    with pytest.raises(BadInput) as refused:
        Mailbox.parse(address)
    assert refused.value.field == "address"
    assert "head" not in str(refused.value)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_address_holds_what_would_end_a_command(name: str, domain: str) -> None:
    """Whatever is given: what is taken has one @, no space, no brackets, no list and no control character."""
    try:
        address = Mailbox.parse(f"{name}@{domain}").address
    except BadInput:
        return
    assert address.count("@") == 1
    assert address.isprintable()
    assert not set(address) & set(' <>,;:()[]\\"')


@pytest.mark.parametrize(
    ("text", "shown_as", "header"),
    [
        ("bases@council.example", "", "bases@council.example"),
        ("Bases <bases@council.example>", "Bases", "Bases <bases@council.example>"),
        (
            '"Council, Norfolk" <b@council.example>',
            "Council, Norfolk",
            '"Council, Norfolk" <b@council.example>',
        ),
        (
            "Council (Norfolk) <b@council.example>",
            "Council (Norfolk)",
            '"Council (Norfolk)" <b@council.example>',
        ),
        ("Cyngor Ynys Môn <b@council.example>", "Cyngor Ynys Môn", "Cyngor Ynys Môn <b@council.example>"),
    ],
)
def test_a_sender_may_have_a_name(text: str, shown_as: str, header: str) -> None:
    """With it or without it, in quotation marks or not."""
    sender = Sender.parse(text)
    assert sender.shown_as == shown_as
    assert str(sender.header) == header


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Council",
        "Council <bases>",
        "a@council.example, b@council.example",
        "a <a@council.example>, b <b@council.example>",
        "Council <bases@council.example>\r\nBcc: x@y.example",
        "Council <büro@council.example>",
        "Council <bases@coüncil.example>",
    ],
)
def test_a_sender_is_one_address(text: str) -> None:
    """None, several, one with another header after it, or one that not every server can read: refused."""
    with pytest.raises(BadInput) as refused:
        Sender.parse(text)
    assert refused.value.field == "sender"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.council.example", MailServer(host="mail.council.example", port=587)),
        ("smtp://mail.council.example:25/", MailServer(host="mail.council.example", port=25)),
        (
            "smtps://mail.example",
            MailServer(host="mail.example", port=465, security=Security.TLS),
        ),
        ("smtp+plain://localhost", MailServer(host="localhost", port=25, security=Security.NONE)),
        ("smtp+plain://127.0.0.1:2525", MailServer(host="127.0.0.1", port=2525, security=Security.NONE)),
        ("smtp+plain://[::1]:2525", MailServer(host="::1", port=2525, security=Security.NONE)),
        (
            "SMTP://b%40council.example:p%2F%3F%23%40%3A%25@Mail.example:2525",
            MailServer(host="mail.example", port=2525, user="b@council.example", password="p/?#@:%"),
        ),
    ],
)
def test_a_server_is_given_as_a_url(url: str, server: MailServer) -> None:
    """STARTTLS on 587, TLS on 465, clear text to this machine alone; passwords are written with % signs."""
    assert MailServer.parse(url) == server


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mail.council.example", "must begin with smtp://"),
        ("http://mail.council.example", "must begin with smtp://"),
        ("smtp+plain://mail.council.example", "only for a relay on this machine"),
        ("smtp+plain://localhost.evil.example", "only for a relay on this machine"),
        ("smtp+plain://10.0.0.1", "only for a relay on this machine"),
        ("smtp://mail.council.example:465", "write smtps://"),
        ("smtps://mail.council.example:587", "write smtp://"),
        ("smtps://mail.council.example:25", "write smtp://"),
        ("smtp://", "It must be such as"),
        ("smtp://mail.council.example/inbox", "It must be such as"),
        ("smtp://mail.council.example?tls=no", "It must be such as"),
        ("smtp://user:hunter2/x@mail.council.example", "cannot be read"),
        ("smtp://user:hunter2#x@mail.council.example", "cannot be read"),
        ("smtp://user:hunter2@mail.council.example:x", "cannot be read"),
        ("smtp://user:hunter2@mail.council.example:99999", "cannot be read"),
        ("smtp://user:hunter2@mail.council.example:0x19", "cannot be read"),
        ("smtp://user:hunter2@mail..example", "cannot be read"),
        ("smtp://user:hunter2@[::1", "cannot be read"),
        ("smtp://user:hunter2@" + "m" * 64 + ".example", "cannot be read"),
        ("smtp://user:hunter2@mäil.example", "cannot be read"),
        ("smtp://user@mail.council.example", "both a user's name and a password"),
        ("smtp://:hunter2@mail.council.example", "both a user's name and a password"),
        ("smtp://user:hunter2%C3%A9@mail.council.example", "plain ASCII"),
        ("smtp://user:hunter2%0D%0A@mail.council.example", "plain ASCII"),
        ("smtp://user:hunter2@mail.council.example\n", "space or a line's end"),
        ("smtp://user:hunter2 @mail.council.example", "space or a line's end"),
    ],
)
def test_a_server_that_cannot_be_meant_is_refused(url: str, words: str) -> None:
    """The refusal says what to write, and repeats nothing of the URL, which holds a password."""
    with pytest.raises(BadInput) as refused:
        MailServer.parse(url)
    assert words in refused.value.message
    assert refused.value.message.startswith("EOI_SMTP_URL cannot be used. ")
    assert refused.value.field == "smtp_url"
    assert "hunter2" not in repr(refused.value) + str(refused.value.facts)


def test_no_password_is_shown() -> None:
    """What tells of a server in a log or a traceback tells its password to nobody."""
    assert "hunter2" not in repr(MailServer.parse("smtp://user:hunter2@mail.council.example"))
