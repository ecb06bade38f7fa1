"""The outside: documents in, couriers out, the command line, and the composition root."""
