"""The files that letters are written from: ours, and a council's own in their place.

The only file that knows Jinja. They are read once, at the start, and looked through then: what is misspelt in
a branch that is hardly ever taken is found, too. A council's files can do no more than put words together:
the environment is a sandbox, without globals.
"""

import difflib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, NoReturn

from jinja2 import FunctionLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from states.errors import BadInput
from states.events import EventType

#: What HTML is written from where an event has no file of its own for it.
LAYOUT: Final = "letter.html"
#: The largest file that is read, in bytes.
LARGEST: Final = 100_000

_KINDS: Final = (".txt", ".html")
#: How the name of a letter begins: the things that events happen to.
_THINGS: Final = tuple(sorted({f"{event.partition('.')[0]}." for event in EventType}))
_LETTERS: Final = tuple(f"{event}{kind}" for event in EventType for kind in _KINDS)


class Templates:
    """All files, read and found to be in order; threads share them."""

    def __init__(self, folder: Path | None, *, variables: frozenset[str], of_html: frozenset[str]) -> None:
        """Read ours, then the council's own from a folder; what is changed there later is not seen.

        Args:
            folder: whose files take the place of ours with the same name; None: ours alone.
            variables: the names that every template may use.
            of_html: those that a template for HTML may use besides.

        Raises:
            BadInput: no such folder, or a file in it that cannot be used; the message names file and line.
        """
        self._sources = _shipped() | (_own(folder) if folder is not None else {})
        self._environment = ImmutableSandboxedEnvironment(
            loader=FunctionLoader(self._load),
            autoescape=_is_html,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.globals.clear()
        self._variables = variables
        self._of_html = of_html
        self._templates = {name: self._checked(name) for name in self._sources}

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a file."""
        return name in self._templates

    def render(self, name: str, words: Mapping[str, object], *, explain: bool) -> str:
        """Fill one in.

        Args:
            name: of a file that is there.
            words: the variables.
            explain: say what is wrong in the library's words, which may quote the words that were filled in.

        Raises:
            BadInput: it cannot be; the message names file and line.
        """
        try:
            return self._templates[name].render(words)
        except Exception as exc:  # noqa: BLE001 -- a council's template may do whatever ends in one
            what = f"{type(exc).__name__}: {exc}" if explain else type(exc).__name__
            _refuse(*self._place(exc, name), what)

    def _load(self, name: str) -> tuple[str, str, None] | None:
        return (self._sources[name], name, None) if name in self._sources else None

    def _checked(self, name: str) -> Template:
        try:
            tree = self._environment.parse(self._sources[name], name, name)
            self._check_names(name, tree)
            self._check_files(name, tree)
            return self._environment.get_template(name)
        except TemplateSyntaxError as exc:
            _refuse(exc.name or name, exc.lineno, str(exc.message))
        except TemplateError as exc:
            _refuse(name, 1, str(exc))

    def _check_names(self, name: str, tree: nodes.Template) -> None:
        """Refuse a variable, filter or test that there is not, wherever it stands."""
        for node in tree.find_all((nodes.Filter, nodes.Test)):
            there = self._environment.filters if isinstance(node, nodes.Filter) else self._environment.tests
            if node.name not in there:
                _refuse(name, node.lineno, f"There is no {node.name!r}.{_perhaps(node.name, there)}")
        known = self._variables | (self._of_html if _is_html(name) else frozenset())
        for unknown in sorted(meta.find_undeclared_variables(tree) - known):
            _refuse(name, _line_of(tree, unknown), f"There is no {unknown!r}.{_perhaps(unknown, known)}")

    def _check_files(self, name: str, tree: nodes.Template) -> None:
        """Refuse to take in what is not there, or a text where HTML is written: nothing in it is escaped."""
        for other in meta.find_referenced_templates(tree):
            if other is None:
                _refuse(name, 1, "Name the file that is taken in as it is, in quotation marks.")
            if other not in self._sources:
                _refuse(name, _line_with(self._sources[name], other), f"There is no file {other!r}.")
            if _is_html(name) != _is_html(other):
                _refuse(name, _line_with(self._sources[name], other), "A .txt and an .html do not mix.")

    def _place(self, exc: Exception, name: str) -> tuple[str, int]:
        """Return in which file and line it went wrong."""
        if isinstance(exc, TemplateSyntaxError):
            return exc.name or name, exc.lineno
        found, trace = (name, 1), exc.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._sources:
                found = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        return found


def _shipped() -> dict[str, str]:
    folder = files("adapters.outbound") / "templates"
    return {each.name: _lines(each.read_text("utf-8")) for each in folder.iterdir() if _is_ours(each.name)}


def _own(folder: Path) -> dict[str, str]:
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as exc:
        msg = f"The folder of letters cannot be read: {exc.strerror}."
        raise BadInput(msg, field="letters") from None
    return {path.name: _read(path) for path in found if _is_ours(path.name)}


def _is_ours(name: str) -> bool:
    """Return whether a file is read.

    Raises:
        BadInput: its name is nearly that of a letter, so that it would be left out unsaid.
    """
    small = name.casefold()
    if small.startswith(_THINGS) and name not in _LETTERS:
        _refuse(name, None, f"No letter is called that.{_perhaps(name, _LETTERS)}")
    if small.endswith(_KINDS) and name != small:
        _refuse(name, None, f"Write its name in small letters: {small}.")
    return small.endswith(_KINDS)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as exc:
        _refuse(path.name, None, f"It cannot be read: {exc.strerror}.")
    if len(data) > LARGEST:
        _refuse(path.name, None, f"It is larger than {LARGEST:,} bytes: is it a letter?")
    try:
        # What Notepad writes first would else stand before `Subject:`.
        return _lines(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        _refuse(path.name, data.count(b"\n", 0, exc.start) + 1, "Save it as plain text, encoded as UTF-8.")


def _lines(text: str) -> str:
    r"""Return a text whose last line ends, too; what takes it in then goes on in a new line."""
    return text.rstrip() + "\n"


def _is_html(name: str | None) -> bool:
    return name is not None and name.endswith(".html")


def _line_of(tree: nodes.Template, variable: str) -> int:
    return min((node.lineno for node in tree.find_all(nodes.Name) if node.name == variable), default=1)


def _line_with(source: str, text: str) -> int:
    return source.count("\n", 0, max(source.find(text), 0)) + 1


def _perhaps(
    word: str, known: Iterator[str] | frozenset[str] | tuple[str, ...] | Mapping[str, object]
) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _refuse(file: str, line: int | None, what: str) -> NoReturn:
    where = file if line is None else f"{file}, line {line}"
    msg = f"The letters cannot be used. {where}: {what}"
    raise BadInput(msg, field="letters", file=file, line=line) from None
