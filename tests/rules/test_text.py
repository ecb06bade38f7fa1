"""What counts as plain text, and as an identifier, at the border."""

import unicodedata
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.errors import BadInput
from states.text import ID_LENGTH, plain_id, plain_text, refuse_unstorable

ZERO_WIDTH_SPACE: Final = "\u200b"
ZERO_WIDTH_JOINER: Final = "\u200d"
SOFT_HYPHEN: Final = "\u00ad"
NO_BREAK_SPACE: Final = "\u00a0"
RIGHT_TO_LEFT_OVERRIDE: Final = "\u202e"
E_ACUTE: Final = "\u00e9"
COMBINING_ACUTE: Final = "\u0301"


def refused(check: Any, value: Any, **how: Any) -> str:
    """Return the words of the refusal."""
    with pytest.raises(BadInput) as caught:
        check(value, field="title", **how)
    assert (caught.value.code, caught.value.field) == ("bad-input", "title")
    return caught.value.message


def test_white_space_around_is_dropped_and_letters_come_in_one_form() -> None:
    """An é typed as one character or as two is the same text; space, line ends and tabs around it go."""
    assert plain_text(f" \t\n{NO_BREAK_SPACE}Cafe{COMBINING_ACUTE}\r\n", field="title") == f"Caf{E_ACUTE}"
    assert plain_id(f"Cafe{COMBINING_ACUTE}", field="actor") == plain_id(f"Caf{E_ACUTE}", field="actor")


@pytest.mark.parametrize(
    "text",
    [
        "46/23",
        "St Mary's C of E (VA) Primary – Norwich",
        "ysgol gynradd ŵ",
        "学校",
        "مدرسة",
        "🏫",
        f"👩{ZERO_WIDTH_JOINER}🏫",  # a teacher: the joiner is part of the picture
        f"نمی{chr(0x200C)}خواهم",  # Persian spells with a non-joiner
        f"Norwich {chr(0x200F)}(أ)",  # a mark of direction, as word processors set it
        f"special{SOFT_HYPHEN}ist",  # pasted from a PDF
        f"two{NO_BREAK_SPACE}words",
    ],
)
def test_letters_of_every_script_are_text(text: str) -> None:
    """Names and titles of every script are kept as they are, joiners and marks included."""
    assert plain_text(text, field="title") == text


@pytest.mark.parametrize("value", [None, 7, b"text", ["text"], True])
@pytest.mark.parametrize("check", [plain_text, plain_id])
def test_what_is_no_text_is_refused(check: Any, value: Any) -> None:
    """A number, bytes or nothing at all is refused by its type, whichever text is meant."""
    assert refused(check, value) == f"title must be a text, not {type(value).__name__}."


@pytest.mark.parametrize(
    "blank",
    ["", " ", "\t\r\n", NO_BREAK_SPACE, ZERO_WIDTH_SPACE, f"{SOFT_HYPHEN} \ufeff", "\u3164", "\ufe0f"],
)
@pytest.mark.parametrize("how", [{}, {"lines": True}])
def test_what_shows_nothing_is_empty(blank: str, how: dict[str, Any]) -> None:
    """White space, and characters that nobody can see, are no title and no reason."""
    assert refused(plain_text, blank, **how) == "title is empty."
    assert refused(plain_id, blank) == "title is empty."


def test_the_length_is_counted_in_characters() -> None:
    """The longest text allowed passes, whatever its script; one more is refused with both numbers."""
    assert plain_text("🏫" * ID_LENGTH, field="title") == "🏫" * ID_LENGTH
    assert plain_text(f"  {'x' * 1000}  ", field="title", longest=1000) == "x" * 1000
    assert (
        refused(plain_text, "x" * 1001, longest=1000)
        == "title has 1,001 characters; at most 1,000 are allowed."
    )
    assert refused(plain_id, "x" * 201) == "title has 201 characters; at most 200 are allowed."


def test_a_text_that_grows_in_normal_form_is_measured_again() -> None:
    """A character that normal form spells with three counts as three: so much is stored."""
    spelt_with_three = "\ufb2c"
    assert len(unicodedata.normalize("NFC", spelt_with_three)) == 3
    assert (
        refused(plain_text, spelt_with_three * 2, longest=5)
        == "title has 6 characters; at most 5 are allowed."
    )
    assert len(plain_text(spelt_with_three * 2, field="title", longest=6)) == 6


def test_a_hostile_length_is_refused_before_it_costs_anything() -> None:
    """Ten million accents in a row, which normal form would take hours to sort, are refused by number."""
    accents = "a" + "\u0315\u0300" * 5_000_000
    assert refused(plain_text, accents) == "title has 10,000,001 characters; at most 200 are allowed."


