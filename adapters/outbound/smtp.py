"""The courier that sends letters by SMTP, through the council's own mail server.

One attempt, one letter to one mailbox. Whether it is tried again follows from who said no: the server as a
whole (wait for it, or for whoever runs it), the mailbox (a person must look), or nobody, where the connection
broke (the letter may have arrived; it is sent again under the same Message-ID).
"""

import smtplib
import socket
import ssl
from enum import Enum, auto
from functools import partial
from typing import Final

from adapters.outbound.letters import Letters
from adapters.outbound.mail.mailboxes import Mailbox, Sender
from adapters.outbound.mail.message import message
from adapters.outbound.mail.pool import CONNECTIONS, IDLE_S, LETTERS, MailPool, NoConnection
from adapters.outbound.mail.replies import Reply
from adapters.outbound.mail.server import MailServer
from adapters.outbound.mail.session import Deadline, MailSession, ServerTrouble
from states.errors import BadInput
from workflow.ports import Clock, Delayed, Delivered, Delivery, Outcome, Undeliverable

#: How long each step (connect, greet, secure, sign in, name sender and mailbox) may take, in seconds.
TIMEOUT_S: Final = 20.0
#: How many times that an attempt may take in all, looking the server's name up not counted.
STEPS: Final = 3

#: Refusals that speak of us and not of the mailbox. Source: RFC 5321, 4.2.3; RFC 4954, 6.
_OF_US: Final = frozenset({421, 500, 501, 502, 503, 504, 521, 530, 534, 535, 538})
_UNKNOWN: Final = (
    "The connection broke before the mail server said whether it has taken the letter; "
    "it is sent again, under the same Message-ID."
)
_CLOSED: Final = "The mail server closed the connection."
#: What may go wrong on the way, the particular first.
_WORDS: Final[tuple[tuple[type[OSError], str], ...]] = (
    (NoConnection, "All connections to the mail server were in use."),
    (TimeoutError, "The mail server did not answer in time."),
    (ssl.SSLError, "The connection to the mail server could not be secured."),
    (socket.gaierror, "The mail server's name could not be looked up."),
    (ConnectionRefusedError, "Nothing listens where the mail server should be."),
    (ConnectionError, _CLOSED),
    (OSError, "The mail server could not be reached."),
)


class _Step(Enum):
    """What a reply answers."""

    #: Whom the letter comes from.
    SENDER = auto()
    #: Whom it goes to.
    MAILBOX = auto()
    #: The letter itself.
    LETTER = auto()


class SmtpCourier:
    """Sends each event as a letter to the delivery's address. Threads share one."""

    def __init__(
        self,
        server: MailServer,
        *,
        sender: Sender,
        letters: Letters,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
        context: ssl.SSLContext | None = None,
        connections: int = CONNECTIONS,
        letters_each: int = LETTERS,
        idle_s: float = IDLE_S,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            server: which server takes the mail.
            sender: whom letters come from, and whom the answers to them go to.
            letters: writes them.
            clock: dates them.
            timeout_s: how long each step may take, in seconds; three times that all of them together.
            context: vets the server's certificate; None: against the authorities that this machine trusts.
            connections: how many there are to the server at the most.
            letters_each: how many letters a connection carries before another is made.
            idle_s: how long one may lie idle and still be used, in seconds.
        """
        self._sender = sender
        self._letters = letters
        self._clock = clock
        self._timeout_s = timeout_s
        opens = partial(
            _opened, server, name=sender.mailbox.domain, context=context or ssl.create_default_context()
        )
        self._pool = MailPool(opens, most=connections, letters=letters_each, idle_s=idle_s)

    def deliver(self, delivery: Delivery) -> Outcome:
        """Send one letter, and say how that ended."""
        try:
            to = Mailbox.parse(delivery.address)
            written = message(
                self._letters.write(delivery),
                sender=self._sender,
                to=to,
                event_id=delivery.event.id,
                at=self._clock.now(),
            )
        except BadInput as refused:
            return Undeliverable(why=refused.message)
        step_s = delivery.timeout_s or self._timeout_s
        # Whatever an endpoint asks for: an attempt that outlasts its lease is made by two nodes.
        in_all_s = STEPS * min(step_s, self._timeout_s)
        return self._send(to, written, Deadline(step_s=step_s, in_all_s=in_all_s))

    def close(self) -> None:
        """Close its connections."""
        self._pool.close()

    def _send(self, to: Mailbox, written: bytes, deadline: Deadline) -> Outcome:
        try:
            with self._pool.lend(deadline) as session:
                return self._hand_over(session, to, written)
        except smtplib.SMTPResponseException as exc:
            error = exc.smtp_error
            reply = Reply(exc.smtp_code, error if isinstance(error, bytes) else error.encode())
            return Delayed(why=reply.why(), status=reply.status, answer=reply.answer(to))
        except OSError as exc:
            return Delayed(why=_why(exc))

    def _hand_over(self, session: MailSession, to: Mailbox, written: bytes) -> Outcome:
        options = [] if to.is_plain else ["SMTPUTF8", "BODY=8BITMIME"]
        if options and not session.has_extn("smtputf8"):
            return Undeliverable(
                why="The address has letters beyond ASCII, which the mail server does not take (SMTPUTF8)."
            )
        reply, step = Reply(*session.mail(self._sender.mailbox.address, options)), _Step.SENDER
        if reply.is_yes:
            reply, step = Reply(*session.rcpt(to.address)), _Step.MAILBOX
        if reply.is_yes:
            try:
                reply, step = Reply(*session.hand_in(written)), _Step.LETTER
            except ServerTrouble:
                raise
            except OSError:
                session.spent = True
                return Delayed(why=_UNKNOWN)
        outcome = _outcome(reply, step, to)
        session.spent = isinstance(outcome, Delayed) and outcome.of_receiver
        return outcome


def _opened(server: MailServer, deadline: Deadline, *, name: str, context: ssl.SSLContext) -> MailSession:
    return MailSession.open(server, name=name, context=context, deadline=deadline)


def _outcome(reply: Reply, step: _Step, to: Mailbox) -> Outcome:
    """Return what becomes of a letter after the last reply that there was."""
    why, status, answer = reply.why(), reply.status, reply.answer(to)
    if reply.is_yes:
        return Delivered(status=status, answer=answer)
    if step is _Step.SENDER or reply.code in _OF_US or not (reply.is_later or reply.is_never):
        return Delayed(why=why, status=status, answer=answer)
    if reply.is_later:
        # 4.3.x: it is the server that is not well. Source: RFC 3463, 3.4.
        return Delayed(why=why, status=status, answer=answer, of_receiver=reply.detail.startswith("3."))
    if step is _Step.MAILBOX and reply.detail.startswith("7."):
        # By the server's rules, not for want of the mailbox: an operator may have mended that by tomorrow.
        return Delayed(why=why, status=status, answer=answer, of_receiver=False)
    return Undeliverable(why=why, status=status, answer=answer)


def _why(exc: OSError) -> str:
    """Return what went wrong on the way; nothing that the server said."""
    cause = exc.__context__ if isinstance(exc, smtplib.SMTPServerDisconnected) else exc
    if isinstance(cause, ServerTrouble):
        return str(cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The mail server's certificate is not to be trusted: {cause.verify_message.rstrip('.')}."
    return next((words for kind, words in _WORDS if isinstance(cause, kind)), _CLOSED)
