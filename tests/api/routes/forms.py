"""Forms with files, as programs send them."""

from typing import Any, Final

import httpx

URL: Final = "http://127.0.0.1/"


def form(*files: tuple[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return a form's body and its headers.

    Args:
        files: of each part its name, and what httpx takes for a file: bytes, or a name, bytes and a type.
    """
    sent = httpx.Request("POST", URL, files=[*files])
    return sent.read(), {"Content-Type": sent.headers["content-type"]}
