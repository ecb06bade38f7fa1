"""The HTTP door: a route translates, and calls one use case. Needs the extra `api`."""
