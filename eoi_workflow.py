"""The one name of ours that no host has: whether Python finds our packages, and the command `eoi`.

The packages have common names: `states`, `workflow`, `scheduler`, `adapters`. A host's own folder of such a
name hides ours, or ours hide that folder; what then fails elsewhere says nothing of the cause. So each that
is imported has a look from here, which imports none of the others; and `eoi` takes ours, whatever there is.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

#: Where we stand.
HOME: Final = Path(__file__).resolve().parent
#: Package -> what cannot be had in this program where it is hidden; empty: nothing can.
_LOST: Final = {
    "states": "",
    "workflow": "",
    "scheduler": "the runner (deadlines hold, but nothing here closes calls or delivers events)",
    "adapters": "the HTTP door, the couriers and the settings",
}
_WAY_OUT: Final = (
    "Rename that folder, or run the service beside this program: `eoi serve`, and ask it over HTTP or by "
    "`eoi --server URL` (docs/embedding.md, 'A folder of the same name')."
)


@cache
def look_around() -> None:
    """Say which of our packages another one hides, and which folder ours hide; once.

    Raises:
        ImportError: what is hidden is needed for everything.
    """
    hidden = {name: place for name, place in _places() if place != HOME}
    for name, place in hidden.items():
        if not _LOST[name]:
            raise ImportError(_hidden(name, place), name=name, path=str(place))
    said = [_hidden(name, place) for name, place in hidden.items()]
    if _FIRST not in sys.meta_path:  # where `eoi` runs there is nobody whose folders they are
        said += [_hides(name, place) for name, place in _theirs() if name not in hidden]
    if said:
        warnings.warn(" ".join([*said, _WAY_OUT]), RuntimeWarning, stacklevel=3)


def main() -> None:
    """Run the command `eoi` by our packages, whatever folders of their names there are."""
    sys.meta_path.insert(0, _FIRST)
    from adapters.cli import main as run  # noqa: PLC0415 -- only now is it ours

    run()


class _OursFirst:
    """Finds our packages where we stand, before anybody looks elsewhere."""

    def find_spec(
        self, name: str, _: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Return where one of ours is; None for all else."""
        return PathFinder.find_spec(name, [str(HOME)], target) if name in _LOST else None


_FIRST: Final = _OursFirst()


def _places() -> Iterator[tuple[str, Path]]:
    """Yield our packages' names with the folders in which Python finds them, if it does."""
    for name in _LOST:
        try:
            spec = find_spec(name)
        except ValueError:  # It was put into sys.modules by hand, without a word of where it comes from.
            continue
        places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin]
        yield from ((name, Path(place).resolve().parent) for place in places[:1] if place)


def _theirs() -> Iterator[tuple[str, Path]]:
    """Yield folders of the same names that Python passes over for ours."""
    for entry in dict.fromkeys(Path(each or ".").resolve() for each in sys.path):
        if entry == HOME or (entry / Path(__file__).name).exists():
            continue
        yield from ((name, entry) for name in _LOST if _has_modules(entry / name))


def _has_modules(folder: Path) -> bool:
    try:
        return any(each.name.endswith(".py") for each in os.scandir(folder))
    except OSError:
        return False


def _hidden(name: str, place: Path) -> str:
    without = f" Without it there are not, in this program: {_LOST[name]}." if _LOST[name] else ""
    said = (
        f"The package {name!r} of eoi-workflow, in {HOME}, is hidden by another one of that name in {place}."
    )
    return f"{said}{without}" + ("" if _LOST[name] else f" {_WAY_OUT}")


def _hides(name: str, place: Path) -> str:
    return f"The folder {name!r} in {place} is hidden by the package of that name of eoi-workflow, in {HOME}."


if __name__ == "__main__":
    import eoi_workflow  # as everybody else does, so that it is there once

    eoi_workflow.main()
