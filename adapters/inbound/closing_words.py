r"""The words that make a date a closing date, as regular expressions. What is done with them: `ties`.

All are matched without regard to case, on folded text (plain spaces, quotes, hyphens). Those that end
in `LINK` are searched in the text before a date and must reach up to it (`\Z`). Every repetition is
bounded.
"""

import re
from typing import Final

_CHANGED: Final = r"(?:extended|moved|changed|postponed|put back|brought forward|revised)"
_BEEN_CHANGED: Final = rf"(?:has|have) (?:now )?been (?:set|{_CHANGED})(?: (?:to|until|from|for|as))?"
# What may stand between the closing words and the date.
_LINK: Final = (
    r"(?:[\s:|=,(~-]|\b(?:is|was|are|of|on|by|at|until|before|the|latest|now|set|as|will be|no later than"
    rf"|not later than|{_BEEN_CHANGED})\b){{0,16}}\Z"
)
_NOUN: Final = (
    r"\b(?:clos(?:ing|ure)[ -](?:date|time|day)s?(?: and time)?|deadlines?(?: (?:date|time|day)s?)?"
    r"|cut[ -]?off(?: date| point| time)?"
    r"|(?:last|final|latest) (?:date|day|time)(?= (?:for|to)\b)|date (?:for return|due|of closure)"
    r"|(?:return|submission|response|reply|due) date(?: and time)?"
    r"|to be (?:completed|returned|submitted|received) by"
    r"|(?:action|response|reply|return)s? (?:required|due|needed|requested)(?: by)?)\b"
)
_CLOSES: Final = r"\bclos(?:e|es|ing)\b(?!\s(?:to|date|day|time)\b)"
_OPEN_UNTIL: Final = (
    r"\b(?:open|accepted|apply|submitted|received|welcome)\b[a-z ]{0,30}(?=\s(?:until|till|up to)\b)"
)
_UNTIL: Final = r"(?:\s(?:until|till|up to(?: and including)?)\b)?"
# Things that applicants hand in, and how.
_THING: Final = (
    r"\b(?:appl(?:y|ying|ications?)|expressions?|interests?|EOIs?|forms?|pro-?formas?|templates?"
    r"|questionnaires?|surveys?|respon(?:d|ses?)|repl(?:y|ies)|submi(?:t|tted|tting|ssions?)"
    r"|return(?:s|ed|ing)?|send|sent|e-?mail(?:ed)?|reach(?:es)? (?:us|me|the|this|our)|receiv(?:e|ed)"
    r"|receipt|bids?|proposals?|tenders?|nominations?|entries|let us know|hear from you|with us|in by|RSVP"
    r"|posted|extend(?:ed)?|sign up|register(?:ed)?)\b"
)
# What closes: such a thing, or the window in which it is handed in.
_WINDOW: Final = rf"(?:{_THING}|\b(?:windows?|portal|call|round|process|period|opportunity|scheme)\b)"
# Dates by which something else is due, or somebody else does something.
_OTHER: Final = (
    r"\b(?:questions?|quer(?:y|ies)|clarifications?|enquir(?:y|ies)|outcomes?|decisions?|results?"
    r"|interviews?|meetings?|events?|webinars?|sessions?|workshops?|briefings?|visits?|shortlist\w{0,4}"
    r"|notif\w{0,7}|acknowledge?\w{0,5}|confirm\w{0,6}|informed|feedback|appeals?|reports?"
    r"|recommendations?|sent out|will return"
    r"|(?:panel|board|cabinet|council|team|officers?|we|authority|DfE)"
    r" (?:will|shall|aims? to|hopes? to|intends? to) (?:then |also )?"
    r"(?:respond|reply|return|submit|send|e-?mail|contact|complete|write)"
    r"|(?:you|schools|applicants) (?:will|should|can expect to) (?:receive|hear|be)"
    r"|(?:we|council|team|panel) (?:have |had )?received"
    r"|will be (?:sent|e-?mailed|returned|told|contacted))\b"
)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


