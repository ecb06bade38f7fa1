"""docs/performance.svg: how time and memory grow with N."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from bench.document import Document

WIDTH: Final = 960
HEIGHT: Final = 360
#: A panel's width, and the room for its numbers on the left, its title above and its N below.
PANEL, LEFT, ABOVE, BELOW = 310, 52, 50, 70
#: The colours of the lines, readable for those who see no red or green.
COLOURS: Final = {
    ("ours", "sqlite"): "#1d70b8",
    ("floor", "sqlite"): "#8eb8dc",
    ("ours", "postgresql"): "#d4351c",
    ("floor", "postgresql"): "#eba99f",
}
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "ours": "engine", "floor": "floor"}


class Line(NamedTuple):
    """What belongs together, as points of N and value."""

    contender: str
    database: str
    points: list[tuple[int, float]]


def picture(document: Document) -> str:
    """Return the picture: the close's time and memory, the page's time; what was not measured stays empty."""
    panels = (
        ("A close with N drafts, seconds", _lines(document, "W2", "median", 1.0)),
        ("Memory at its peak, MiB", _lines(document, "W2", "peak_kib", 1 / 1024)),
        ("A page of 50 out of N, milliseconds", _lines(document, "W5", "median", 1e3)),
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="Arial, Helvetica, sans-serif" font-size="12" role="img" aria-labelledby="t">'
    )
    parts = [
        head,
        '<title id="t">Growth with N: time and memory of a close, time of a page, on both databases</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for number, (title, lines) in enumerate(panels):
        parts += _panel(10 + number * (PANEL + 10), title, lines)
    return "\n".join([*parts, *_legend(), "</svg>\n"])


def _lines(document: Document, workload: str, field: str, factor: float) -> list[Line]:
    lines = []
    for race in document["races"]:
        for contender in ("floor", "ours") if race["workload"] == workload else ():
            points = [
                (lane["size"], lane[field] * factor)
                for lane in race["lanes"]
                if lane["contender"] == contender and lane["failed"] is None
            ]
            lines.append(Line(contender, race["database"], points))
    return [line for line in lines if line.points]


def _panel(left: int, title: str, lines: Sequence[Line]) -> Iterator[str]:
    yield f'<text x="{left}" y="24" font-size="14" font-weight="bold">{escape(title)}</text>'
    if not lines:
        return
    most_n = max(size for line in lines for size, _ in line.points)
    top = _round_up(max(value for line in lines for _, value in line.points))
    width, height = PANEL - LEFT - 20, HEIGHT - ABOVE - BELOW
    x0, y0 = left + LEFT, HEIGHT - BELOW
    for part in range(5):
        y, value = y0 - height * part / 4, top * part / 4
        yield f'<path d="M{x0} {y:.1f}h{width}" stroke="#b1b4b6" stroke-width="{1 if part else 2}"/>'
        yield f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    for size in sorted({size for line in lines for size, _ in line.points}):
        yield (
            f'<text x="{x0 + width * size / most_n:.1f}" y="{y0 + 16}" text-anchor="end" '
            f'transform="rotate(-30 {x0 + width * size / most_n:.1f} {y0 + 16})">{size:,}</text>'
        )
    for line in lines:
        colour = COLOURS[line.contender, line.database]
        at = [(x0 + width * size / most_n, y0 - height * value / top) for size, value in line.points]
        yield (
            f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in at)}" fill="none" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at)


def _legend() -> Iterator[str]:
    for number, ((contender, database), colour) in enumerate(COLOURS.items()):
        x, y = 10 + number * 170, HEIGHT - 12
        yield f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{x + 30}" y="{y}">{NAMES[contender]}, {NAMES[database]}</text>'


def _round_up(value: float) -> float:
    """Return a round number that is no less: 1, 2, 4 or 8 times a power of ten."""
    power = 10.0 ** len(str(int(value))) if value >= 1 else 1.0
    while power / 10 >= value:
        power /= 10
    return next(factor * power / 10 for factor in (1, 2, 4, 8, 10) if factor * power / 10 >= value)
