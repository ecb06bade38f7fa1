"""Tables for tests, and what an importer makes of them."""

import io
from collections.abc import Sequence
from typing import Any

from adapters.bulk.decisions import Decisions
from adapters.bulk.face import Face
from adapters.bulk.importing import Importer
from adapters.bulk.new_eois import EoiOptions, NewEois
from adapters.inbound.table_file import TableFile
from states.facts import Actor


def table(text: str | bytes, **options: Any) -> TableFile:
    """Return a table with that text."""
    return TableFile(io.BytesIO(text if isinstance(text, bytes) else text.encode()), **options)


def read(text: str | bytes, **options: Any) -> list[tuple[int, tuple[str, ...]]]:
    """Return each row of a table: its number and its cells."""
    return [(row.number, row.cells) for row in table(text, **options).rows()]


def eois(engine: Face, actor: Actor, text: str, **options: Any) -> tuple[Importer[Any], TableFile]:
    """Return what imports a table's rows as EOIs of the call 46/23."""
    found = table(text)
    kind = NewEois(engine, actor, found.columns, EoiOptions(**{"call": "46/23"} | options))
    return Importer(kind), found


def decisions(
    engine: Face, actor: Actor, text: str, *, call: str | None = None
) -> tuple[Importer[Any], TableFile]:
    """Return what imports a table's rows as decisions."""
    found = table(text)
    return Importer(Decisions(engine, actor, found.columns, call=call)), found


def told(results: Any) -> list[tuple[int, str, str | None]]:
    """Return of each row its number, how it stands with it, and the code."""
    return [(each.row, str(each.status), each.code) for each in results]


def checked(given: tuple[Importer[Any], TableFile]) -> list[tuple[int, str, str | None]]:
    """Return what would become of each row."""
    importer, found = given
    return told(importer.check(found.rows()))


def done(
    given: tuple[Importer[Any], TableFile], but: Sequence[int] = ()
) -> list[tuple[int, str, str | None]]:
    """Return what became of each row."""
    importer, found = given
    return told(importer.carry_out(found.rows(), but=but))
