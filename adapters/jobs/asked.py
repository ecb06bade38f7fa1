"""What may be asked of a job: the words of its parameters, checked before it waits, and read when it is done.

Knows the words, and no HTTP: whoever starts a job by Python gives the same.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from adapters.outbound.export import Awards, Format, Selection
from states.errors import BadInput

#: What the rows of a table are.
EOIS: Final = "eois"
DECISIONS: Final = "decisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """How a table is imported.

    Raises:
        BadInput: EOIs without a call; what is for EOIs alone, asked of decisions.
    """

    #: `eois`: each row is a new one; `decisions`: a move of one.
    rows: str = EOIS
    #: The call that all rows are for, by its id or reference; decisions may each name their own.
    call: str | None = None
    #: Whether each EOI is handed in as well.
    submit: bool = False
    #: Whether nothing is changed.
    dry_run: bool = False
    #: Whether the rows that can be carried out are, though others are refused.
    skip_bad: bool = False
    #: Answers whose cells are JSON, by their columns; and columns that are passed over.
    as_json: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    #: `utf-8` or `cp1252`.
    encoding: str = "utf-8"
    #: What stands between two cells; None: what the first row shows.
    delimiter: str | None = None
    #: How many of the last bytes that the job is given are the register of schools; 0: none is.
    register_bytes: int = 0

    def __post_init__(self) -> None:
        """Check that it makes sense."""
        if self.rows not in (EOIS, DECISIONS):
            msg = f"The rows of a table are {EOIS} or {DECISIONS}."
            raise BadInput(msg, field="rows")
        if self.rows == EOIS and not self.call:
            msg = "Say which call the EOIs are for, by its id or reference."
            raise BadInput(msg, field="call")
        if self.rows == DECISIONS and (self.submit or self.as_json or self.ignore or self.register_bytes):
            msg = "submit, as_json, ignore and a register are for EOIs, not for decisions."
            raise BadInput(msg, field="rows")
        if type(self.register_bytes) is not int or self.register_bytes < 0:
            msg = "register_bytes is a whole number: how many of the last bytes are the register."
            raise BadInput(msg, field="register_bytes")

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Return what a job's parameters say."""
        return cls(**_known(cls, parameters))

    def parameters(self) -> dict[str, Any]:
        """Return it as a job's parameters."""
        return _said(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is exported, and as what.

    Raises:
        BadInput: no such format; awards for what is none, or none for what is.
    """

    #: `csv`, `jsonl`, `xlsx`, `360giving`.
    format: str = Format.CSV
    call: str | None = None
    state: str | None = None
    applicant: str | None = None
    #: What makes awards of approved EOIs; for `360giving` alone.
    awards: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check that it makes sense."""
        if self.format not in set(Format):
            msg = f"The format is one of {', '.join(Format)}."
            raise BadInput(msg, field="format")
        if (self.format == Format.GIVING) != (self.awards is not None):
            msg = f"awards are for {Format.GIVING}, which needs them, and for nothing else."
            raise BadInput(msg, field="awards")
        self.makes_awards()

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Return what a job's parameters say."""
        return cls(**_known(cls, parameters))

    def parameters(self) -> dict[str, Any]:
        """Return it as a job's parameters."""
        return _said(self)

    def selects(self) -> Selection:
        """Return which EOIs are meant."""
        return Selection(call=self.call, state=self.state, applicant=self.applicant)

    def makes_awards(self) -> Awards | None:
        """Return what makes awards of them."""
        return None if self.awards is None else Awards(**_known(Awards, self.awards))


def _known(kind: type, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said, lists as tuples; only what is known.

    Raises:
        BadInput: something else is said besides.
    """
    known = {each.name for each in fields(kind)}
    if unknown := sorted(said.keys() - known):
        msg = f"{unknown[0]!r} is not asked of this job. Known are: {', '.join(sorted(known))}."
        raise BadInput(msg, field="parameters")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


def _said(asked: Any) -> dict[str, Any]:  # noqa: ANN401 -- one of the above
    """Return what is not as it would be anyway."""
    usual = {each.name: each.default for each in fields(asked)}
    return {name: value for name, value in asdict(asked).items() if value != usual[name]}
