import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.answers import answers_from
from states.errors import BadInput
from workflow.manifest import LARGEST


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (b"{}", {}),
        (b"\xef\xbb\xbf{}", {}),
        (
            b'\r\n {"places": 18, "need": ["ASD", null, true, 1.5]} \n',
            {"places": 18, "need": ["ASD", None, True, 1.5]},
        ),
        ('{"name": "Zoë 学校"}'.encode(), {"name": "Zoë 学校"}),
        (b'{"a": {"x": 1}, "b": {"x": 1}}', {"a": {"x": 1}, "b": {"x": 1}}),
    ],
)
def test_one_object_is_read_as_it_is(data: bytes, answers: Any) -> None:
    """A form of any shape comes out as it went in, a byte order mark or not."""
    assert answers_from(data) == answers


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file of answers is empty: for a form without any, write {}."),
        (b"\xef\xbb\xbf \n", "The file of answers is empty: for a form without any, write {}."),
        (b"[]", 'The answers must be one JSON object, such as {"places": 18}.'),
        (b'"text"', 'The answers must be one JSON object, such as {"places": 18}.'),
        (b'{"a": NaN}', "The answers hold NaN, which is no number in JSON."),
        (b'{"a": [-Infinity]}', "The answers hold -Infinity, which is no number in JSON."),
        (b'{"a": 1, "b": 2, "a": 3}', "The answers hold the name 'a' twice in one object."),
        (
            b'{"%(k)b": 1, "%(k)b": 2}' % {b"k": b"k" * 1000},
            f"The answers hold the name '{'k' * 60}' twice in one object.",
        ),
        (b'{"a": \xff}', "The answers are not UTF-8 text."),
        ("{}".encode("utf-16"), "The answers are not UTF-8 text."),
        (b'{"a":' * 100_000, "The answers take over 262,144 bytes (256 KiB), which is the most."),
        (b'{"a":' * 50_000, "The answers are nested too deep."),
    ],
)
def test_what_is_no_form_is_refused_in_words(data: bytes, message: str) -> None:
    """Each kind of rubbish has its sentence, and is laid at the answers' door."""
    with pytest.raises(BadInput) as caught:
        answers_from(data)
    assert (caught.value.message, caught.value.field, caught.value.code) == (message, "answers", "bad-input")


@pytest.mark.parametrize(
    "data", [b"{'a': 1}", b'{"a": 1,}', b'{"a": 1', b'{"a": 01}', b'{"a": "\n"}', b"\x00"]
)
def test_what_is_nearly_json_is_refused(data: bytes) -> None:
    """JSON is read strictly, and the refusal says where it went wrong."""
    with pytest.raises(BadInput, match=r"^The answers are not JSON: .+\.$"):
        answers_from(data)


def test_a_form_may_be_as_large_as_it_may_be() -> None:
    """256 KiB to the byte are read; one byte more is not."""
    form = b'{"a": "' + b"x" * (LARGEST - 9) + b'"}'
    assert len(form) == LARGEST
    assert answers_from(form) == {"a": "x" * (LARGEST - 9)}
    with pytest.raises(BadInput, match="256 KiB"):
        answers_from(form + b" ")


@given(st.binary(max_size=200))
def test_no_bytes_whatever_bring_it_down(data: bytes) -> None:
    """Any bytes are one object or a refusal."""
    answers: object = {}
    with contextlib.suppress(BadInput):
        answers = answers_from(data)
    assert isinstance(answers, dict)


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5),
        max_size=3,
    )
)
def test_what_was_written_as_json_is_read_again(form: dict[str, Any]) -> None:
    """Whatever a program can write as one JSON object comes out the same."""
    assert answers_from(json.dumps(form).encode()) == form
