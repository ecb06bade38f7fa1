"""A server's answers, made views again: strictly, so that nothing of another version is half understood."""

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from adapters.client.errors import AnswerNotUnderstood
from adapters.version import own_version
from states.names import Role

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One page of a list, as a server has it."""

    items: list[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Retried:
    """How many deliveries were put back into their lines."""

    retried: int


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many deliveries wait that did not before."""

    redriven: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many deliveries were forgotten."""

    dropped: int


@dataclass(frozen=True, slots=True)
class WhoAsks:
    """Whom a key stands for."""

    id: str
    roles: list[Role]
    organisations: list[str]
    on_behalf_of: str | None


def read(kind: type[T], body: bytes) -> T:
    """Return what a JSON document says, as `kind` has it.

    Raises:
        AnswerNotUnderstood: it is no JSON, or has other names, types or words than `kind`.
    """
    try:
        view: T = _adapter(cast("Any", kind)).validate_json(body, strict=True, extra="forbid")
    except ValidationError as exc:
        raise _not_understood(exc) from None
    _require_zones(view)
    return view


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 -- a view, a list, or one of several
    return TypeAdapter(kind)


def _not_understood(exc: ValidationError) -> AnswerNotUnderstood:
    """Return our error for the first thing that pydantic found: where it is, and never what stands there."""
    found = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part)[:40] for part in found["loc"][:6]) or "the whole"
    return _of_another_version(f"{where}: {found['type']}")


def _require_zones(view: object) -> None:
    """Let pass what has no instant without its zone."""
    if is_dataclass(view):
        for each in fields(view):
            _require_zones(getattr(view, each.name))
    elif isinstance(view, list | tuple):
        for each in view:
            _require_zones(each)
    elif isinstance(view, datetime) and view.tzinfo is None:
        what = "an instant without its zone"
        raise _of_another_version(what)


def _of_another_version(what: str) -> AnswerNotUnderstood:
    msg = (
        f"The server's answer is not what eoi-workflow {own_version()} knows ({what}): is it of another "
        "version? What was asked for may be done."
    )
    return AnswerNotUnderstood(msg)
