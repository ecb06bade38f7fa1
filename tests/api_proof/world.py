"""What there is when a program is tried: keys of each kind, calls in each state, EOIs, a receiver."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from fastapi import FastAPI

from workflow import Actor, Engine
from workflow.testing import FrozenClock, admin, new_call, officer, reviewer, school

#: Who has a key, and what it may.
ROLES: Final[dict[str, tuple[set[str], set[str]]]] = {
    "applicant": ({"applicant"}, {"URN:121234"}),
    "officer": ({"officer"}, set()),
    "reviewer": ({"reviewer"}, set()),
    "decider": ({"decider"}, set()),
    "auditor": ({"auditor"}, set()),
    "admin": ({"admin"}, set()),
    "several": ({"applicant", "officer", "reviewer", "decider", "admin"}, {"URN:121234", "URN:1"}),
}
NOWHERE: Final = "0186e27e-7a80-7000-8000-00000000dead"


@dataclass(frozen=True, slots=True)
class World:
    """A program, and what is in its database."""

    engine: Engine
    api: FastAPI
    clock: FrozenClock
    #: Role -> a key, as its holder has it.
    keys: dict[str, str]
    #: What there is of each kind: its id.
    ids: dict[str, str]

    @classmethod
    def filled(cls, engine: Engine, api: FastAPI, clock: FrozenClock) -> Self:
        """Fill the database: each step as its own door would do it."""
        keys = {
            name: _key(engine, name, roles, organisations) for name, (roles, organisations) in ROLES.items()
        }
        keys["expired"] = _key(engine, "expired", {"officer"}, set(), lasts=timedelta(hours=1))
        keys["revoked"] = _key(engine, "revoked", {"officer"}, set())
        engine.revoke_key(keys["revoked"].split("_")[1], actor=admin())
        endpoint = engine.add_endpoint("http://127.0.0.1:9/eoi", actor=officer())
        ids = {"endpoint": endpoint.id, "missing": NOWHERE} | _calls(engine, clock)
        engine.outbox.claim(clock.now(), limit=1, lease_s=1.0)
        ids["job"] = engine.start_job("export", parameters={}, actor=holder("several")).id
        ids["delivery"] = str(engine.deliveries(actor=officer())[0].id)
        return cls(engine, api, clock, keys, ids)


def _key(
    engine: Engine, name: str, roles: set[str], organisations: set[str], *, lasts: timedelta | None = None
) -> str:
    expires_at = None if lasts is None else engine.clock.now() + lasts
    view = engine.create_key(
        f"{name}-1", roles=roles, organisations=organisations, expires_at=expires_at, actor=admin()
    )
    assert view.key is not None
    return view.key


def _calls(engine: Engine, clock: FrozenClock) -> dict[str, str]:
    """Make a call that is open, one that closed and one that was called off; return what is in them."""
    own, other = school(121234), school(7)
    done = engine.open_call(new_call(reference="1/23"), actor=officer())
    ids = {"closed": done.id}
    for word, who in (("own", own), ("foreign", other)):
        eoi = engine.draft(done.id, answers={"places": 8}, actor=who).eoi_id
        engine.submit(eoi, actor=who)
        ids[f"{word}-submitted"] = eoi
    ids["foreign-reviewed"] = engine.draft(done.id, answers={}, actor=school(9)).eoi_id
    engine.submit(ids["foreign-reviewed"], actor=school(9))
    clock.move_by(days=3)
    engine.close_due()
    engine.review(ids["foreign-reviewed"], actor=reviewer())
    changes = {"closes_on": (clock.now() + timedelta(days=30)).date()}
    ids["call"] = engine.open_call(new_call(reference="2/23", **changes), actor=officer()).id
    off = engine.open_call(new_call(reference="3/23", **changes), actor=officer())
    engine.cancel_call(off.id, reason="Merged", actor=admin())
    ids["cancelled"] = off.id
    ids["own"] = engine.draft(ids["call"], answers={"places": 8}, actor=own).eoi_id
    ids["foreign"] = engine.draft(ids["call"], answers={"places": 9}, actor=other).eoi_id
    return ids


def holder(name: str) -> Actor:
    """Return who comes with a key."""
    roles, organisations = ROLES[name]
    return Actor(f"{name}-1", roles, organisations, via="http")
