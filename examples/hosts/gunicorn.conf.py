"""For a service that gunicorn forks, with or without --preload: each worker starts a runner of its own."""

from typing import Any

#: The host's own log, with our events in it: gunicorn's, on stdout, each line once.
logconfig_dict = {
    "disable_existing_loggers": False,
    "loggers": {f"gunicorn.{name}": {"level": "INFO", "propagate": True} for name in ("error", "access")},
}


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 -- gunicorn's, which has no types
    """Start it once the worker has been forked and has its program: threads do not come along into a fork."""
    worker.wsgi.extensions["eoi"].start()


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001 -- as above
    """Let what is on its way end, and stop it."""
    worker.wsgi.extensions["eoi"].close()
