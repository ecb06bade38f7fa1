"""For who runs a server of their own: `uvicorn --factory adapters.asgi:create`. Needs the extra `api`.

Each process that does has a runner of its own, as each `eoi serve` has; any number may.
"""

from fastapi import FastAPI

from adapters.bootstrap import build
from adapters.serving import program_of
from adapters.settings import Settings
from workflow.log import log_to_stderr


def create() -> FastAPI:
    """Return the whole program, as the environment says; the server's lifespan starts it and closes it.

    Raises:
        BadInput: settings that cannot be used.
    """
    settings = Settings()
    log_to_stderr(settings.log_level)
    return program_of(build(settings), settings)
