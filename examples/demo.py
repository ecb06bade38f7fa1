"""The main job, end to end: the real sheet MI 46/23, from its publication to the last decision and notice.

Run it by `./run demo`. It moves a clock of its own through March 2023; everything else is real: the sheet,
the SQLite file, the scheduler, requests and webhooks over HTTP on 127.0.0.1. The schools are invented.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import get_terminal_size
from typing import Final

from adapters.bootstrap import App, build
from adapters.inbound.announced import Given, announced_by_sheet
from adapters.settings import Settings
from demo_proofs import prove
from demo_receiver import Receiver
from demo_story import WIDTH, ZONE, Story
from demo_website import Website
from states.deadlines import deadline_in_words, moment_in_words
from states.diagram import mermaid
from states.lifecycle import EOI
from workflow import Actor, CallView, Engine, EoiTrigger, NewCall, Role
from workflow.testing import FrozenClock

HERE: Final = Path(__file__).resolve().parent
SHEET: Final = HERE / "mi-sheet-46-23.txt"
DATABASE: Final = HERE.parent / ".demo" / "eoi.db"
SECOND: Final = timedelta(seconds=1)

ADMIN: Final = Actor("head.of.places", {Role.ADMIN})
OFFICER: Final = Actor("programme.team", {Role.OFFICER})
REVIEWER: Final = Actor("send.adviser", {Role.REVIEWER})
PANEL: Final = Actor("panel.chair", {Role.DECIDER})
#: The stable id of each invented school, and its name.
SCHOOLS: Final = {
    "URN:990001": "Alder Primary",
    "URN:990002": "Beech Junior",
    "URN:990003": "Cedar Infant",
    "URN:990004": "Damson Primary",
    "URN:990005": "Elm Primary",
    "URN:990006": "Fern Junior",
}
ALDER, BEECH, CEDAR, DAMSON, ELM, FERN = SCHOOLS


class Demo:
    """The running program, the clock that it obeys, who listens, and who asks over HTTP."""

    def __init__(
        self, app: App, clock: FrozenClock, receiver: Receiver, website: Website, story: Story
    ) -> None:
        """Take the stage."""
        self.app, self.clock, self.receiver, self.story = app, clock, receiver, story
        self.website = website
        self.engine: Engine = app.engine
        #: The EOI of each school.
        self.eois: dict[str, str] = {}

    def head(self, urn: str) -> Actor:
        """Return whoever edits a school's EOI."""
        return Actor(f"head-{urn[-6:]}", {Role.APPLICANT}, organisations={urn})

    def move_to(self, when: datetime) -> None:
        """Move the clock, once every notice so far has arrived: in March 2023 nobody waited days for one."""
        self.app.runner.once()
        self.clock.move_to(when)

    def at(self, when: datetime, sentence: str, *, mood: str = "") -> None:
        """Move the clock, and tell what happens then."""
        self.move_to(when)
        self.story.at(when, sentence, mood=mood)

    def draft(self, urn: str, when: datetime, answers: dict[str, object]) -> None:
        """Let a school begin its EOI."""
        self.at(when, f"{SCHOOLS[urn]} begins an EOI.")
        receipt = self.engine.draft(
            "46/23",
            answers=answers,
            actor=self.head(urn),
            applicant_name=SCHOOLS[urn],
            idempotency_key=f"form-{urn}",
        )
        self.eois[urn] = receipt.eoi_id

    def key(self, urn: str) -> str:
        """Return a key by which a school comes in over HTTP."""
        made = self.engine.create_key(
            self.head(urn).id, roles={Role.APPLICANT}, organisations={urn}, actor=ADMIN
        )
        return made.key or ""

    def submit(self, urn: str, when: datetime, sentence: str) -> None:
        """Let a school hand its EOI in."""
        self.move_to(when)
        receipt = self.engine.submit(self.eois[urn], actor=self.head(urn))
        self.story.at(when, f"{sentence} Receipt: version {receipt.version}, event …{receipt.event_id[-8:]}.")


def main() -> int:
    """Tell the whole story; return 0 if everything claimed at its end is so."""
    terminal = sys.stdout.isatty()
    width = get_terminal_size().columns if terminal else WIDTH
    story = Story(colour=terminal and not Settings().no_color, width=width)
    DATABASE.parent.mkdir(exist_ok=True)
    for old in DATABASE.parent.glob("eoi.db*"):
        old.unlink()
    clock = FrozenClock(datetime(2023, 3, 14, 10, tzinfo=UTC))
    with Receiver() as receiver:
        settings = Settings(
            database_url=f"sqlite:///{DATABASE}",
            settle_s=2,
            webhook_allow=receiver.host,
            webhook_timeout_s=10,
        )
        with build(settings, clock=clock) as app, Website(app, settings) as website:
            demo = Demo(app, clock, receiver, website, story)
            call = open_the_call(demo, read_the_sheet(demo))
            schools_apply(demo)
            deadline_passes(demo, call)
            panel_decides(demo)
            notices_arrive(demo)
            look_back(demo)
    story.chapter("What was proven, asked of the database")
    holds = prove(DATABASE, receiver.events, story)
    what_to_try_next(story)
    return 0 if holds else 1


