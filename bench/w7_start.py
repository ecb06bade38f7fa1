"""W7: the command line starts, `eoi --help` from nothing to its end, beside a Python that only imports Typer.

Each is a process of its own, started anew every time, with what Python keeps of compiled files in place.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bench import w7_idle
from bench.contest import MEMORY, OURS, Contender, Place, Prepare, Target, Workload

_EOI: Final = "import sys; sys.argv = ['eoi', '--help']; from adapters.cli import main; main()"


@contextmanager
def floor(_: Place) -> Iterator[Prepare]:
    """Import Typer, and end."""
    yield _starting("import typer")


@contextmanager
def ours(_: Place) -> Iterator[Prepare]:
    """Show what `eoi --help` shows."""
    yield _starting(_EOI)


def _starting(program: str) -> Prepare:
    def prepare(count: int) -> Callable[[], None]:
        def go() -> None:
            for _ in range(count):
                subprocess.run(  # noqa: S603 -- ourselves
                    [sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL
                )

        return go

    return prepare


WORKLOAD: Final = Workload(
    name="W7",
    module=__name__,
    title="eoi --help from nothing, and the memory of eoi serve that nobody asks for anything",
    unit="a start",
    per_turn=5,
    rounds=9,
    contenders=(
        Contender(
            name="floor",
            title='python -c "import typer"',
            play=floor,
            package="typer",
            on=(MEMORY,),
            sizes=(0,),
            floor=True,
        ),
        Contender(name="ours", title="eoi --help", play=ours, package=OURS, on=(MEMORY,), sizes=(0,)),
        Contender(
            name="bare",
            title="a bare FastAPI program, until it answers",
            play=w7_idle.bare,
            package="fastapi",
            on=(MEMORY,),
            sizes=(1,),
            share=0.2,
            floor=True,
        ),
        Contender(
            name="serve",
            title="eoi serve, until it answers",
            play=w7_idle.serve,
            package=OURS,
            on=(MEMORY,),
            sizes=(1,),
            share=0.2,
        ),
    ),
    elsewhere=True,
    sizes=(0, 1),  # 1: a server, which goes on
    quick_sizes=(0, 1),
    targets=(
        Target(says="help: at most 2 × the floor", at_most=2.0, on=(MEMORY,), sizes=(0, 0)),
        Target(
            says="idle: at most 2 × as much memory as a bare FastAPI program",
            of="serve",
            to="bare",
            at_most=2.0,
            on=(MEMORY,),
            sizes=(1, 1),
            measure="peak",
        ),
    ),
    on=(MEMORY,),
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
    between="the commands' own modules, and the page that is written.",
)
