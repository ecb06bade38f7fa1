"""A process `eoi serve` with its HTTP door, at a port of 127.0.0.1 that is free; and raw talk with it."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tests.servers.scripts import ROOT
from tests.servers.talking import PATIENCE_S, Program

EOI: Final = Path(sys.executable).parent / "eoi"
SURROUNDINGS: Final = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


class Served(Program):
    """The process; its port is one that was free."""

    def __init__(self, folder: Path, *words: str, port: int = 0, script: str = "", **env: str) -> None:
        program = [sys.executable, "-c", script] if script else [EOI]
        line = [*program, "serve", "--port", str(port), *words]
        super().__init__(line, folder=folder, env=SURROUNDINGS | env)

    @property
    def address(self) -> tuple[str, int]:
        """Return where it answers, once it says so."""
        self.wait_for("Serving")
        (line,) = (line for line in self.lines if line.startswith("Serving"))
        (url,) = (word.rstrip(".") for word in line.split() if word.startswith("http://"))
        found = urlsplit(url)
        assert found.hostname is not None
        assert found.port is not None
        return found.hostname, found.port

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Return the status and the document that it answers with."""
        connection = HTTPConnection(*self.address, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    @contextmanager
    def line(self) -> "Iterator[Line]":
        """Lend a connection on which any bytes may be sent."""
        with socket.create_connection(self.address, PATIENCE_S) as connection:
            yield Line(connection)


class Line:
    """A connection, byte by byte."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answers = connection.makefile("rb")

    def send(self, *words: bytes) -> Self:
        """Send them."""
        self._connection.sendall(b"".join(words))
        return self

    def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer: status, headers, body; that to HEAD has none."""
        status = int(self._answers.readline().split()[1])
        headers = dict[str, str]()
        while line := self._answers.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        length = int(headers.get("content-length", "0")) if has_body else 0
        return status, headers, self._answers.read(length)

    def rest(self) -> bytes:
        """Return what comes until the other end closes it."""
        return self._answers.read()
