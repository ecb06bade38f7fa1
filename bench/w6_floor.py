"""The floor of W6: a bare FastAPI route that does the floor's transaction of W1, and checks nothing else.

A process of its own (`python -m bench.w6_floor DATABASE URL`), which tells its port and ends with its
standard input.
"""

import socket
import sys
import threading
from contextlib import nullcontext
from typing import Final

import uvicorn
from fastapi import FastAPI

from bench.contest import SQLITE, Place
from bench.raw import Raw
from bench.w1_floor import submit

#: SQLite has one writer: who waits here is quicker than who polls there.
_WRITER: Final = threading.Lock()


def floor_app(place: Place) -> FastAPI:
    """Return a program with one route."""
    api, opened = FastAPI(openapi_url=None), threading.local()
    writer = _WRITER if place.database == SQLITE else nullcontext()

    @api.post("/submit/{eoi}")
    def submit_it(eoi: str) -> dict[str, str]:
        if not hasattr(opened, "raw"):
            opened.raw = Raw(place)
        with writer:
            submit(opened.raw, eoi, "head")
        return {"state": "submitted"}

    return api


def main(database: str, url: str) -> None:
    """Serve until standard input ends."""
    place = Place(database=SQLITE if database == SQLITE else "postgresql", url=url, size=0)
    config = uvicorn.Config(floor_app(place), log_level="error", access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        threading.Thread(target=server.run, args=([listening],), daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        sys.stdin.read()
        server.should_exit = True


if __name__ == "__main__":
    main(*sys.argv[1:])
