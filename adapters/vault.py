"""Secrets, sealed under `EOI_SECRET_KEY`: Fernet, of `cryptography`, which only this file knows."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from states.errors import BadInput
from workflow.errors import SecretUnreadable
from workflow.vault import PLAIN, PlainVault

#: What begins that was sealed so.
SEALED: Final = "fernet:"
_MADE_URL_SAFE: Final = str.maketrans("+/", "-_")


class KeyedVault:
    """Seals under the first key, unseals under any; so a new one is put in front of the old one."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take keys of 32 random bytes each, in base64 (`openssl rand -base64 32`).

        Raises:
            BadInput: one is none; it is not shown.
        """
        try:
            self._fernet = MultiFernet([Fernet(key.translate(_MADE_URL_SAFE)) for key in keys])
        except ValueError:
            msg = (
                "EOI_SECRET_KEY must be 32 random bytes in base64: make them with `openssl rand -base64 32`."
            )
            raise BadInput(msg, field="secret_key") from None
        self._plain = PlainVault()
        self._read = lru_cache(maxsize=1024)(self._unsealed)

    def seal(self, text: str) -> str:
        """Return it as it may be stored."""
        return SEALED + self._fernet.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Return what was sealed, or was kept before there was a key.

        Raises:
            SecretUnreadable: under none of these keys, or it was changed since.
        """
        return self._plain.unseal(sealed) if sealed.startswith(PLAIN) else self._read(sealed)

    def _unsealed(self, sealed: str) -> str:
        if not sealed.startswith(SEALED):
            raise SecretUnreadable
        try:
            return self._fernet.decrypt(sealed.removeprefix(SEALED)).decode()
        except InvalidToken:
            raise SecretUnreadable from None
