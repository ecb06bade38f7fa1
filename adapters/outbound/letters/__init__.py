"""Events as letters to people: a subject, a text, the same as HTML, and the deadline for a calendar.

The words stand in `adapters/outbound/templates`, where a council's own files take the place of ours.
Nothing here knows how a letter is sent.
"""

from adapters.outbound.letters.writing import Letter, Letters

__all__ = ["Letter", "Letters"]