#: "closing date for applications is", "deadline:"; groups `cue` and `filler`.
NOUN: Final = _compiled(
    rf"(?P<cue>{_NOUN})(?P<filler>(?:\s?\([^()\n]{{0,60}}\))?(?:\s(?:for|to|of)\s[^.;:|]{{0,120}}?)?){_LINK}"
)
#: "close at", "open until"; group `cue`.
VERB: Final = _compiled(
    rf"(?P<cue>{_CLOSES}|\bdue\b|{_OPEN_UNTIL})(?:\sfor\s[a-z ]{{0,40}}?)?{_UNTIL}{_LINK}"
)
#: "by", "no later than": closing words only together with a `THING`.
BY: Final = _compiled(
    r"\b(?:by|before|(?:no|not) later than|on or before|prior to)\b"
    r"(?:[\s:,-]|\b(?:on|the|at|latest|or|before|no later than)\b){0,8}\Z"
)
#: "after", where what comes then is refused: "EOIs received after 5pm will not be considered".
AFTER: Final = _compiled(r"(?<!\bor )\b(?:after|later than|past)\b[\s:,-]{0,3}\Z")
#: What tells that it is refused.
REFUSING: Final = _compiled(
    r"\b(?:not|cannot|no|never|late|unable|rejected|disregarded|discounted|ineligible|excluded)\b|n't\b"
)
#: Before "by": what nobody did, or nobody may do: "schools that did not apply by".
UNDONE: Final = _compiled(
    r"(?:\b(?:not|cannot|never)|n't)\b(?![^,;:]*\b(?:please|must|should|shall)\b)[^,;:]*\Z"
)
#: "extended to"; group `cue`.
CHANGED: Final = _compiled(rf"(?P<cue>\b{_CHANGED})\b[^.;]{{0,40}}?\b(?:to|until|till)\b{_LINK}")
#: After a closing date: "(10 March 2023) to", as in "extended from … to …".
ONWARD: Final = _compiled(rf"\A\s?(?:to|until)\b{_LINK}")
#: After a closing date or time: "for primary schools and", so that the next is one too, for somebody else.
ANOTHER: Final = _compiled(
    r"\A(?!(?:\s?(?:for|from|in|on|by|and|at)\b)?[\s,;-]{0,3}\Z)(?:[\s,;:/&()~-]|\b(?:or|and|but|except|for|from|by|on|in"
    r"|at|the|all|others?|only|if|using|primar(?:y|ies)|secondar(?:y|ies)|special|nurser(?:y|ies)|academ(?:y|ies)"
    r"|maintained|trusts?|schools?|settings?|phases?|applicants?|applications?|EOIs?|e-?mails?|post(?:al)?|paper|hard"
    r"|cop(?:y|ies)|online|electronic|hand|deliver(?:y|ed))\b){1,16}\Z"
)
#: Between a closing date and a time: that is the closing time.
BESIDE: Final = _compiled(
    r"\A(?:[\s.:,;|/[(-]|\b(?:at|by|before|until|is|the|(?:no|not) later than|closing|closes?|deadline"
    r"|latest|time)\b){0,12}\Z"
)
#: Between a closing date and a time: that is the time of something else.
HOURS: Final = _compiled(
    r"\b(?:(?:tele)?phone|tel|ring|call us|contact|open|opens|opening|between|from|starts?|begins?|doors"
    r"|hours|available|refreshments|lunch|published?|panel|forum)\b"
)
#: Before a time in the line above a closing date: it may be the closing time.
TIME_LABEL: Final = _compiled(r"(?:\A|\n)[\s|-]{0,3}time[\s:|-]{0,4}\Z")
#: Before a closing date of which another stands before: a table's head has more columns than one.
COLUMNS: Final = _compiled(
    r"\b(?:date|open(?:s|ing)?|launch\w{0,2}|publi\w{2,8}|issued?|start\w{0,3}|stage|event|panel)\b"
)
#: After a date: "is the closing date".
IS_CUE: Final = _compiled(rf"\s(?:is|was|being|will be) (?:the|our) (?:final |new |absolute )?{_NOUN}")
#: After a date that begins a line of a timetable: "- EOIs close", "Closing date".
ROW: Final = _compiled(rf"[^\n.;]{{0,60}}?(?:{_NOUN}|{_WINDOW}[^\n.;]{{0,60}}?{_CLOSES})")
#: A label on a line of its own, its value below an empty line: what a table becomes when it is copied.
LABEL_ABOVE: Final = _compiled(rf"(?m:^)((?:[a-z]{{1,20}} ){{0,2}}{_NOUN}[^\n:]{{0,40}}):?\n\n+(?=\S)")
#: What makes "by" and "closes" speak of applications.
THING: Final = _compiled(_THING)
#: A `THING` that cannot be anything but an application; "reply" or "send" may be about a meeting.
CORE: Final = _compiled(
    r"\b(?:appl(?:y|ying|ications?)|expressions? of|EOIs?|submissions?|bids?|proposals?|nominations?)\b"
)
#: What closes: a `THING`, or the window in which it is handed in.
WINDOW: Final = _compiled(_WINDOW)
#: What closes as well, every day.
PREMISES: Final = _compiled(
    r"\b(?:offices?|reception|building|switchboard|help ?(?:desk|line)|phone lines?|lines)\b"
)
#: What makes them speak of something else.
OTHER: Final = _compiled(_OTHER)
#: What a change may be a change of.
CHANGEABLE: Final = _compiled(rf"{_WINDOW}|\b(?:deadline|closing|date|this|we)\b")
#: What makes them tell of the past.
PAST: Final = _compiled(r"\b(?:was|were|had)\b")
#: After a date: it is that of an event.
EVENT: Final = _compiled(r"\s(?:meeting|event|session|panel|forum|interview|briefing|webinar|workshop)")
#: Words that say nothing: "and it", "which then".
GLUE: Final = _compiled(r"(?:[\s•*|-]|\b(?:and|which|that|it|this|will|then|now|we|the)\b){0,12}\Z")