STEERING: Final = {
    **{f"control {code:#04x}": chr(code) for code in [*range(1, 32), *range(127, 160)]},
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "right-to-left override": RIGHT_TO_LEFT_OVERRIDE,
    "left-to-right override": "\u202d",
}


@pytest.mark.parametrize("name", STEERING)
@pytest.mark.parametrize("check", [plain_text, plain_id])
def test_what_could_steer_a_terminal_is_refused(check: Any, name: str) -> None:
    """Controls, line ends and overrides of direction are refused by number, and never shown themselves."""
    char = STEERING[name]
    assert refused(check, f"a{char}b") == f"title holds a control character (U+{ord(char):04X})."


@pytest.mark.parametrize("name", sorted(STEERING.keys() - {"control 0x09", "control 0x0a", "control 0x0d"}))
def test_several_lines_hold_no_other_controls(name: str) -> None:
    """A reason may have lines and tabs, and nothing else that steers."""
    char = STEERING[name]
    assert (
        refused(plain_text, f"a{char}b", lines=True)
        == f"title holds a control character (U+{ord(char):04X})."
    )


def test_lines_end_in_one_way() -> None:
    """A reason typed on Windows, or with bare carriage returns that overwrite it, comes in plain lines."""
    assert plain_text("\r\na\r\nb\rc\n\td\n", field="reason", lines=True) == "a\nb\nc\n\td"


@pytest.mark.parametrize("check", [plain_text, plain_id, refuse_unstorable])
def test_what_cannot_be_stored_is_refused(check: Any) -> None:
    """A NUL, and half of a surrogate pair, are named in plain words; a whole pair is a character."""
    assert refused(check, "a\x00b") == "title holds a NUL character, which cannot be stored."
    for half in ("\ud800", "\udfff", "a\udc00\ud800b"):
        assert refused(check, half) == "title holds half of a surrogate pair, which is no Unicode text."
    refuse_unstorable("\U0001f3eb", field="title")


@pytest.mark.parametrize(
    "char",
    [
        *(
            ZERO_WIDTH_SPACE,
            ZERO_WIDTH_JOINER,
            SOFT_HYPHEN,
            NO_BREAK_SPACE,
            "\u200e",
            "\u2066",
            "\u2060",
            "\ufeff",
        ),
        *("\u034f", "\u061c", "\u115f", "\u17b4", "\u180e", "\u3164", "\ufe0f", "\uffa0", "\u2003", "\u3000"),
        *("\U0001d173", "\U000e0041", "\U000e0100"),
    ],
)
def test_two_identifiers_that_look_the_same_are_the_same(char: str) -> None:
    """URN:121234 with something invisible inside would be another organisation: it is refused."""
    assert refused(plain_id, f"URN:12{char}1234") == (
        f"title holds a character that cannot be seen or told from a space (U+{ord(char):04X}): "
        "type it again instead of pasting it."
    )


@pytest.mark.parametrize("name", ["URN:121234", "a b", "jané", "学校/7", "🏫", "O'Neill & Co. <x>", "-", "%"])
def test_the_form_of_an_identifier_is_not_checked(name: str) -> None:
    """Whatever a host calls its users and organisations is an identifier, if it can be seen."""
    assert plain_id(name, field="actor") == name


@given(st.text(max_size=300), st.booleans())
def test_what_is_accepted_stays_as_it_is(value: str, lines: bool) -> None:
    """Any text is refused in words or comes out stable: asked again, it gives itself, storable and in NFC."""
    try:
        text = plain_text(value, field="title", lines=lines)
    except BadInput as error:
        assert error.message.startswith("title ")  # noqa: PT017 -- either is right
        return
    assert plain_text(text, field="title", lines=lines) == text == unicodedata.normalize("NFC", text).strip()
    assert text.encode().decode() == text
    assert "\x00" not in text


@given(
    st.text(
        alphabet=st.sampled_from(f"aé {COMBINING_ACUTE}{ZERO_WIDTH_SPACE}{NO_BREAK_SPACE}\r\n"), max_size=8
    )
)
def test_an_accepted_identifier_is_on_one_line_and_all_to_be_seen(value: str) -> None:
    """No identifier holds a line's end or anything invisible, however it was pieced together."""
    try:
        name = plain_id(value, field="actor")
    except BadInput as error:
        assert error.field == "actor"  # noqa: PT017 -- either is right
        return
    assert set(name) <= set(f"aé {COMBINING_ACUTE}á")
    assert name == name.strip()
