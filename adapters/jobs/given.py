"""What an import is given: a table; and after it, perhaps, the register of schools that it is looked up in.

So whoever does the job has both, both are gone once it has ended, and under one idempotency key another
register is another request.
"""

import io
from contextlib import closing
from dataclasses import replace
from typing import IO, Final

from adapters.inbound.school_register import SchoolRegister, excerpt_of, register_in
from adapters.inbound.table_file import BadTable
from adapters.jobs.asked import Import
from states.errors import BadInput

#: The most bytes of what is kept of a register; of all schools of England it is three million.
LARGEST_REGISTER: Final = 8 * 1024 * 1024


def with_register(asked: Import, table: bytes, register: IO[bytes]) -> tuple[Import, bytes]:
    """Return how a table is imported, and what the job is given, where its schools are looked up.

    Args:
        asked: how the table is imported otherwise.
        table: as it came.
        register: seekable; what is kept of it is what is read of it.

    Raises:
        BadInput: the table's rows are decisions, which name no schools.
        BadTable: it is no register, or too much is to be kept of it.
    """
    kept = excerpt_of(register)
    if len(kept) > LARGEST_REGISTER:
        msg = (
            f"What is kept of the register has over {LARGEST_REGISTER // 1024**2} MiB: is it the right file?"
        )
        raise BadTable(msg, field="register")
    return replace(asked, register_bytes=len(kept)), table + kept


def parted(asked: Import, content: bytes) -> tuple[bytes, SchoolRegister | None]:
    """Return the table that a job was given, and the register; None: it was given none.

    Raises:
        BadInput: the register is said to be longer than all that was given.
        BadTable: it is no register.
    """
    if not asked.register_bytes:
        return content, None
    end = len(content) - asked.register_bytes
    if end < 0:
        msg = "register_bytes is more than the job was given."
        raise BadInput(msg, field="register_bytes")
    with closing(io.BytesIO(content[end:])) as register:
        return content[:end], register_in(register)
