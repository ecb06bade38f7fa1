"""Where things are: ids in paths, and the paths of what was made."""

from starlette.requests import Request

from workflow import NotFound
from workflow.inputs import GREATEST


def place_in(request: Request, name: str, **ids: str) -> str:
    """Return the path of a route, without a host: wherever the routes are, and whatever Host says.

    Args:
        request: what asked.
        name: the route's.
        ids: what its path names.
    """
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/") + str(request.app.url_path_for(name, **ids))


def number_in(path: str) -> int:
    """Return the number that a path names.

    Raises:
        NotFound: nothing can have that number.
    """
    if path.isascii() and path.isdigit() and len(path) <= len(str(GREATEST)) and int(path) <= GREATEST:
        return int(path)
    msg = "Nothing has that number."
    raise NotFound(msg)
