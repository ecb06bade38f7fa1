"""Idempotency keys of rows: made of what a row says, and of nothing else.

So the same row is carried out once, wherever it stands and however often it is given; one that was mended is
another.
"""

import hashlib
import json


def key_of(content: object) -> str:
    """Return the key of what a row says.

    Args:
        content: all of it, as JSON knows it.
    """
    return f"import-{hashlib.sha256(json.dumps(content).encode()).hexdigest()}"
