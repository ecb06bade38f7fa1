"""Which version of this program is installed."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """Return it as it is told to others; 0 where the program was never installed."""
    try:
        return version("eoi-workflow")
    except PackageNotFoundError:
        return "0"
