"""Letters on one page, for people to read before schools get them."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment

from adapters.outbound.letters.trials import trial
from adapters.outbound.letters.writing import Letters
from states.events import EventType
from workflow import CallView


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A letter, to be looked at."""

    event: EventType
    subject: str
    text: str
    html: str
    #: The deadline as an .ics, where one is attached.
    calendar: str | None


def shown(letters: Letters, kind: EventType, call: CallView | None = None) -> Shown:
    """Return the letter about a kind of event, with the facts of a call, or of an example.

    Raises:
        BadInput: it cannot be written; the message names file and line.
    """
    written = letters.written(*trial(kind, call))
    return Shown(
        event=kind,
        subject=written.subject,
        text=written.text,
        html=written.html,
        calendar=None if written.calendar is None else written.calendar.decode(),
    )


def book(letters: Iterable[Shown]) -> str:
    """Return a page of HTML that shows letters as mail programs do; it needs no other file and no script."""
    return _PAGE.render(letters=list(letters))


def _in_link(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


_ENVIRONMENT: Final = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters["in_link"] = _in_link
# A frame keeps a letter's own styles, and what a council's template may hold, to itself: no script runs.
_PAGE: Final = _ENVIRONMENT.from_string("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Letters</title>
<style>
body { margin: 0 auto; max-width: 46rem; padding: 1rem; font: 1rem/1.5 Arial, Helvetica, sans-serif; color: #1d1d1d; background: #f1f1ef; }
nav ul { columns: 12rem; padding: 0; list-style: none; }
section { margin: 2rem 0; background: #fff; border: 1px solid #b8b8b4; }
header { padding: .75rem 1rem; border-bottom: 1px solid #b8b8b4; }
h2 { margin: 0; font-size: 1.1rem; }
p { margin: .25rem 0 0; }
code { color: #505050; }
iframe { display: block; width: 100%; height: 40rem; border: 0; resize: vertical; overflow: auto; }
details { padding: .75rem 1rem; border-top: 1px solid #b8b8b4; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>Letters</h1>
<nav aria-label="Letters"><ul>
{% for letter in letters %}
<li><a href="#{{ letter.event }}">{{ letter.event }}</a></li>
{% endfor %}
</ul></nav>
{% for letter in letters %}
<section id="{{ letter.event }}">
<header>
<code>{{ letter.event }}</code>
<h2>{{ letter.subject }}</h2>
{% if letter.calendar %}
<p>Attached: <a download="deadline.ics" href="data:text/calendar;base64,{{ letter.calendar | in_link }}">deadline.ics</a></p>
{% endif %}
</header>
<iframe sandbox title="{{ letter.subject }}" srcdoc="{{ letter.html }}"></iframe>
<details><summary>As plain text</summary><pre>{{ letter.text }}</pre></details>
</section>
{% endfor %}
</body>
</html>
""")  # noqa: E501 -- a style a line
