"""How a Django host is tested: by Django's own runner and client, with the engine's kit beside them.

    pip install eoi-workflow django
    python test_with_django.py

In a project `EoiTestCase` stands among the tests, and `manage.py test` runs what is made of it. Django's own
`TestCase` will not do: it keeps all of a test in one transaction, for which the engine, in its own, would
wait (SQLite) or of which it would see nothing.
"""

import sys
from datetime import timedelta
from pathlib import Path
from unittest import mock

import with_django  # sets Django up, before anything of it is imported
from django.contrib.auth.models import Group, User
from django.core.management import execute_from_command_line
from django.db import connection
from django.test import TransactionTestCase
from sqlalchemy import make_url

from workflow import CallView, Engine
from workflow.testing import Kit, new_call, officer, school


def database_url() -> str:
    """Return where Django's rows are just now, as the engine is told of it."""
    at = connection.settings_dict
    url = make_url(with_django.SPOKEN[connection.vendor]["url"]).set(database=str(at["NAME"]))
    if at["HOST"]:  # or a folder, with a socket in it
        url = url.update_query_dict({"host": at["HOST"], "port": str(at["PORT"] or 5432)})
    who = {"username": at["USER"] or None, "password": at["PASSWORD"] or None}
    return url.set(**who).render_as_string(hide_password=False)


class EoiTestCase(TransactionTestCase):
    """Each test has a database of its own, Django's rows and the engine's in it, and a kit: `self.kit`."""

    @classmethod
    def setUpClass(cls) -> None:
        """Make what Django's migrations leave to others: our tables; and this example's own."""
        super().setUpClass()
        with_django.make_bookings()
        with Engine(database_url()) as engine:
            engine.migrate()

    def setUp(self) -> None:
        """Copy the test database, as Django does for tests in parallel, and put the kit where the App is."""
        creation, name = connection.creation, connection.settings_dict["NAME"]
        connection.close()
        creation.clone_test_db("eoi", verbosity=0, autoclobber=True)
        connection.settings_dict |= creation.get_test_db_clone_settings("eoi")
        self.addCleanup(creation.destroy_test_db, old_database_name=name, verbosity=0)
        self.kit = self.enterContext(Kit(database_url()))
        self.enterContext(mock.patch.object(with_django, "eoi", return_value=self.kit))


class HeadsTests(EoiTestCase):
    """What the head of a school can do, and when."""

    def setUp(self) -> None:
        """Let a head sign in who has drafted something."""
        super().setUp()
        self.call: CallView = self.kit.engine.open_call(new_call(), actor=officer())
        self.eoi_id = self.kit.engine.draft(self.call.id, answers={"places": 18}, actor=school(121234)).eoi_id
        head = User.objects.create_user("head")
        head.groups.add(Group.objects.create(name="URN:121234"))
        self.client.force_login(head)

    def test_both_are_kept_and_the_register_is_told(self) -> None:
        """Rooms and submission are there together, and who waits for it hears of it."""
        self.kit.engine.add_endpoint("https://register.example/eoi", actor=officer())
        answer = self.client.post(f"/eois/{self.eoi_id}/submit", {"rooms": 2})
        self.assertEqual(answer.json(), {"state": "submitted", "rooms": 2})
        self.assertEqual(with_django.Booking.objects.get().rooms, 2)
        self.kit.tick()
        (told,) = self.kit.delivered("eoi.submitted", to="https://register.example/*")
        self.assertEqual(told.event.eoi_id, self.eoi_id)

    def test_neither_is_kept(self) -> None:
        """Where there are no such rooms, nothing was submitted."""
        self.client.raise_request_exception = False
        self.assertEqual(self.client.post(f"/eois/{self.eoi_id}/submit", {"rooms": 9}).status_code, 500)
        self.assertEqual(self.kit.engine.get(self.eoi_id).state, "draft")
        self.assertEqual(with_django.Booking.objects.count(), 0)

    def test_who_is_late_is_refused(self) -> None:
        """At the deadline it is too late, and nothing is booked."""
        self.kit.move_to(self.call.closes_at - timedelta(microseconds=1))
        self.assertEqual(self.client.get(f"/eois/{self.eoi_id}").json()["state"], "draft")
        self.kit.move_to(self.call.closes_at)
        late = self.client.post(f"/eois/{self.eoi_id}/submit", {"rooms": 2})
        self.assertEqual((late.status_code, late.json()["error"]), (409, "call-closed"))
        self.assertEqual(with_django.Booking.objects.count(), 0)


if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "test", Path(__file__).stem, *sys.argv[1:]])
