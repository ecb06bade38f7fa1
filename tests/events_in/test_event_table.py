"""The table of events as a council writes it down, and every slip told by its place."""

from pathlib import Path

import pytest

from adapters.bootstrap import build
from adapters.core import build_engine
from adapters.inbound.event_table import handles_from, handles_in
from adapters.settings import Settings
from states.errors import BadInput
from workflow import Handle

RULE = b'[[handle]]\ntype = "a.b"\ntrigger = "submit"\n'


def test_each_rule_is_read_in_order() -> None:
    """Comments, a byte order mark and a spreadsheet's line ends are fine."""
    text = b'\xef\xbb\xbf# Forms\r\n[[handle]]\r\ntype = "a.*"\r\ntrigger = "draft"\r\ncall = "data.call"\r\n'
    assert handles_from(text + RULE) == (
        Handle(type="a.*", trigger="draft", call="data.call"),
        Handle(type="a.b", trigger="submit"),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "holds no rule"),
        (b"handle = []", "holds no rule"),
        (b"handle = 7", "holds no rule"),
        (b"[handle]\ntype = 'x'", "holds no rule"),
        (b"[[handles]]\ntype = 'x'", "holds 'handles', which is nothing here"),
        (RULE + b"[other]", "holds 'other', which is nothing here"),
        (b"[[handle]\n", r"is no TOML: .* \(at line 1, "),
        (RULE + b"type = 'a'", r"is no TOML: .* \(at "),
        (b"\xff", "is not in UTF-8"),
        (b"a = " + b"[" * 100_000, "is nested too deep|is no TOML"),
        (b"#" * (4 * 1024 * 1024 + 1), "more than 4 MB"),
        (b"handle = [7]", "rule 1: it must be a table"),
        (RULE + b"\n[[handle]]\ntrigger = 'submit'", "rule 2, line 5: its type is missing"),
        (b"[[handle]]\ntype = 'x'", r"rule 1 \(x\), line 1: its trigger is missing"),
        (RULE + b"reasom = 'data.why'", r"rule 1 \(a.b\), line 1: there is no 'reasom'. Was reason meant\?"),
        (RULE + b"eoi = 'why'", r"rule 1 \(a.b\), line 1, eoi: 'why' is no place in an event"),
        (RULE + b"eoi = 7", r"rule 1 \(a.b\), line 1, eoi: \(int\) is no place"),
        (b"[[handle]]\ntype = 7\ntrigger = 'submit'", r"rule 1, line 1, type: \(int\) is no type"),
        (b"[[handle]]\ntype = 'x'\ntrigger = 'go'", "line 1, trigger: There is no trigger 'go'"),
        (RULE + RULE, r"rule 2 \(a.b\): rule 1 is for that type, too"),
    ],
)
def test_a_slip_is_told_by_its_place(text: bytes, says: str) -> None:
    """Which rule, by number and type, on which line, and what would do."""
    with pytest.raises(BadInput, match=says) as caught:
        handles_from(text)
    assert caught.value.field == "events"
    assert caught.value.message.startswith("The table of events")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Not even one called - is the standard input; where none is named there are no rules."""
    assert handles_in("") == ()
    for name in (str(tmp_path / "events.toml"), str(tmp_path), "-"):
        with pytest.raises(BadInput, match=r"The table of events '/.* cannot be read"):
            handles_in(name)


def test_the_settings_name_it(tmp_path: Path) -> None:
    """An engine built by settings knows the table; who lets no events in is not stopped by a slip in it."""
    path = tmp_path / "events.toml"
    path.write_bytes(RULE)
    settings = Settings(database_url=str(tmp_path / "eoi.db"), events=str(path), events_unknown="refuse")
    with build_engine(settings) as engine:
        assert (engine._handles.rule_for("a.b") is None, engine._refuses_unknown) == (False, True)
    path.write_bytes(b"?")
    for make in (build_engine, build):
        with pytest.raises(BadInput, match="is no TOML"):
            make(settings)
    build_engine(settings.without_events()).close()
