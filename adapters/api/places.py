"""Where things are: ids in paths, and the paths of what was made, wherever a host has put our routes."""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import Scope

from workflow import NotFound
from workflow.inputs import GREATEST

#: Where the routes of this version are, below wherever the program is.
PREFIX: Final = "/v1"


def place_in(request: Request, kind: str, id_: str) -> str:
    """Return the path of what was made, without a host: wherever our routes are, and whatever Host says.

    Told by the path that was asked for, less as many parts of it as are ours: no name of a route is looked
    up, for a host may have one of the same name, or ours twice.

    Args:
        request: what asked, by a route of ours.
        kind: `calls`…
        id_: its id.
    """
    root = request.scope.get("root_path", "").rstrip("/")
    ours = request.scope["route"].path.rpartition(f"{PREFIX}/")[2].count("/") + 2
    before = path_in(request.scope).split("/")[:-ours]
    return f"{root}{quote('/'.join(before))}{PREFIX}/{kind}/{quote(id_)}"


def path_in(scope: Scope) -> str:
    """Return the path that was asked for, below where the program is mounted."""
    root, path = scope.get("root_path", "").rstrip("/"), str(scope["path"])
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def number_in(path: str) -> int:
    """Return the number that a path names.

    Raises:
        NotFound: nothing can have that number.
    """
    if path.isascii() and path.isdigit() and len(path) <= len(str(GREATEST)) and int(path) <= GREATEST:
        return int(path)
    msg = "Nothing has that number."
    raise NotFound(msg)
