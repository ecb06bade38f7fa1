"""What fixtures lend, by name: so that a test's line of parameters stays short."""

from collections.abc import Callable
from typing import Any

from workflow import Engine

#: Makes one more engine on the test's database: `new_engine(settle_s=0)`.
NewEngine = Callable[..., Engine]
#: Returns the promises that the rows break, in words.
Broken = Callable[[], list[str]]
#: Returns every row of ours, as committed, by table.
Tables = Callable[[], dict[str, list[dict[str, Any]]]]
