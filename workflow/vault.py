"""Where secrets are kept when nobody has given a key: in plain sight."""

from typing import Final

from workflow.errors import SecretUnreadable

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
