"""One thing shown, unless whoever asks has seen it as it is (RFC 9110, 13.2.2)."""

from starlette.requests import Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.conditions import fits_none, has_seen


def shown(request: Request, view: object, *, version: int, is_all_in_version: bool = True) -> Response:
    """Return a view with its version; 304 where that is the one that was seen.

    Args:
        request: what asks.
        view: what is shown.
        version: which version it is.
        is_all_in_version: whether nothing of it changes without a new version.

    Raises:
        StaleVersion: it is none of the versions that `If-Match` names.
    """
    wanted = request.state.asking.versions
    if wanted and version not in wanted:
        raise fits_none(version, wanted)
    if has_seen(request, version) and is_all_in_version:
        return Response(status_code=304, headers={"ETag": f'"{version}"'})
    return answer(view, version=version)