def read_the_sheet(demo: Demo) -> NewCall:
    """Read the real sheet, and question its deadline."""
    story = demo.story
    story.chapter("A sheet arrives")
    announced = announced_by_sheet(SHEET.read_bytes(), Given(timezone=ZONE))
    call = announced.call
    story.fact("Sheet", f"MI {call.reference}: {call.title}")
    story.fact("Published", moment_in_words(call.opens_at or demo.clock.now(), ZONE))
    story.fact("Closes", f"{deadline_in_words(call.closing, ZONE)}, read from “{call.closing_words}”")
    story.fact("Phase", call.phase)
    story.fact("Contact", call.contact)
    story.fact("Audience", call.audience)
    story.tell("Would this deadline stand up? The reader asks:")
    for finding in announced.findings(now=demo.clock.now()):
        story.warn(finding.message)
    return call


def open_the_call(demo: Demo, new: NewCall) -> CallView:
    """Open the call, and let another system listen."""
    demo.story.chapter("The call is opened")
    endpoint = demo.engine.add_endpoint(demo.receiver.url, actor=OFFICER)
    demo.story.tell(f"Another system listens: webhooks go to {endpoint.url}.")
    call = demo.engine.open_call(new, actor=OFFICER)
    first_late = call.closes_at.isoformat().replace("+00:00", "Z")
    demo.story.at(demo.clock.now(), f"Call {call.reference} is open. Too late from: {first_late}.")
    return call


def schools_apply(demo: Demo) -> None:
    """Six schools draft; some submit, one saves again, one takes its EOI back, one waits too long."""
    demo.story.chapter("Six schools")
    for number, urn in enumerate(SCHOOLS):
        demo.draft(
            urn, datetime(2023, 3, 14, 14 + number, 5, tzinfo=UTC), {"places": 10 + number, "need": "ASD"}
        )
    demo.submit(ALDER, datetime(2023, 3, 15, 9, 30, tzinfo=UTC), "Alder Primary submits.")
    demo.at(datetime(2023, 3, 15, 11, tzinfo=UTC), "Beech Junior saves again: 18 places, not 11.")
    demo.engine.save(demo.eois[BEECH], answers={"places": 18, "need": "ASD"}, actor=demo.head(BEECH))
    demo.submit(BEECH, datetime(2023, 3, 16, 15, 45, tzinfo=UTC), "Beech Junior submits.")
    demo.submit(CEDAR, datetime(2023, 3, 16, 16, tzinfo=UTC), "Cedar Infant submits.")
    demo.at(
        datetime(2023, 3, 17, 10, tzinfo=UTC), "Cedar Infant withdraws: its governors have voted against it."
    )
    demo.engine.withdraw(demo.eois[CEDAR], actor=demo.head(CEDAR), reason="The governors voted against it.")


def deadline_passes(demo: Demo, call: CallView) -> None:
    """One school is a second early, one a second late; then the sweep closes the call."""
    demo.story.chapter("The deadline")
    early, late = demo.key(DAMSON), demo.key(ELM)
    demo.story.tell(
        f"Two schools come in over HTTP, at {demo.website.url}, each by a key like {early[:13]}…."
    )
    demo.at(call.closes_at - SECOND, "Damson Primary submits, one second before closing. It is answered:")
    status, receipt = demo.website.submit(demo.eois[DAMSON], key=early)
    demo.story.tell(f"{status}, {receipt['state']}, version {receipt['version']}, at {receipt['at']}.")
    demo.at(call.closes_at + SECOND, "Elm Primary submits, one second after. It is answered:")
    status, problem = demo.website.submit(demo.eois[ELM], key=late)
    demo.story.warn(f"{status} {problem['code']}. {problem['detail']}")
    for kept in demo.engine.attempts(demo.eois[ELM]):
        demo.story.tell(f"Kept for the officer: {kept.trigger} by {kept.actor}, refused as {kept.code}.")
    demo.move_to(call.closes_at + 3 * SECOND)
    demo.app.runner.wake()
    demo.receiver.wait_until(lambda events: any(event["type"] == "call.closed" for event in events))
    closed = demo.engine.call("46/23")
    counts = ", ".join(f"{count} {state}" for state, count in (closed.counts_at_close or {}).items())
    demo.story.at(
        closed.closed_at or demo.clock.now(), f"The scheduler's sweep has closed the call: {counts}."
    )
    demo.story.tell("Elm's and Fern's drafts lapsed in the same transaction. Nobody can submit any more.")


