"""What is sent over a connection that nobody else can read, and what is not sent at all."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.outbound.mail.server import MailServer, Security
from tests.letters.conftest import NewCourier
from tests.letters.facts import delivery
from tests.letters.post import Authority, Clerk, Line, Post, Script, Scripted, accepts, polite
from workflow.ports import Delayed, Delivered

USER, PASSWORD = "bases@council.example", "correct horse"


def _server(post: Post | Scripted, security: Security, *, user: str = "", password: str = "") -> MailServer:
    return MailServer(host="127.0.0.1", port=post.port, security=security, user=user, password=password)


def _starttls(authority: Authority) -> dict[str, object]:
    return {"tls_context": authority.for_server(), "require_starttls": True}


def test_starttls_comes_before_everything_else(
    post_with: Callable[..., Post], clerk: Clerk, authority: Authority, new_courier: NewCourier
) -> None:
    """Sign-in and letter go over the connection as it is secured."""
    post = post_with(
        **_starttls(authority), authenticator=accepts(USER.encode(), PASSWORD.encode()), auth_required=True
    )
    server = _server(post, Security.STARTTLS, user=USER, password=PASSWORD)
    courier = new_courier(server, context=authority.for_client())
    assert isinstance(courier.deliver(delivery()), Delivered)
    (taken,) = clerk.taken
    assert (taken.secured, taken.user) == (True, USER.encode())


def test_tls_from_the_first_byte(
    post_with: Callable[..., Post], clerk: Clerk, authority: Authority, new_courier: NewCourier
) -> None:
    """The server's other port."""
    post = post_with(ssl_context=authority.for_server())
    courier = new_courier(_server(post, Security.TLS), context=authority.for_client())
    assert isinstance(courier.deliver(delivery()), Delivered)
    assert clerk.taken[0].secured


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_secured_connection_is_used_again(
    post_with: Callable[..., Post],
    clerk: Clerk,
    authority: Authority,
    new_courier: NewCourier,
    *,
    security: Security,
) -> None:
    """What TLS itself says between two letters is not taken for a word out of turn."""
    settings = {"ssl_context": authority.for_server()} if security is Security.TLS else _starttls(authority)
    post = post_with(**settings)
    courier = new_courier(_server(post, security), context=authority.for_client())
    for _ in range(4):
        assert isinstance(courier.deliver(delivery()), Delivered)
    assert len({taken.peer for taken in clerk.taken}) == 1


def test_nothing_is_sent_in_clear_text(
    post_with: Callable[..., Post], clerk: Clerk, authority: Authority, new_courier: NewCourier
) -> None:
    """A server without STARTTLS, or somebody on the way who hides it, gets neither name nor letter."""
    post = post_with(authenticator=accepts(USER.encode(), PASSWORD.encode()), auth_require_tls=False)
    server = _server(post, Security.STARTTLS, user=USER, password=PASSWORD)
    assert new_courier(server, context=authority.for_client()).deliver(delivery()) == Delayed(
        why="The mail server does not offer STARTTLS, and nothing is sent to it in clear text."
    )
    assert clerk.taken == []
    assert clerk.heard == ["EHLO council.example"]


def test_starttls_that_is_refused(scripted: Callable[[Script], Scripted], new_courier: NewCourier) -> None:
    """Offered, and not there now: it is tried again later, and nothing is sent in clear text meanwhile."""
    heard, over = list[bytes](), threading.Event()
    offers = b"250-post.example\r\n250 STARTTLS\r\n"

    def script(line: Line) -> None:
        line.say(b"220 post.example\r\n")
        heard.append(line.hear())
        line.say(offers)
        heard.append(line.hear())
        line.say(b"454 4.7.0 TLS not available now\r\n")
        heard.append(line.hear())
        over.set()

    server = _server(scripted(script), Security.STARTTLS)
    assert new_courier(server).deliver(delivery()) == Delayed(
        why="The mail server answered 454: it is against the server's rules.",
        status=454,
        answer="454 4.7.0 TLS not available now",
    )
    assert over.wait(30)
    assert heard == [b"ehlo council.example", b"STARTTLS", b""]


