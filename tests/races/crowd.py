"""Some processes that work on one database at the same moment, each by the machine's real clock."""

import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from typing import Any, Concatenate, Final, Self, TypeVar

T = TypeVar("T")

#: How many processes race, where nothing else is said.
PROCESSES: Final = 4
#: How long anything in a race may take at most, in seconds.
PATIENCE_S: Final = 240

#: One process imports everything, once; those who race are its forks.
CONTEXT: Final = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["workflow.testing", "workflow.databases.postgres", "scheduler.pump"])


class Crowd:
    """Processes that wait to be told what to do; a `with` ends them."""

    def __init__(self, size: int = PROCESSES, *, first: Callable[[], object] = int) -> None:
        """Start them.

        Args:
            size: how many.
            first: what each does once, before all else: a fault that is planted in it.
        """
        self.size = size
        self._together = CONTEXT.Barrier(size, timeout=PATIENCE_S)
        self._members = [_start(self._together, first) for _ in range(size)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """End them, whatever they do."""
        for process, pipe in self._members:
            process.kill()
            process.join()
            process.close()
            pipe.close()

    def do(self, work: Callable[Concatenate[Barrier, ...], T], *given: Sequence[Any]) -> list[T]:
        """Let each process do `work(together, *its arguments)`; return what each returned.

        Args:
            work: a function of a module; it is given a barrier at which all of them meet.
            given: the arguments of each process.

        Raises:
            RuntimeError: what a process raised, with its own traceback.
        """
        return self.do_each(*((work, arguments) for arguments in given))

    def do_each(self, *works: tuple[Callable[..., Any], Sequence[Any]]) -> list[Any]:
        """Let each process do its own work, as `do` does."""
        for (_, pipe), (work, arguments) in zip(self._members, works, strict=True):
            pipe.send((work, tuple(arguments)))
        answers = [_heard(pipe) for _, pipe in self._members]
        if failed := [answer for done, answer in answers if not done]:
            self._together.reset()
            raise RuntimeError("\n".join(map(str, failed)))
        return [answer for _, answer in answers]

    def all_do(self, work: Callable[Concatenate[Barrier, ...], T], *arguments: Any) -> list[T]:
        """Let every process do the same."""
        return self.do(work, *[arguments] * self.size)


def _start(together: Barrier, first: Callable[[], object]) -> tuple[ForkServerProcess, Connection]:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_member, args=(theirs, together, first), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _heard(pipe: Connection) -> tuple[bool, Any]:
    if not pipe.poll(PATIENCE_S):
        raise TimeoutError("a process of the race has not come back")
    answer: tuple[bool, Any] = pipe.recv()
    return answer


def _member(pipe: Connection, together: Barrier, first: Callable[[], object]) -> None:
    first()
    while True:
        work, arguments = pipe.recv()
        try:
            answer = True, work(together, *arguments)
        except BaseException:  # noqa: BLE001 -- told to whoever asked
            together.abort()  # nobody is to wait for this one
            answer = False, traceback.format_exc()
        pipe.send(answer)
