"""Table -> Mermaid state diagram, and the same as Markdown and in words: docs/lifecycle.md is made here."""

from collections.abc import Iterable, Mapping
from typing import Final

from states.lifecycle import CALL, EOI, Lifecycle, Move
from states.names import NOT_YET, CallState, EoiState, Role

_HEAD: Final = """\
# Lifecycle

What may happen to a call and to an expression of interest (EOI), by whom, and when. Made from the tables in
`states/lifecycle.py`, which the program itself obeys: `./run eoi diagram --markdown` writes this page, and a
test holds it in step.

How to read it:

- A box is a state, an arrow a move. What no arrow shows cannot happen.
- Whoever holds one of the roles named may make the move, nobody else; no role includes another.
- Every "only if" must be true at the instant at which the request arrived. When something stands in the way,
  the refusal says all of it at once, each with a code: see [errors.md](errors.md).
- "By 17 March" means until that day is over: a request that arrives at the closing instant itself is too
  late. The call is closed a moment later (the settle time, 2 seconds unless set otherwise), so that what
  arrived in time gets through.
- Every move is written into the history, with its reason, and told to other systems as the event named.
"""

_MEANING: Final[Mapping[str, Mapping[str, str]]] = {
    CALL.name: {
        CallState.OPEN: "Published. Schools may draft, save and submit until the deadline.",
        CallState.CLOSED: "Its deadline has passed, or an officer closed it early. Staff review.",
        CallState.CANCELLED: "Called off. The EOIs that were still under way were cancelled with it.",
    },
    EOI.name: {
        EoiState.DRAFT: "Begun by a school, not handed in.",
        EoiState.SUBMITTED: "Handed in before the deadline.",
        EoiState.REVIEWED: "Read and assessed by staff. Waits for the panel.",
        EoiState.APPROVED: "Selected.",
        EoiState.DECLINED: "Not selected. The reason is on record.",
        EoiState.WITHDRAWN: "Taken back by the school.",
        EoiState.LAPSED: "Still a draft when the call closed.",
        EoiState.CANCELLED: "Its call was cancelled.",
    },
}

_WHO: Final[Mapping[str, str]] = {
    Role.APPLICANT: "an applicant, or an officer on behalf of a named one",
    Role.OFFICER: "an officer",
    Role.REVIEWER: "a reviewer",
    Role.DECIDER: "a decider",
    Role.AUDITOR: "an auditor",
    Role.ADMIN: "an admin",
    Role.SYSTEM: "the system itself",
}

_GIVEN: Final[Mapping[str, str]] = {"reason": "a reason", "closes_at": "the new closing"}


def mermaid(lifecycle: Lifecycle) -> str:
    """Return the lifecycle as a Mermaid `stateDiagram-v2`, one arrow for each trigger and source."""
    lines = ["stateDiagram-v2", "    direction LR"]
    for move in lifecycle.moves:
        lines += [f"    {_node(source)} --> {move.target}: {move.trigger}" for source in move.sources]
    lines += [f"    {state} --> [*]" for state in lifecycle.states if state in lifecycle.final]
    return "\n".join(lines) + "\n"


def table(lifecycle: Lifecycle) -> str:
    """Return the lifecycle as a Markdown table, one line for each move."""
    head = [
        "| trigger | from | to | who | must be given | event |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [_line(move) for move in lifecycle.moves]) + "\n"


def words(lifecycle: Lifecycle) -> str:
    """Return the lifecycle as a Markdown list, each move in words."""
    return "\n".join(_in_words(move) for move in lifecycle.moves) + "\n"


def document() -> str:
    """Return the whole of docs/lifecycle.md."""
    return "".join([_HEAD, *(_chapter(lifecycle) for lifecycle in (CALL, EOI))])


def _chapter(lifecycle: Lifecycle) -> str:
    name = {CALL.name: "a call", EOI.name: "an EOI"}[lifecycle.name]
    states = [f"| {state} | {_MEANING[lifecycle.name][state]} |" for state in lifecycle.states]
    return "\n".join(
        [
            f"\n## The life of {name}\n",
            f"```mermaid\n{mermaid(lifecycle)}```\n",
            "| state | what it means |\n|---|---|",
            *states,
            f"\n### What can be done with {name}\n",
            words(lifecycle),
            "### The same as a table\n",
            table(lifecycle),
        ]
    )


def _in_words(move: Move) -> str:
    sources = [source for source in move.sources if source != NOT_YET]
    from_where = f"from {_either(sources)} to {move.target}" if sources else f"begins as {move.target}"
    if sources == [move.target]:
        from_where = f"{move.target}, and stays so"
    lines = [f"- **{move.label}** (`{move.trigger}`): {from_where}. {_capital(_who(move))}."]
    lines += [f"  - Only if: {_condition(guard.__doc__)}" for guard in move.guards]
    if move.needs:
        lines.append(f"  - Must be given: {' and '.join(_GIVEN[need] for need in move.needs)}.")
    lines.append(f"  - Told as `{move.event}`.")
    return "\n".join(lines)


def _line(move: Move) -> str:
    cells = [
        f"`{move.trigger}`",
        ", ".join("–" if source == NOT_YET else source for source in move.sources),
        move.target,
        ", ".join(sorted(move.roles)),
        ", ".join(move.needs) or "–",
        f"`{move.event}`",
    ]
    return f"| {' | '.join(cells)} |"


def _who(move: Move) -> str:
    return _either(_WHO[role] for role in Role if role in move.roles)


def _condition(docstring: str | None) -> str:
    """Return a guard's first line as the end of a sentence; Python may have been told to drop docstrings."""
    first = (docstring or "see the code").split("\n", 1)[0]
    return first[0].lower() + first[1:]


def _either(several: Iterable[str]) -> str:
    *others, last = several
    return f"{', '.join(others)} or {last}" if others else last


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _node(state: str) -> str:
    return "[*]" if state == NOT_YET else state
