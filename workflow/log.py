"""The engine's log: structlog in front of the standard library's logging, silent until a host listens.

Nothing here configures structlog, nor logging beyond our own logger `eoi`; a host's settings stay its own.
One line for each use case, sweep and delivery: a static dotted name, data as keywords, no personal data.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final, cast

import structlog

from states.errors import BadInput

_ROOT: Final = logging.getLogger("eoi")
_ROOT.addHandler(logging.NullHandler())

# Names that logging's records carry, which `extra` may not use, and those that open a line on stderr.
_TAKEN: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "stacklevel", "timestamp", "level", "logger",
}  # fmt: skip
# Those of them that structlog hands to logging's methods as what they are.
_MEANT: Final = frozenset({"exc_info", "stack_info"})


def get_log(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger `eoi.<name>`."""
    log = structlog.wrap_logger(
        logging.getLogger(f"eoi.{name}"),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            _free_names,
            _say_where,
            structlog.stdlib.render_to_log_kwargs,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return cast("structlog.stdlib.BoundLogger", log)


def told_with(**facts: object) -> AbstractContextManager[None]:
    """Have each line of log hold these facts until the block ends, also in threads that it asks."""
    return structlog.contextvars.bound_contextvars(**facts)


def log_to_stderr(level: str = "info") -> None:
    """Write every event of `level` and above to stderr, one line each, as key=value.

    For a program of our own (`eoi serve`), never where a host embeds the engine. Called again, it changes
    the level and adds nothing.

    Args:
        level: `debug`, `info`, `warning`, `error` or `critical`, in any case.

    Raises:
        BadInput: there is no such level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        msg = f"There is no log level {level!r}: give debug, info, warning, error or critical."
        raise BadInput(msg, field="log_level")
    for handler in [each for each in _ROOT.handlers if isinstance(each, _StderrHandler)]:
        _ROOT.removeHandler(handler)
    _ROOT.addHandler(_StderrHandler())
    _ROOT.setLevel(number)


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to what stderr is now; a type of its own, so that it is found again."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[
                    _begin_with_instant,
                    structlog.stdlib.add_log_level,
                    structlog.stdlib.add_logger_name,
                    structlog.stdlib.ExtraAdder(),
                ],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    _one_line,
                    structlog.processors.LogfmtRenderer(
                        key_order=["timestamp", "level", "logger", "event"],
                        drop_missing=True,
                        bool_as_flag=False,
                    ),
                ],
            )
        )


def _begin_with_instant(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord = event["_record"]
    instant = datetime.fromtimestamp(record.created, UTC)
    event["timestamp"] = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _one_line(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write control characters as Python would: no value begins a line or moves a terminal's cursor."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(
                each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in value
            )
    return event


def _free_names(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    taken = _TAKEN - _MEANT
    return {f"eoi_{name}" if name in taken else name: value for name, value in event.items()}


def _say_where(logger: object, _: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Have a host's log name the place in our code, which is three calls above the one that logging sees.

    Where a host has made a `structlog.stdlib.LoggerFactory`, new loggers pass over structlog by themselves.
    """
    is_plain = getattr(type(logger), "findCaller", None) is logging.Logger.findCaller
    event["stacklevel"] = 4 if is_plain else 1
    return event
