"""What a Django host does in a process of its own, on the database in `EOI_DATABASE_URL`: printed as JSON."""
# ruff: noqa: E402 -- nothing of Django is imported before it is set up, by the host

import json
import sys
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "hosts"))
with_django: Any = import_module("with_django")  # sets Django up, before anything of it is imported

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client

from workflow import DatabaseLocked, Refused
from workflow.testing import new_call, officer, school

with_django.migrate()
engine, heard, told = with_django.eoi().engine, list[str](), dict[str, object]()
call = engine.open_call(new_call(closes_on=date(2099, 3, 17)), actor=officer())
drafted = engine.draft(call.id, answers={"name": "Société"}, actor=school()).eoi_id
engine.on("eoi.*", lambda event: heard.append(f"{event.type}, {engine.get(drafted).state}"))

head = User.objects.create_user("head")
head.groups.set([Group.objects.create(name=name) for name in ("URN:121234", "Newsletter")])
client = Client(raise_request_exception=False)
client.force_login(head)
told["shown"] = client.get(f"/eois/{drafted}").json()["answers"]
told["too many rooms"] = client.post(f"/eois/{drafted}/submit", {"rooms": 9}).status_code, [*heard]
told["neither"] = engine.get(drafted).state, with_django.Booking.objects.count()
told["done"] = client.post(f"/eois/{drafted}/submit", {"rooms": 2}).json()
told["both"] = engine.get(drafted).state, with_django.Booking.objects.count(), [*heard]

with transaction.atomic():
    User.objects.create_user("somebody")
    with with_django.eoi_session() as session:
        receipt = engine.withdraw(drafted, actor=school(), session=session)
    told["meanwhile"] = receipt.state, engine.get(drafted).state
    transaction.set_rollback(True)
told["undone"] = engine.get(drafted).state, User.objects.count(), len(heard)

with transaction.atomic():
    User.objects.create_user("somebody")
    with with_django.eoi_session() as session:
        try:
            engine.submit(drafted, actor=school(), session=session)
        except Refused as refusal:
            told["refused"] = refusal.code
told["Django's stands"] = User.objects.count()

with transaction.atomic():
    User.objects.create_user("nobody")
    try:
        told["without a session"] = engine.withdraw(drafted, actor=school()).state
    except DatabaseLocked as locked:
        told["without a session"] = locked.code
    transaction.set_rollback(True)
told["by itself"] = engine.get(drafted).state, User.objects.count()
print(json.dumps(told))
