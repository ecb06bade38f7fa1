"""Texts that trip a database up: in every field, kept to the letter, found again, and never taken for SQL."""

import random
import unicodedata
from typing import Any, Final

import pytest

from states.text import UNSEEN
from tests.databases.raw import RawDatabase
from workflow import Actor, Engine, Refused
from workflow.testing import FrozenClock, new_call

#: Letters of four bytes in no order, so that nothing can be packed tightly.
DENSE: Final = "".join(random.Random(4623).choices([chr(each) for each in range(0x1F300, 0x1F5FF)], k=200))  # noqa: S311 -- no secret
TEXTS: Final = {
    "quotes": """O'Brien "and" `Sons` ''""",
    "backslashes": r"C:\new\table \\ \' \x41 \u0041 \\",
    "percent": "100 % %s %d %(name)s %% %(eoi_id)s %1$s",
    "names of values": ":name :applicant ::text @id #{x} {0} {name} {{}}",
    "marks": "? ?? ?1 $1 $$ $tag$ $1::int",
    "SQL": "'; DROP TABLE eoi_call; -- /* */ \\'; SELECT 1",
    "patterns": "_%[a-z]*?^(x|y)+$",
    "JSON": '{"a": [1, null], "\\u0000": "\\""}',
    "not there": "NULL",
    "a number": "1e999",
    "accents": "Škola – École – Größe – \u0130\u0131\u017f ß ŉ",
    "combining": "e\u0301 a\u030a\u0323 \u0915\u094d\u0937 \u1112\u1161\u11ab \u0344",
    "compatible": "\ufb01 \u00b2 \u00bd \u2126 \u212b \uff46\uff55\uff4c\uff4c",
    "scripts": "مدرسة שלום 学校 โรงเรียน विद्यालय",
    "emoji": "👩🏽\u200d🏫 🏴\U000e0067\U000e0062\U000e007f 🇬🇧 ✊🏿 \U0010fffd",
    "planes": "\U0001d518\U0001d52b \U00010348 \U00020bb7 \U0001f9d1",
    "edges": "\u00a0x\u00a0 \ud7ff \ue000 \ufffd",
    "long": "Ж" * 200,
    "long and dense": DENSE,
}


def as_kept(text: str) -> str:
    """Return a text in the form in which what people read is kept."""
    return unicodedata.normalize("NFC", text.strip())


def as_id(text: str) -> str:
    """Return as much of a text as may stand in an identifier."""
    plain = UNSEEN.sub("", as_kept(text))
    seen = "".join(" " if unicodedata.category(each) == "Zs" else each for each in plain)
    return as_kept(seen)[:200].strip()


@pytest.mark.parametrize("which", TEXTS)
def test_every_field_keeps_every_text(
    engine: Engine, database: RawDatabase, clock: FrozenClock, which: str
) -> None:
    """What is given comes back in its normal form from every answer, and stands so in the rows."""
    text, name, ident = TEXTS[which], as_kept(TEXTS[which]), as_id(TEXTS[which])
    other = f"{ident[:195]} too"
    clerk = Actor(ident, {"officer", "admin"}, on_behalf_of=other)
    head = Actor(ident, {"applicant"}, [ident], on_behalf_of=other, via=ident[:32].strip())
    words: dict[str, Any] = dict.fromkeys(("title", "phase", "contact", "audience", "closing_words"), text)
    call = engine.open_call(new_call(reference=ident, **words), actor=clerk, idempotency_key=text)
    assert (call.reference, call.title, call.phase, call.contact, call.audience) == (ident, *[name] * 4)
    assert engine.call(ident) == engine.call(call.id) == call
    answers = {text: [text, {text: text}], "plain": text * 50}
    terms: dict[str, Any] = {"applicant_name": text, "answers": answers, "idempotency_key": text}
    receipt = engine.draft(ident, actor=head, **terms)
    assert engine.draft(ident, actor=head, **terms).replayed
    with pytest.raises(Refused):
        engine.review(receipt.eoi_id, actor=head)
    found = engine.get(receipt.eoi_id, actor=head)
    assert (found.applicant, found.applicant_name, found.answers) == (ident, name, answers)
    assert [each.id for each in engine.find(applicant=ident, call=ident)] == [receipt.eoi_id]
    engine.withdraw(receipt.eoi_id, actor=head, reason=f"{text}\n\t{text}")
    last = engine.history(receipt.eoi_id)[-1]
    assert (last.actor, last.on_behalf_of, last.via) == (ident, other, ident[:32].strip())
    assert last.reason == unicodedata.normalize("NFC", f"{text}\n\t{text}".strip())
    (attempt,) = engine.attempts(receipt.eoi_id)
    assert (attempt.actor, attempt.on_behalf_of) == (ident, other)
    rows = database.tables()
    assert rows["eoi_call"][0]["closing_words"] == name
    assert [row["applicant"] for row in rows["eoi_eoi"]] == [ident]


def test_texts_that_differ_are_told_apart(engine: Engine) -> None:
    """No order of letters, case or width of a database makes one reference or school of two."""
    clerk = Actor("clerk", {"officer"})
    names = [
        "a",
        "A",
        "á",
        "ä",
        "\uff21",
        "ß",
        "ss",
        "\u0131",
        "i",
        "\u0130",
        "1",
        "01",
        "a b",
        "a  b",
        "æ",
        "ae",
        "\U0001d51e",
    ]
    for name in names:
        call = engine.open_call(new_call(reference=name), actor=clerk)
        head = Actor(f"head of {name}", {"applicant"}, [name])
        assert engine.draft(names[0], answers={}, actor=head).version == 1
        assert engine.call(name).id == call.id
    assert [engine.find(applicant=name).items[0].applicant for name in names] == names
    assert [len(engine.find(applicant=name)) for name in names] == [1] * len(names)


@pytest.mark.parametrize("kind", ["answers", "reason"])
def test_the_longest_texts_are_kept(engine: Engine, kind: str) -> None:
    """A reason of 10,000 letters and answers of 256 KiB, in letters of four bytes each."""
    engine.open_call(new_call(), actor=Actor("clerk", {"officer"}))
    head = Actor("head", {"applicant"}, ["URN:1"])
    dense = (DENSE * 400)[: 10_000 if kind == "reason" else 65_000]
    eoi_id = engine.draft("46/23", answers={"a": dense}, actor=head).eoi_id
    engine.withdraw(eoi_id, actor=head, reason=dense[:10_000])
    assert engine.get(eoi_id).answers == {"a": dense}
    assert engine.history(eoi_id)[-1].reason == dense[:10_000]
    assert engine.check() == []
