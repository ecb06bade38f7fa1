"""Who asks, as the server knows them."""

from adapters.client.asking import Asks
from adapters.client.documents import WhoAsks
from states.facts import BY_HTTP
from workflow import Actor


class Asker(Asks):
    """What a client alone can be asked: whom its key stands for."""

    def who_asks(self) -> Actor:
        """Return whom the key stands for, with roles and organisations."""
        told = self._get(WhoAsks, "/actor", actor=None)
        return Actor(told.id, told.roles, told.organisations, told.on_behalf_of, via=BY_HTTP)
