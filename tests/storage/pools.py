"""An engine whose pool has several connections."""

import threading
from concurrent.futures import ThreadPoolExecutor

from workflow import Engine


def fill_pool(engine: Engine, count: int) -> None:
    """Let the engine's pool have so many connections, each of which has read."""
    together = threading.Barrier(count)

    def read(_: int) -> None:
        with engine._database.connect() as connection:
            connection.ask("SELECT count(*) FROM eoi_call")
            together.wait(timeout=30)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(read, range(count)))
