"""A council's website, through which a school asks over HTTP: a key of its own, and nothing but the door."""

from types import TracebackType
from typing import Any, Self

import httpx

from adapters.bootstrap import App
from adapters.serving import server_of
from adapters.settings import Settings


class Website:
    """Serves the door at a free port of 127.0.0.1 while it is used in a `with`, and asks there."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Take a port; nobody is answered yet."""
        self._server = server_of(app, settings, host="127.0.0.1", port=0)
        self._client = httpx.Client(base_url=self._server.url, trust_env=False)

    @property
    def url(self) -> str:
        """Where it asks."""
        return self._server.url

    def submit(self, eoi_id: str, *, key: str) -> tuple[int, dict[str, Any]]:
        """Hand an EOI in; return the status and the document of the answer."""
        answer = self._client.post(
            f"/v1/eois/{eoi_id}/transitions",
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": f'"submit-{eoi_id}"'},
            json={"trigger": "submit"},
        )
        return answer.status_code, answer.json()

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what was asked, and give the port back."""
        self._client.close()
        self._server.close()
