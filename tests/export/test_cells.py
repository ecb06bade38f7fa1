"""No cell is taken for a formula, by whatever reads the file; and what was written can be had back."""

import csv
import json
from io import StringIO
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.export.cells import fitted, in_words, neutralised, restored

#: What is likely to go wrong: signs of every width, quotes, blanks, ends of cells, what nobody sees.
SPITEFUL = st.text(st.sampled_from("=+-@＝＋－＠−'\"“ \t\r\n;,a1\u200b\ufeff\u00a0\u3000"), max_size=12)  # noqa: RUF001
PLAIN_SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 -- of full width on purpose


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("=1+1", "'=1+1"),
        ("+44 1603 222000", "'+44 1603 222000"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r\nx", "'\r\nx"),
        ("＝1", "'＝1"),  # noqa: RUF001 -- of full width on purpose
        ('"=1', "\"'=1"),
        ("  =1", "  '=1"),
        ("\u200b=1", "\u200b'=1"),
        ("x;=1", "x;'=1"),
        ('x\n"=1', "x\n\"'=1"),
        ("'=1", "''=1"),
        ("a=b", "a=b"),
        ("x, -y", "x, -y"),
        ("head@school.example", "head@school.example"),
        ("2023-03-17", "2023-03-17"),
        ("", ""),
    ],
)
def test_a_sign_at_a_beginning_gets_an_apostrophe(text: str, told: str) -> None:
    """Where a spreadsheet could see a formula begin stands an apostrophe; all else is left as it was."""
    assert neutralised(text) == told
    assert restored(told) == text


@given(SPITEFUL)
def test_every_text_can_be_had_back(text: str) -> None:
    """Whoever takes the apostrophes away has what was written, whatever it was."""
    assert restored(neutralised(text)) == text


@given(st.lists(SPITEFUL, min_size=1, max_size=3), st.sampled_from(",;\t"))
def test_no_reader_sees_a_formula_begin(texts: list[str], separator: str) -> None:
    """Read with its own separator or a wrong one, stripped or not, no cell begins with a sign."""
    file = StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow([neutralised(text) for text in texts])
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        for row in csv.reader(StringIO(file.getvalue(), newline=""), delimiter=separator, quoting=quoting):
            for cell in row:
                # A reader without quotes splits at commas within texts, too, which ours never is asked to.
                if quoting == csv.QUOTE_NONE and separator == ",":
                    continue
                assert cell.strip(' \t\r\n"“\u200b\ufeff\u00a0\u3000')[:1] not in tuple(PLAIN_SIGNS)


def test_a_hostile_text_takes_no_time() -> None:
    """A quarter of a million blanks, quotes or ends of lines are looked through once."""
    for run in ("\n" * 250_000, "'" * 250_000 + "\t", " ;" * 125_000 + "x", "'\t" * 125_000 + "="):
        began = perf_counter()
        assert restored(neutralised(run)) == run
        assert perf_counter() - began < 1


def test_what_no_table_carries_is_replaced() -> None:
    """A control character, half a surrogate pair and what is no character become U+FFFD; text stays."""
    assert fitted("a\x00b\x1b[31m\ud800\uffff\x85") == "a\ufffdb\ufffd[31m\ufffd\ufffd\ufffd"
    assert fitted("tab\tline\r\nÄ 漢 👍") == "tab\tline\r\nÄ 漢 👍"


@pytest.mark.parametrize(
    ("value", "words"),
    [("x", "x"), (None, ""), (True, "true"), (18, "18"), (-0.5, "-0.5"), ([1, "ä"], '[1, "ä"]'), ({}, "{}")],
)
def test_a_value_is_told_as_json_has_it(value: object, words: str) -> None:
    """A text stands as it is, nothing for null, and everything else as JSON, which can be read again."""
    assert in_words(value) == words
    assert isinstance(value, str) or json.loads(words or "null") == value
