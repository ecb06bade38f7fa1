"""The outside: documents in, couriers out, the command line, and the composition root."""

from eoi_workflow import look_around

look_around()
