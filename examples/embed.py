"""What a host writes: open a call, draft, submit, ask, refuse. Run it by `./run python examples/embed.py`."""

from datetime import UTC, datetime, timedelta

from workflow import Actor, Engine, NewCall, Refused

with Engine("sqlite://") as engine:  # in memory; a service says sqlite:////var/lib/eoi/eoi.db
    engine.migrate()
    engine.on("eoi.*", lambda event: print(f"{event.type:<14} {event.eoi_id} is {event.state}"))

    officer = Actor("programme.team", roles={"officer", "admin"})
    head = Actor("user-8f21", roles={"applicant"}, organisations={"URN:121234"})
    closes_at = datetime.now(UTC) + timedelta(days=14)  # noqa: TID251 -- a host has a clock of its own
    notice = NewCall(reference="46/23", title="Specialist Resource Bases", closes_at=closes_at)
    call = engine.open_call(notice, actor=officer)

    receipt = engine.draft(call.id, answers={"places": 18}, actor=head, applicant_name="Alder Primary")
    engine.submit(receipt.eoi_id, actor=head, idempotency_key="form-7f3a")  # sent twice, carried out once
    print("may now:", [option.trigger for option in engine.allowed(receipt.eoi_id, head) if option.ok])

    engine.cancel_call(call.id, actor=officer, reason="The programme was merged with the autumn call.")
    try:
        engine.draft(call.id, answers={}, actor=head)
    except Refused as refusal:
        print("refused:", refusal.code, "--", refusal)
