"""Whether Python finds all four of our packages in one place.

Their names are common ones. A host's own folder of the same name hides ours, and a package of that name
installed beside ours overwrites its files; what then fails elsewhere says nothing of the cause.
"""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Final

#: Needed at once; the others only where their doors are used.
_NEEDED: Final = "states"
_OTHERS: Final = ("scheduler", "adapters")


def look_around() -> None:
    """Say which of our packages another one hides.

    Raises:
        ImportError: it is one without which nothing works. The others are warned of.
    """
    home = Path(__file__).resolve().parent.parent
    for name in (_NEEDED, *_OTHERS):
        found = _place(name)
        if found is None or found == home:
            continue
        msg = (
            f"eoi-workflow's package {name!r} stands in {home}, but Python finds another one of that name in "
            f"{found}. Rename that one, or run the engine beside your service: eoi serve."
        )
        if name == _NEEDED:
            raise ImportError(msg, name=name, path=str(found))
        warnings.warn(msg, RuntimeWarning, stacklevel=3)


def _place(name: str) -> Path | None:
    """Return the folder in which Python finds a package; None where it finds none."""
    try:
        spec = find_spec(name)
    except ValueError:  # It was put into sys.modules by hand, without a word of where it comes from.
        return None
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin]
    return next((Path(place).resolve().parent for place in places if place), None)