def test_what_was_said_before_it_was_secure_is_forgotten(
    scripted: Callable[[Script], Scripted], authority: Authority, new_courier: NewCourier
) -> None:
    """A reply that somebody slipped in behind STARTTLS is not taken for the server's own."""

    def script(line: Line) -> None:
        line.say(b"220 post.example\r\n")
        line.hear()
        line.say(b"250-post.example\r\n250 STARTTLS\r\n")
        line.hear()
        line.say(b"220 go on\r\n250-evil\r\n250 SMTPUTF8\r\n")
        line.secure(authority.for_server())
        polite({"GREETING": b""})(line)

    server = _server(scripted(script), Security.STARTTLS)
    courier = new_courier(server, context=authority.for_client())
    assert not isinstance(courier.deliver(delivery(to="büro@school.example")), Delivered)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("stranger", "unable to get local issuer certificate"),
        ("other", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("old", "certificate has expired"),
    ],
)
def test_a_certificate_that_proves_nothing_is_refused(
    post_with: Callable[..., Post],
    clerk: Clerk,
    authority: Authority,
    new_courier: NewCourier,
    tmp_path: Path,
    *,
    security: Security,
    fault: str,
    why: str,
) -> None:
    """By nobody that is trusted, for another host, expired: tried again, for an operator to mend it."""
    made = {
        "stranger": lambda: replace(Authority.made(tmp_path / "stranger"), ca=authority.ca),
        "other": lambda: Authority.made(tmp_path / "other", host="127.0.0.2"),
        "old": lambda: Authority.made(tmp_path / "old", days=-1),
    }[fault]()
    settings = {"ssl_context": made.for_server()} if security is Security.TLS else _starttls(made)
    post = post_with(**settings)
    found = new_courier(_server(post, security), context=made.for_client()).deliver(delivery())
    assert found == Delayed(why=f"The mail server's certificate is not to be trusted: {why}.")
    assert clerk.taken == []


def test_by_default_this_machine_says_whom_to_trust(
    post_with: Callable[..., Post], clerk: Clerk, authority: Authority, new_courier: NewCourier
) -> None:
    """Without a context of the operator's own, a throwaway authority is not believed."""
    post = post_with(ssl_context=authority.for_server())
    found = new_courier(_server(post, Security.TLS)).deliver(delivery())
    assert isinstance(found, Delayed)
    assert "certificate is not to be trusted" in found.why


def test_a_server_that_speaks_no_tls(post: MailServer, clerk: Clerk, new_courier: NewCourier) -> None:
    """The wrong port: what comes is no TLS, and is tried again."""
    found = new_courier(replace(post, security=Security.TLS)).deliver(delivery())
    assert found == Delayed(why="The connection to the mail server could not be secured.")


def test_a_wrong_password_is_for_the_operator(
    post_with: Callable[..., Post], clerk: Clerk, authority: Authority, new_courier: NewCourier
) -> None:
    """No letter is given up for it: all wait until it is mended; and nobody reads it in the outcome."""
    post = post_with(**_starttls(authority), authenticator=accepts(USER.encode(), PASSWORD.encode()))
    server = _server(post, Security.STARTTLS, user=USER, password="wrong horse")
    found = new_courier(server, context=authority.for_client()).deliver(delivery())
    assert found == Delayed(
        why="The mail server answered 535: the name or the password is wrong.",
        status=535,
        answer="535 5.7.8 Authentication credentials invalid",
    )
    assert clerk.taken == []


def test_a_server_at_which_nobody_can_sign_in(
    post_with: Callable[..., Post], clerk: Clerk, authority: Authority, new_courier: NewCourier
) -> None:
    """A name and a password are of no use there, which is said."""
    post = post_with(**_starttls(authority), auth_exclude_mechanism=["PLAIN", "LOGIN"])
    server = _server(post, Security.STARTTLS, user=USER, password=PASSWORD)
    assert new_courier(server, context=authority.for_client()).deliver(delivery()) == Delayed(
        why="The mail server offers no way to sign in by name and password."
    )


def test_a_sign_in_that_is_rubbish(scripted: Callable[[Script], Scripted], new_courier: NewCourier) -> None:
    """A challenge that cannot be read is an outcome, not an exception."""
    server = scripted(
        polite({"EHLO": b"250-post.example\r\n250 AUTH CRAM-MD5\r\n", "AUTH": b"334 abc\r\n"})
    ).server
    found = new_courier(replace(server, user=USER, password=PASSWORD)).deliver(delivery())
    assert found == Delayed(why="The mail server does not sign in as a mail server does.")
