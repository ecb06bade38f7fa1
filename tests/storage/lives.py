"""A database in which everything has happened that leaves a row."""

from datetime import timedelta

from workflow import Contact, Engine, Refused
from workflow.outbox import Attempted
from workflow.ports import Delivered
from workflow.testing import FrozenClock, admin, decider, new_call, officer, reviewer, school, submitted


def live(engine: Engine, clock: FrozenClock) -> str:
    """Let a call live to its end; return the EOI that was declined.

    - a row in every table of ours, with every state that an EOI comes to
    """
    engine.add_endpoint("https://a.example/eoi", actor=officer())
    call = engine.open_call(new_call(), actor=officer(), idempotency_key="open")
    eoi_id = submitted(engine, call.id, school(1), answers={"places": 18})
    withdrawn = engine.draft(call.id, answers={}, actor=school(2)).eoi_id
    engine.save(withdrawn, answers={"places": 9}, actor=school(2))
    engine.withdraw(withdrawn, actor=school(2), reason="Another year.")
    left = engine.draft(call.id, answers={}, actor=school(3)).eoi_id
    closes_at = call.closes_at + timedelta(hours=1)
    engine.extend_call(call.id, closes_at=closes_at, actor=officer(), reason="Snow.")
    clock.move_to(closes_at + timedelta(seconds=2))
    engine.close_due()
    try:
        engine.submit(left, actor=school(3))
    except Refused:
        engine.review(eoi_id, actor=reviewer())
    engine.decline(eoi_id, actor=decider(), reason="Too far.")
    engine.put_contacts(
        "schools", [Contact(organisation="URN:121234", address="a@b.example")], actor=officer()
    )
    engine.create_key("places-team", roles={"officer"}, actor=admin())
    engine.handle(
        {"specversion": "1.0", "id": "1", "source": "/forms", "type": "forms.form.printed", "subject": "7"},
        actor=school(1),
    )
    engine.start_job(
        "import", parameters={"call": "46/23"}, content=b"applicant\nURN:121234\n", actor=officer()
    )
    first, *_ = engine.outbox.claim(clock.now(), limit=5, lease_s=60)
    arrived = Attempted(delivery=first, outcome=Delivered(status=204), begun_at=clock.now())
    engine.outbox.record([arrived], clock.now(), rest_s=float)
    return eoi_id
