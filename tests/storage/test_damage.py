"""Files that can only be read, and files that are damaged: told as what they are, and nothing made worse."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from workflow import (
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnopened,
    Engine,
    EoiError,
)
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

PAGE = 4096


def engine_on(path: Path) -> Engine:
    """Return an engine on a file, with a clock that stands still and no patience."""
    return Engine(f"sqlite:///{path}", clock=FrozenClock(), lock_timeout_s=0.2)


def filled(folder: Path) -> tuple[Path, str, list[str]]:
    """Return a closed file of a call and 40 EOIs, with the ids of both."""
    with engine_in(folder) as engine:
        call_id = engine.open_call(new_call(), actor=officer()).id
        answers = {"why": "Because we have the room. " * 20}
        eoi_ids = [submitted(engine, call_id, school(urn), answers=answers) for urn in range(40)]
    return folder / "eoi.db", call_id, eoi_ids


def uses(engine: Engine, call_id: str, eoi_ids: list[str]) -> Iterator[Callable[[], Any]]:
    """Yield everything that a program does with a database."""
    clerk, now = officer(), engine.clock.now()
    yield engine.check
    yield engine.migrate
    yield engine.create
    yield engine.calls
    yield engine.next_due
    yield engine.close_due
    yield engine.find
    yield engine.deliveries
    yield lambda: engine.attempts(call_id)
    yield lambda: [engine.get(eoi_id) for eoi_id in eoi_ids]
    yield lambda: [engine.history(eoi_id) for eoi_id in eoi_ids]
    yield lambda: engine.outbox.claim(now, limit=100, lease_s=5)
    yield lambda: engine.withdraw(eoi_ids[3], actor=school(3))
    yield lambda: engine.draft(call_id, answers={}, actor=school(99))
    yield lambda: engine.open_call(new_call(reference="47/23"), actor=clerk)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file's bytes as bad disks, cables and editors leave them."""
    spoiled = bytearray(content)
    kind = chance.choice(["page", "bytes", "bits", "cut", "head"])
    if kind == "cut":
        return bytes(spoiled[: chance.randrange(1, len(content))])
    if kind == "page":
        start = chance.randrange(len(content) // PAGE) * PAGE
        spoiled[start : start + PAGE] = chance.randbytes(PAGE)
    elif kind == "head":
        spoiled[chance.randrange(100)] = chance.randrange(256)
    else:
        width = 40 if kind == "bytes" else 1
        for _ in range(30):
            start = chance.randrange(PAGE, len(content) - width)
            spoiled[start : start + width] = chance.randbytes(width)
    return bytes(spoiled)


@pytest.mark.slow
def test_whatever_is_damaged_is_told_in_our_words(
    tmp_path: Path, *, long: bool, tell: Callable[[str], None]
) -> None:
    """However a file was spoiled, every use of it works or raises an EoiError with a code; most do notice."""
    (tmp_path / "whole").mkdir()
    path, call_id, eoi_ids = filled(tmp_path / "whole")
    content, noticed, seeds = path.read_bytes(), 0, 1000 if long else 40
    for seed in range(seeds):
        spoiled = tmp_path / f"{seed}.db"
        spoiled.write_bytes(damaged(content, random.Random(seed)))  # noqa: S311 -- to be drawn again
        with engine_on(spoiled) as engine:
            codes = set[str]()
            for use in uses(engine, call_id, eoi_ids):
                try:
                    use()
                except EoiError as exc:
                    codes.add(exc.code)
        noticed += bool(codes & {"database-corrupt", "database-foreign"})
        for each in tmp_path.glob(f"{seed}.db*"):
            each.unlink()
    tell(f"{seeds} files damaged, {noticed} noticed")
    assert noticed > seeds / 2


def spoil(path: Path, start: int, content: bytes) -> None:
    """Overwrite some bytes of a file."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


@pytest.mark.parametrize(
    ("start", "content", "error"),
    [
        (0, b"PK\x03\x04 a zip archive", DatabaseForeign),
        (16, b"\xff\xff", DatabaseForeign),
        (100, bytes(PAGE - 100), DatabaseCorrupt),
    ],
    ids=["name", "page size", "schema"],
)
def test_a_damaged_first_page_is_told(
    tmp_path: Path, start: int, content: bytes, error: type[EoiError]
) -> None:
    """Where even the first page is spoiled, every use says what the file is, and not a byte more is lost."""
    path, call_id, eoi_ids = filled(tmp_path)
    spoil(path, start, content)
    before = path.read_bytes()
    with engine_on(path) as engine:
        for use in uses(engine, call_id, eoi_ids):
            with pytest.raises(error):
                use()
    assert path.read_bytes() == before


def test_a_damaged_page_is_found_by_looking_for_it(tmp_path: Path) -> None:
    """A spoiled page that no read has met yet is found by `eoi db check`, which names what is wrong."""
    path, _, eoi_ids = filled(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_eoi_eoi_by_applicant'"
        ).fetchone()
    spoil(path, (page - 1) * PAGE, b"\x0a\x00\x00\x00\x00" + bytes(200))
    with engine_on(path) as engine:
        assert engine.get(eoi_ids[0]).state == "submitted"
        assert engine.check() == [f"Page {page}: free space corruption"]


def test_a_file_that_was_cut_is_told(tmp_path: Path) -> None:
    """After half a copy the file is called damaged, with what to do, and no EOI is said to be gone."""
    path, _, eoi_ids = filled(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with engine_on(path) as engine:
        with pytest.raises(DatabaseCorrupt, match="restore the last backup") as caught:
            engine.get(eoi_ids[-1])
        assert caught.value.code == "database-corrupt"
        path.write_bytes(content)
    with engine_on(path) as engine:
        assert (engine.check(), len(list(engine.find(limit=100)))) == ([], 40)


def test_a_value_that_was_spoiled_is_told(tmp_path: Path) -> None:
    """An instant that is no instant, and text that is no text, are damage; what they held is not repeated."""
    path, _, (first, second, *_) = filled(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE eoi_eoi SET created_at = 'Mrs Smith' WHERE id = ?", (first,))
        connection.execute(
            "UPDATE eoi_eoi SET applicant_name = CAST(x'ff4d727320536d697468' AS TEXT) WHERE id = ?",
            (second,),
        )
    with engine_on(path) as engine:
        for eoi_id in (first, second):
            with pytest.raises(DatabaseCorrupt, match="damaged") as caught:
                engine.get(eoi_id)
            assert "Smith" not in f"{caught.value} {caught.value.facts}"


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("UPDATE eoi_outbox SET at = '2023-03-18 25:00:00.000000'", "claim"),
        ("UPDATE eoi_eoi SET state = 'Submitted'", "find"),
        ("UPDATE eoi_eoi SET updated_at = '\x16023-03-16 12:00:00.000000'", "find"),
        ("UPDATE eoi_revision SET manifest = '[]'", "find"),
        ("UPDATE eoi_revision SET manifest = '{'", "get"),
        ("UPDATE eoi_call SET state = 'opem'", "calls"),
        ("UPDATE eoi_call SET counts_at_close = '{'", "calls"),
        ("UPDATE eoi_call SET closes_at = '2023-03-18 25:00:00.000000'", "next_due"),
    ],
)
def test_a_word_that_was_spoiled_is_told(tmp_path: Path, statement: str, use: str) -> None:
    """A letter changed by a bad disk, in a state or a document, is damage to whoever reads that row."""
    path, _, (first, *_) = filled(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)
    with engine_on(path) as engine:
        uses: dict[str, Callable[[], object]] = {
            "claim": lambda: engine.outbox.claim(engine.clock.now(), limit=10, lease_s=5),
            "get": lambda: engine.get(first),
            "find": engine.find,
            "calls": engine.calls,
            "next_due": engine.next_due,
        }
        with pytest.raises(DatabaseCorrupt, match="restore the last backup"):
            uses[use]()


def test_a_file_that_can_only_be_read_is_read(
    folder: Path, plain_user: Callable[[], AbstractContextManager[None]]
) -> None:
    """On a read-only file reads go on and commands say so; once it is writable they work again."""
    path, call_id, eoi_ids = filled(folder)
    with plain_user(), engine_on(path) as engine:
        path.chmod(0o400)
        assert engine.get(eoi_ids[0]).state == "submitted"
        for _ in range(2):
            with pytest.raises(DatabaseReadOnly, match="make its folder writable") as caught:
                engine.withdraw(eoi_ids[0], actor=school(0))
            assert caught.value.code == "database-read-only"
        assert engine.get(eoi_ids[0]).version == 2
        for each in folder.iterdir():
            each.chmod(0o600)
        with pytest.raises(DatabaseReadOnly):
            engine.withdraw(eoi_ids[0], actor=school(0))  # on the connection that the read was made on
        assert engine.withdraw(eoi_ids[0], actor=school(0)).version == 3
        assert engine.draft(call_id, answers={}, actor=school(77)).version == 1
        assert engine.check() == []


def test_a_folder_that_can_only_be_read_is_told(
    folder: Path, plain_user: Callable[[], AbstractContextManager[None]]
) -> None:
    """Where SQLite cannot put its log beside the file, every use says so and names the way out."""
    path, call_id, eoi_ids = filled(folder)
    before = path.read_bytes()
    with plain_user(), engine_on(path) as engine:
        folder.chmod(0o500)
        for use in list(uses(engine, call_id, eoi_ids))[-4:]:
            with pytest.raises(
                DatabaseUnavailable, match=r"may this user write there|make its folder writable"
            ) as caught:
                use()
            assert isinstance(caught.value, DatabaseReadOnly | DatabaseUnopened)
        folder.chmod(0o700)
        assert engine.withdraw(eoi_ids[0], actor=school(0)).version == 3
    assert path.stat().st_size >= len(before)


def test_a_file_that_may_not_be_read_is_told(
    folder: Path, plain_user: Callable[[], AbstractContextManager[None]]
) -> None:
    """Somebody else's database is not opened, and the message asks about rights."""
    path, call_id, eoi_ids = filled(folder)
    with plain_user(), engine_on(path) as engine:
        path.chmod(0)
        for use in uses(engine, call_id, eoi_ids):
            with pytest.raises(DatabaseUnopened, match="may this user write there"):
                use()
        path.chmod(0o600)
        assert engine.check() == []
