"""Where secrets are kept when nobody has given a key: in plain sight."""

from typing import Final

from workflow.errors import SecretUnreadable
from workflow.ports import Vault

#: What begins that was never sealed.
PLAIN: Final = "plain:"


class PlainVault:
    """Seals nothing; a vault with a key reads what this one kept."""

    def seal(self, text: str) -> str:
        """Return it, marked as what it is."""
        return PLAIN + text

    def unseal(self, sealed: str) -> str:
        """Return what was kept.

        Raises:
            SecretUnreadable: it was sealed under a key.
        """
        if not sealed.startswith(PLAIN):
            raise SecretUnreadable
        return sealed.removeprefix(PLAIN)


def is_readable(sealed: str, vault: Vault) -> bool:
    """Return whether a vault can read what was kept."""
    try:
        vault.unseal(sealed)
    except SecretUnreadable:
        return False
    return True


def seals(vault: Vault) -> bool:
    """Return whether what a vault keeps can be read by it alone."""
    return not vault.seal("").startswith(PLAIN)
