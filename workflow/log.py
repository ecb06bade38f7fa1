"""The engine's log: structlog in front of the standard library's logging, silent until a host listens.

Nothing here configures structlog or logging; a host's settings stay its own. One line for each use case,
sweep and delivery: a static dotted name, data as keywords, no personal data.
"""

import logging
from collections.abc import MutableMapping
from typing import Any, cast

import structlog

logging.getLogger("eoi").addHandler(logging.NullHandler())

# Names that logging's own records carry; `extra` may not use them.
_TAKEN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def get_log(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger `eoi.<name>`."""
    log = structlog.wrap_logger(
        logging.getLogger(f"eoi.{name}"),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            _free_names,
            structlog.stdlib.render_to_log_kwargs,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return cast("structlog.stdlib.BoundLogger", log)


def _free_names(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in _TAKEN & event.keys():
        event[f"eoi_{name}"] = event.pop(name)
    return event
