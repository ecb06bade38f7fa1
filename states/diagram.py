"""Table -> Mermaid state diagram, and the same as Markdown: docs/lifecycle.md is made here."""

from states.lifecycle import CALL, EOI, Lifecycle, Move
from states.names import NOT_YET


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
        "| trigger | from | to | who | only if | must be given | event |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [_line(move) for move in lifecycle.moves]) + "\n"


def document() -> str:
    """Return the whole of docs/lifecycle.md."""
    parts = [
        "# Lifecycle\n\nMade from the tables in `states/lifecycle.py` by `./run eoi diagram --markdown`.\n"
    ]
    for lifecycle in (CALL, EOI):
        parts.append(f"\n## {lifecycle.name.capitalize()}\n\n")
        parts.append(f"```mermaid\n{mermaid(lifecycle)}```\n\n{table(lifecycle)}")
    return "".join(parts)


def _line(move: Move) -> str:
    cells = [
        f"`{move.trigger}`",
        ", ".join("–" if source == NOT_YET else source for source in move.sources),
        move.target,
        ", ".join(sorted(move.roles)),
        ", ".join(guard.__name__.replace("_", " ") for guard in move.guards),
        ", ".join(move.needs),
        f"`{move.event}`",
    ]
    return f"| {' | '.join(cells)} |"


def _node(state: str) -> str:
    return "[*]" if state == NOT_YET else state
