"""The rule book: what may happen to a call and to an EOI, and when.

Pure. Nothing here knows a clock, a database, a network, a log or the environment:
what a decision needs is handed to it as facts, and what it decides is handed back.
"""
