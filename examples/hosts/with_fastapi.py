"""A FastAPI service with users, rows and a log of its own, and the engine in it.

    pip install 'eoi-workflow[api]'
    uvicorn --factory with_fastapi:create --workers 2

From a clone: `./run python examples/hosts/with_fastapi.py`. Where the rows are, `EOI_DATABASE_URL` says.
"""

import logging.config
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlalchemy import CheckConstraint, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.schema import CreateTable

from adapters.embedding import Settings, build, eoi_router, running, tell_openapi
from workflow import Actor, Receipt, Refused

#: The host's users: token -> who that is to the engine. In a real host they stand in a table.
USERS = {
    "olga-s-token": Actor("user-1", roles={"officer"}),
    "head-s-token": Actor("user-2", roles={"applicant"}, organisations={"URN:121234"}),
}


class Base(DeclarativeBase):
    """The host's own metadata; ours stays out of it."""


class Booking(Base):
    """A row of the host's own: rooms that are kept for an EOI, five at the most."""

    __tablename__ = "booking"
    __table_args__ = (CheckConstraint("rooms <= 5"),)
    eoi_id: Mapped[str] = mapped_column(primary_key=True)
    rooms: Mapped[int]


async def user(request: Request) -> Actor:
    """Return who asks. The host's own authentication: whatever it is, it ends in an Actor."""
    actor = USERS.get(request.cookies.get("session", ""))
    if actor is None:
        raise HTTPException(401, "Sign in first.")
    return actor


def create(settings: Settings | None = None) -> FastAPI:
    """Return the service. Nothing runs before the server starts it, in each process by itself."""
    settings = settings or Settings()
    database = create_engine(settings.database_url)
    eoi = build(settings, database)  # by the host's own pool

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        with database.begin() as connection:  # in each worker, and they start together
            connection.execute(CreateTable(Base.metadata.tables["booking"], if_not_exists=True))
        eoi.engine.migrate()  # or `eoi db upgrade`, before you deploy
        async with running(eoi)(api):  # closes calls, delivers events
            yield
        database.dispose()

    api = FastAPI(title="Council", lifespan=lifespan)
    api.include_router(eoi_router(eoi, authenticate=user), prefix="/council")
    tell_openapi(api, security={"session": {"type": "apiKey", "in": "cookie", "name": "session"}})

    @api.exception_handler(Refused)
    def refused(_: Request, refusal: Refused) -> JSONResponse:
        """Say in the host's own form what stands in the way; our routes say it as problems."""
        return JSONResponse({"error": refusal.code, "message": str(refusal)}, 409)

    @api.post("/bookings/{eoi_id}")
    def submit_with_rooms(eoi_id: str, rooms: int, request: Request) -> dict[str, object]:
        """Submit an EOI and book rooms for it: both are committed, or neither is."""
        head = USERS[request.cookies["session"]]
        with Session(database) as session, session.begin():
            receipt: Receipt = eoi.engine.submit(eoi_id, actor=head, session=session)
            session.add(Booking(eoi_id=eoi_id, rooms=rooms))
        return {"state": receipt.state, "rooms": rooms}

    return api


def log_as_the_host_does() -> None:
    """Write one JSON document a line: the host's own events, and ours with all their fields."""
    shared = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_logger_name]
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,  # else all that were there before are silent from now on
            "formatters": {"json": formatter},
            "handlers": {
                "out": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}
            },
            "root": {"handlers": ["out"], "level": "INFO"},
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


if __name__ == "__main__":
    log_as_the_host_does()
    uvicorn.run(create, factory=True, log_config=None)
