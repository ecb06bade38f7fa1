"""For who runs a server of their own: `uvicorn --factory adapters.asgi:create`. Needs the extra `api`.

Each process that does has a runner of its own, as each `eoi serve` has; any number may.
"""

try:
    from fastapi import FastAPI
except ImportError as exc:
    msg = "The HTTP door needs its extra: pip install 'eoi-workflow[api]'."
    raise ImportError(msg) from exc

from adapters.bootstrap import build
from adapters.serving import program_of
from adapters.settings import Settings, unheard
from workflow.log import get_log, log_to_stderr

_log = get_log("api")


def create() -> FastAPI:
    """Return the whole program, as the environment says; the server's lifespan starts it and closes it.

    - what is named like a setting and is none is told in the log, as `eoi serve` tells it

    Raises:
        BadInput: settings that cannot be used.
    """
    settings = Settings()
    log_to_stderr(settings.log_level)
    for each in unheard():
        _log.warning("setting.unheard", said=each)
    return program_of(build(settings), settings)
