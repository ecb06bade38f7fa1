"""A Flask service with users, rows and a log of its own, which asks the engine in Python.

    pip install eoi-workflow flask gunicorn
    gunicorn --config gunicorn.conf.py --workers 4 "with_flask:create()"

No FastAPI is needed for it. Where the rows are, `EOI_DATABASE_URL` says.
"""

import logging

import sqlalchemy
from flask import Flask, Response, abort, jsonify, request, session
from flask.typing import ResponseReturnValue
from sqlalchemy import CheckConstraint, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.schema import CreateTable

from adapters.bootstrap import build
from adapters.documents import to_json
from adapters.settings import Settings
from workflow import Actor, BadInput, Engine, EoiError, NotFound, Refused

#: The host's users: name -> who that is to the engine. In a real host they stand in a table.
USERS = {
    "olga": Actor("user-1", roles={"officer"}),
    "head": Actor("user-2", roles={"applicant"}, organisations={"URN:121234"}),
}


class Base(DeclarativeBase):
    """The host's own metadata; ours stays out of it."""


class Booking(Base):
    """A row of the host's own: rooms that are kept for an EOI, five at the most."""

    __tablename__ = "booking"
    __table_args__ = (CheckConstraint("rooms <= 5"),)
    eoi_id: Mapped[str] = mapped_column(primary_key=True)
    rooms: Mapped[int]


def user() -> Actor:
    """Return who asks, by the host's own sign-in: whatever that is, it ends in an Actor."""
    actor = USERS.get(session.get("user", ""))
    if actor is None:
        abort(401)
    return actor


def create(settings: Settings | None = None) -> Flask:
    """Return the service. Nothing runs yet: gunicorn.conf.py starts `extensions["eoi"]` in each worker."""
    settings = settings or Settings()
    database = create_engine(settings.database_url)
    eoi = build(settings, database)  # by the host's own pool
    with database.begin() as connection:  # in each worker, and they start together
        connection.execute(CreateTable(Base.metadata.tables["booking"], if_not_exists=True))
    eoi.engine.migrate()  # or `eoi db upgrade`, before you deploy
    database.dispose()  # no connection is taken along into a fork
    app = Flask(__name__)
    app.secret_key = "change-me"  # noqa: S105 -- an example's
    app.extensions["eoi"] = eoi
    app.logger.setLevel(logging.INFO)
    _enter(app, eoi.engine, database)
    return app


def _enter(app: Flask, engine: Engine, database: sqlalchemy.Engine) -> None:
    @app.errorhandler(EoiError)
    def failed(error: EoiError) -> ResponseReturnValue:
        """Say in the host's own form what stands in the way."""
        status = {NotFound: 404, BadInput: 400}.get(type(error), 409 if isinstance(error, Refused) else 503)
        return jsonify(error=error.code, message=str(error)), status

    @app.get("/eois/<eoi_id>")
    def show(eoi_id: str) -> ResponseReturnValue:
        """Show an EOI to whom it is for; to all others there is none."""
        return Response(to_json(engine.get(eoi_id, actor=user())), mimetype="application/json")

    @app.post("/eois/<eoi_id>/submit")
    def submit_with_rooms(eoi_id: str) -> ResponseReturnValue:
        """Submit an EOI and book rooms for it: both are committed, or neither is."""
        rooms, head = int(request.form["rooms"]), user()
        with Session(database) as rows, rows.begin():
            receipt = engine.submit(eoi_id, actor=head, session=rows)
            rows.add(Booking(eoi_id=eoi_id, rooms=rooms))
        app.logger.info("booked %d rooms", rooms)
        return jsonify(state=receipt.state, rooms=rooms)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)  # the host's log, and ours in it
    service = create()
    with service.extensions["eoi"]:  # starts the runner, and stops it
        service.run(use_reloader=False)