def panel_decides(demo: Demo) -> None:
    """The adviser reviews; the panel, somebody else, approves two and declines one."""
    demo.story.chapter("Review and decision")
    for number, urn in enumerate((ALDER, BEECH, DAMSON)):
        demo.at(
            datetime(2023, 3, 21, 10 + number, tzinfo=UTC), f"{SCHOOLS[urn]} is reviewed by {REVIEWER.id}."
        )
        demo.engine.review(demo.eois[urn], actor=REVIEWER)
    decisions = (
        (
            ALDER,
            EoiTrigger.APPROVE,
            "Meets the need in the north of the county; premises ready by September.",
        ),
        (BEECH, EoiTrigger.APPROVE, "A strong record with autism; 18 places where most children travel."),
        (
            DAMSON,
            EoiTrigger.DECLINE,
            "No room on site before 2025; the panel asks the school to apply again then.",
        ),
    )
    for number, (urn, trigger, reason) in enumerate(decisions):
        mood = "good" if trigger == EoiTrigger.APPROVE else "bad"
        demo.at(
            datetime(2023, 3, 28, 13, 10 * number, tzinfo=UTC),
            f"{SCHOOLS[urn]}: {trigger}. {reason}",
            mood=mood,
        )
        demo.engine.fire(demo.eois[urn], trigger, actor=PANEL, reason=reason)


def notices_arrive(demo: Demo) -> None:
    """Show what the other system received, in the order in which it came."""
    demo.story.chapter("What the other system was told")
    wanted = _events_so_far(demo)
    demo.receiver.wait_until(lambda events: len(events) >= wanted)
    names = {eoi: SCHOOLS[urn] for urn, eoi in demo.eois.items()}
    came = [
        (number, event["type"], names.get(event["subject"], "the call")) for number, event in _numbered(demo)
    ]
    half = (len(came) + 1) // 2
    left, right = came[:half], [*came[half:], ("", "", "")][:half]
    head = ("no.", "event", "of", "", "no.", "event", "of")
    demo.story.table(head, [(*a, "", *b) for a, b in zip(left, right, strict=True)])
    demo.story.tell("For each EOI they came in the order in which they happened.")


def look_back(demo: Demo) -> None:
    """Show the history of one EOI, and the table of moves that every EOI goes through."""
    demo.story.chapter("The history of one EOI: Beech Junior")
    history = demo.engine.history(demo.eois[BEECH])
    rows: list[tuple[object, ...]] = [
        (
            each.seq,
            each.trigger,
            each.target,
            each.actor,
            moment_in_words(each.at, ZONE),
            (each.digest or "")[:12],
        )
        for each in history
    ]
    head: tuple[str, ...] = ("seq", "what", "state", "who", "when", "digest of the content")
    if demo.story.is_narrow:
        head, rows = head[:-1], [row[:-1] for row in rows]
    demo.story.table(head, rows)
    demo.story.fact("Reason", history[-1].reason)
    demo.story.chapter("The life of an EOI")
    demo.story.code(mermaid(EOI))
    demo.story.tell("Mermaid, made from the table that decides; drawn in docs/lifecycle.md.")


def what_to_try_next(story: Story) -> None:
    """Show the way on."""
    story.chapter("What to try next")
    path = DATABASE.relative_to(HERE.parent)
    story.code(
        f"./run eoi --db {path} list\n"
        f"./run eoi --db {path} call history 46/23\n"
        f"./run eoi --db {path} attempts 46/23\n"
        f"./run eoi --db {path} outbox list\n"
        f"./run eoi --db {path} key list\n"
        f"./run eoi --db {path} serve    # then http://127.0.0.1:8000/docs\n"
        "./run eoi call lint examples/mi-sheet-46-23.txt\n"
        "./run eoi --help\n"
        "./run test"
    )


def _numbered(demo: Demo) -> list[tuple[int, dict[str, str]]]:
    return list(enumerate(demo.receiver.events, start=1))


def _events_so_far(demo: Demo) -> int:
    """How many events the receiver should hold: one for each change of the call and of each EOI."""
    subjects = [demo.engine.call("46/23").id, *demo.eois.values()]
    return sum(len(demo.engine.history(subject)) for subject in subjects)


def answer(arguments: Sequence[str]) -> int:
    """Run the demo; say what it does where that is asked, refuse what it would ignore."""
    if arguments in (["--help"], ["-h"]):
        print(
            f"{__doc__}\nIt leaves its database in {DATABASE.relative_to(HERE.parent)}, made anew each time."
        )
        return 0
    if arguments:
        sys.stderr.write(f"demo: it takes no arguments but --help, not {' '.join(arguments)}\n")
        return 2
    return main()


if __name__ == "__main__":
    try:
        status = answer(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `./run demo | head` has read enough; nothing is said at the exit, either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)
