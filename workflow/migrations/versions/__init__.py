"""The revisions of the schema, each after the one before it."""
