"""How much the HTTP door takes unless it is set: for the settings, and for the door. Imports nothing."""

from typing import Final

#: How many requests one actor has in a minute.
REQUESTS: Final = 600
#: How many times an address may fail in a minute to say who asks.
FAILURES: Final = 30
#: The largest body, in bytes: the largest answers, each letter written as its code, and room around them.
LARGEST_BODY: Final = 2 * 1024 * 1024
