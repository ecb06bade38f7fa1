"""A host whose transactions wait for locks as long as it takes."""

from typing import NamedTuple

import sqlalchemy

from workflow import Engine


class Host(NamedTuple):
    """A host: its pool, and our engine on it."""

    pool: sqlalchemy.Engine
    engine: Engine
