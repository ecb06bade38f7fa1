"""Many things at once, by the engine's face alone: whatever has it, here or at the other end of a line.

face        what of the engine is asked
columns     what stands under which name in a row
new_eois    a row that is a new EOI
decisions   a row that is a move of one: approve, decline, review
importing   rows one after the other: looked at, then carried out
keys        the idempotency key of a row
faults      all that is wrong with a row
results     what became of a row
report      what became of a table
lines       rows of the tables that are written of it
refused     the rows that could not be taken, as a file that can be mended and given again
"""
