"""What the code says of each field of an answer (`#:`), for whoever reads openapi.json."""

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from adapters.trying import Tried
from workflow import (
    AttemptView,
    CallView,
    DeliveryDetail,
    DeliveryView,
    EndpointStats,
    EndpointView,
    EoiView,
    Foreseen,
    HistoryView,
    Option,
    Receipt,
    Refusal,
    TryView,
    UnhandledView,
)

#: Everything that comes back, alone or within something else.
VIEWS: Final[tuple[type[Any], ...]] = (
    AttemptView, CallView, DeliveryDetail, DeliveryView, EndpointStats, EndpointView, EoiView, Foreseen,
    HistoryView, Option, Receipt, Refusal, Tried, TryView, UnhandledView,
)  # fmt: skip
_FIELD: Final = re.compile(r"^((?: {4}#: .*\n)+) {4}(\w+):", re.MULTILINE)


def told_of(view: type[Any]) -> dict[str, str]:
    """Return what is said of each field, also of those inherited; nothing where no source is kept."""
    return dict(said for each in reversed(view.__mro__) for said in _told(each))


def _told(one: type[Any]) -> Iterator[tuple[str, str]]:
    try:
        source = textwrap.dedent(inspect.getsource(one))
    except (OSError, TypeError):
        return
    for comment, name in _FIELD.findall(source):
        yield name, " ".join(line.strip().removeprefix("#: ") for line in comment.splitlines())
