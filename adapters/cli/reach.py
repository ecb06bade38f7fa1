"""Where answers come from: the database, which is here, or a server that is asked with a key. The one choice.

An option counts instead of what the environment says: with --db no EOI_SERVER is heard, with --server no
EOI_DATABASE_URL.
"""

import re
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from adapters.client import Client
    from adapters.settings import Settings

#: What a key of the HTTP door looks like.
_KEY: Final = re.compile(r"eoi_[a-z0-9]+_[A-Za-z0-9_-]{20,}")
#: The longest line that is read as a key.
_LINE: Final = 64 * 1024
_HINT: Final = "--server"


def key_said(said: str | None) -> str | None:
    """Return the key that --key says; of `-`, the first line of stdin, and the rest stays there."""
    return sys.stdin.buffer.readline(_LINE).decode("ascii", "replace") if said == "-" else said


#: The options that say which server is asked.
OPTIONS: Final[dict[str, Any]] = {
    "server": Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="Ask a server instead of a database; it takes a key.  [EOI_SERVER]",
        ),
    ],
    "server_key": Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            callback=key_said,
            help="The server's key, before the command's name; others see it in `ps`: rather give - (a line "
            "of stdin), --key-file, or EOI_KEY.",
        ),
    ],
    "key_file": Annotated[
        Path | None,
        typer.Option(
            "--key-file", metavar="FILE", help="A file with the server's key in it.  [else EOI_KEY]"
        ),
    ],
    "insecure_http": Annotated[
        bool,
        typer.Option("--insecure-http", help="Let the key go to a server in clear text, by http. Do not."),
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What was said on the command line of what is to be asked."""

    db: str | None
    server: str | None
    key: str | None = field(repr=False)
    key_file: Path | None
    insecure_http: bool
    #: Whether it was said who asks.
    names_somebody: bool

    def server_in(self, settings: "Settings") -> str | None:
        """Return which server is to be asked; None: the database here is.

        Raises:
            BadParameter: both are named, or who asks, beside a key that says so.
        """
        if self.db and self.server:
            msg = "Give --db or --server, not both."
            raise typer.BadParameter(msg)
        server = self.server or ("" if self.db else settings.server)
        if not server:
            self._refuse_key()
            return None
        if not self.server and "database_url" in settings.model_fields_set:
            msg = "EOI_SERVER and EOI_DATABASE_URL are both set: say which by --server or --db."
            raise typer.BadParameter(msg)
        if self.names_somebody:
            msg = "The key says who asks: leave --as, --role and --organisation out, or take another key."
            raise typer.BadParameter(msg, param_hint=_HINT)
        return server

    def client_in(self, settings: "Settings", server: str, *, pause: Callable[[float], object]) -> "Client":
        """Return what asks a server.

        Args:
            settings: what the environment says.
            server: which.
            pause: waits so many seconds, until it is asked again.

        Raises:
            BadInput: no address that a key may go to, or no key.
        """
        from adapters.client import Client

        return Client(server, self._key(settings), insecure_http=self.insecure_http, pause=pause)

    def refuse_server(self, settings: "Settings", command: str) -> None:
        """Let pass a command that needs the database, where no server is named.

        Raises:
            BadParameter: one is.
        """
        if self.server_in(settings) is not None:
            msg = f"`{command}` is not asked of a server: it needs the database, --db."
            raise typer.BadParameter(msg, param_hint=_HINT)

    def _refuse_key(self) -> None:
        if self.key or self.key_file or self.insecure_http:
            msg = (
                "--key before the command's name, --key-file and --insecure-http go with --server; "
                "an idempotency key stands after the command's name."
            )
            raise typer.BadParameter(msg)

    def _key(self, settings: "Settings") -> str:
        if self.key and self.key_file:
            msg = "Give --key or --key-file, not both."
            raise typer.BadParameter(msg)
        if self.key_file:
            from adapters.inbound.files import file_bytes

            return file_bytes(self.key_file, what="key").decode("ascii", "replace")
        return self.key or settings.server_key.get_secret_value()


def is_open_to_all(path: Path) -> bool:
    """Return whether everybody on this machine may read a file; one that is not there, nobody."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def refuse_key(said: object) -> None:
    """Let pass an idempotency key: one of a server would be kept with what it was for.

    Raises:
        BadParameter: it looks like a server's key; it is not shown.
    """
    if isinstance(said, str) and _KEY.fullmatch(said.strip()):
        msg = "That is a server's key, and no idempotency key: give it before the command's name."
        raise typer.BadParameter(msg, param_hint="--key")
