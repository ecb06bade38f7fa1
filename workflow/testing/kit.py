"""The kit: an engine on a database of tests, whose time, whose receivers and whose end a test decides.

It stands in for the runner: what that does in its threads when an instant comes, the kit does when it is told
to move there, and where that would carry an event out of the house, the kit only remembers it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import sqlalchemy

from states.errors import BadInput
from workflow.engine import Engine
from workflow.errors import DatabaseUnopened, SchemaMissing, SchemaOutdated
from workflow.inputs import aware
from workflow.ports import Delivered
from workflow.testing.builders import url_in
from workflow.testing.carrying import Carrier
from workflow.testing.clock import FrozenClock
from workflow.testing.couriers import Answer, Sent, Whom
from workflow.testing.dying import Crashed, Fate, MortalEngine, Side, Step
from workflow.testing.working import Worker, Works, no_works


class Kit:
    """An engine to test with. A `with` closes it.

    Nothing happens by itself: calls are closed, jobs done and events delivered by `tick`, `move` and
    `move_to`. Nothing is sent: of each delivery it is remembered what a courier would have been given.
    """

    def __init__(
        self,
        database: Path | str | sqlalchemy.Engine,
        *,
        clock: FrozenClock | None = None,
        used: bool = False,
        works: Works = no_works,
        **settings: Any,  # noqa: ANN401 -- Engine's
    ) -> None:
        """Open the database, and make the tables where nothing is yet.

        Args:
            database: a folder, in which a SQLite file is made; a URL; or a host's own SQLAlchemy engine.
            clock: where time stands; None: at noon UTC on the day before the real sheet's deadline.
            used: whether the database may hold calls already. What is in it is closed and told of as if its
                time had come, and nobody hears of it: a database in service must never come here.
            works: what does jobs, of an engine: `adapters.bootstrap.works_of`. Without it they wait.
            settings: what `Engine` takes besides: `settle_s`, `vault`, `pool_size`.

        Raises:
            BadInput: no database; or one that is in use, where that was not said.
            DatabaseUnavailable: it cannot be opened.
        """
        #: Where time stands. Move it by the kit: by itself it fires nothing.
        self.clock = clock or FrozenClock()
        self._open = partial(
            MortalEngine,
            url_in(database) if isinstance(database, Path) else database,
            clock=self.clock,
            **settings,
        )
        self._carrier = Carrier(self.clock)
        self._worker = Worker(works)
        self._fate = Fate()
        self._engine = self._open(fate=self._fate)
        try:
            self._prepare(used=used)
        except BaseException:
            self.close()
            raise

    @property
    def engine(self) -> Engine:
        """The engine; after a crash another one, as after a restart: ask for it anew."""
        return self._engine

    @property
    def now(self) -> datetime:
        """The instant at which the clock stands, UTC."""
        return self.clock.now()

    @property
    def sent(self) -> list[Sent]:
        """Every attempt to deliver, in order."""
        return self._carrier.sent

    # ---- time

    def move_to(self, at: datetime) -> None:
        """Move the clock on to an instant; what falls due on the way is done at its own instant, in order.

        - what is due already, before it moves
        - each close at its deadline and settle time, each delivery and each further attempt at its own
          instant, with the clock standing there; and each job that a process died with, once it is free again
        - at the end old keys and deliveries are forgotten, as the runner does

        Args:
            at: where to stop, aware; what is due then is done, too.

        Raises:
            BadInput: that is behind us, or no aware instant.
            RuntimeError: a call that was due could not be closed.
        """
        then = aware(at, field="at")
        if then < self.now:
            msg = f"The clock stands at {self.now.isoformat()}: it is not moved back to {then.isoformat()}."
            raise BadInput(msg, field="at")
        self._do_what_is_due()
        while (due := self._next_due()) is not None and due <= then:
            self.clock.move_to(due)
            self._do_what_is_due()
        self.clock.move_to(then)
        self._forget()

    def move(self, **span: float) -> None:
        """Move the clock on by so much, as `move_to` does: `move(days=3)`, as `timedelta` takes it."""
        self.move_to(self.now + timedelta(**span))

    def tick(self) -> None:
        """Do all that is due at this instant, as `eoi tick` does: close, do jobs, deliver, forget.

        Raises:
            RuntimeError: a call that was due could not be closed.
        """
        self._do_what_is_due()
        self._forget()

    # ---- receivers

    def answer(self, *answers: Answer, to: str = "*", of: str = "*", for_good: bool = False) -> None:
        """Choose what receivers answer: `answer(Delayed(why="down"), Delayed(why="down"))`, then it arrives.

        What was chosen last counts first.

        Args:
            answers: how the next attempts end, one after the other: an outcome, or a function of the
                delivery that returns one.
            to: at whom: an address or a pattern of addresses, an endpoint's id, a courier's name.
            of: telling of what: `eoi.submitted`, `call.*`.
            for_good: whether the last of these is the answer from then on.

        Raises:
            BadInput: no answer, or no such event.
        """
        self._carrier.answers.choose(Whom(of, to), *answers, for_good=for_good)

    def delivered(self, of: str = "*", *, to: str = "*") -> list[Sent]:
        """Return what has arrived, in order.

        Args:
            of: telling of what: `eoi.submitted`, `call.*`.
            to: at whom, as for `answer`.

        Raises:
            BadInput: no event is called so.
        """
        whom = Whom(of, to)
        return [
            each for each in self.sent if isinstance(each.outcome, Delivered) and whom.fits(each.delivery)
        ]

    # ---- the end

    @contextmanager
    def crash_after(self, step: Step) -> Iterator[None]:
        """Let the engine's process die just after a step of what is done in this `with`, which ends there.

        - `begin`, `write`, `commit`: of the next transaction that writes, whichever command it is of; with a
          host's session, the host's own commit
        - `deliver`: a receiver has the next delivery, and that is not yet written down

        `Crashed` ends what was under way: no `except Exception` holds it up. Its connections are cut, and the
        database undoes what was not committed. Whoever still has that engine is told the same of all they
        ask; `engine` is another one then, on the same database, and hooks are to be set anew.

        Raises:
            AssertionError: the end of the `with` was reached alive.
            BadInput: no such step; or the database is in memory, and dies, too.
        """
        with self._dying("after", step):
            yield

    @contextmanager
    def crash_before(self, step: Step) -> Iterator[None]:
        """Let the engine's process die just before a step, as `crash_after` does just after it.

        `crash_before("commit")`: all is written and nothing committed.
        """
        with self._dying("before", step):
            yield

    def close(self) -> None:
        """Close the engine's connections; a host's SQLAlchemy engine is the host's to dispose of."""
        self._engine.close()

    def __enter__(self) -> Self:
        """Use it in a `with`, which closes it."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()

    def _prepare(self, *, used: bool) -> None:
        if not used and self._is_used():
            msg = "That database is in use: the kit would close its calls, and tell nobody of its events."
            raise BadInput(msg, field="database")
        self._engine.migrate()

    def _is_used(self) -> bool:
        try:
            return len(self._engine.find_calls(limit=1)) > 0
        except (SchemaMissing, DatabaseUnopened):
            return False  # not made yet; or it says so itself in a moment
        except SchemaOutdated:
            return True

    def _next_due(self) -> datetime | None:
        found = (
            self._engine.next_due(),
            self._carrier.next_due(self._engine.outbox),
            self._worker.next_due(self._engine),
        )
        return min((each for each in found if each is not None and each > self.now), default=None)

    def _do_what_is_due(self) -> None:
        if failed := self._engine.close_due().failed:
            msg = f"Calls that are due could not be closed: {dict(failed)}."
            raise RuntimeError(msg)
        self._worker.do(self._engine)
        self._carrier.deliver(self._engine.outbox, self._fate)

    def _forget(self) -> None:
        self._engine.prune()
        self._engine.forget_deliveries()
        self._engine.forget_jobs()

    @contextmanager
    def _dying(self, side: Side, step: Step) -> Iterator[None]:
        self._engine.require_afterlife()
        fate = self._fate
        fate.await_(side, step)
        try:
            yield
        except Crashed:
            pass
        finally:
            fate.spare()
            if fate.is_over:
                self._restart()
        if not fate.is_over:
            msg = f"Nothing died: what was done came to no such moment as {side} {step}."
            raise AssertionError(msg)

    def _restart(self) -> None:
        self._engine.close()
        self._carrier.restart()
        self._fate = Fate()
        self._engine = self._open(fate=self._fate)
