"""Answers to what no route answered: no such path, another method, and errors outside of the routes."""

from typing import Any, Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from adapters.api.answers import problem_of
from adapters.api.errors import BadRequest, Internal, MethodNotAllowed, NoSuchPath
from states.errors import EoiError

#: Methods that a path may be asked by.
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NO_PATH: Final = 404
_NO_METHOD: Final = 405
_OURS: Final = 500


def enter(api: FastAPI) -> None:
    """Let every error of the program go out as a problem, on the loop: a thread may be long in coming."""

    async def ours(_: Request, error: Any) -> Response:  # noqa: ANN401 -- an EoiError: that is what it is entered for
        return problem_of(error)

    async def frameworks(request: Request, error: Any) -> Response:  # noqa: ANN401 -- an HTTPException
        if error.status_code == _NO_METHOD and request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed(request)})
        return await ours(request, _in_our_words(request, error.status_code))

    api.add_exception_handler(EoiError, ours)
    api.add_exception_handler(HTTPException, frameworks)


def _in_our_words(request: Request, status: int) -> EoiError:
    """Return our error for what the framework says by itself."""
    if status == _NO_PATH:
        return NoSuchPath()
    if status == _NO_METHOD:
        return MethodNotAllowed(methods=allowed(request))
    return Internal() if status >= _OURS else BadRequest()


def allowed(request: Request) -> str:
    """Return the methods that a path may be asked by, as `Allow` has them."""
    routes = request.app.router.routes
    found = {
        method
        for method in _METHODS
        if any(route.matches(dict(request.scope, method=method))[0] == Match.FULL for route in routes)
    }
    return ", ".join(sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())))
