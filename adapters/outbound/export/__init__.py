"""EOIs as files: CSV, JSON lines, a workbook (XLSX), and awards as the 360Giving Data Standard has them.

Everything is read through the engine's face, so that a client over HTTP does as well as the engine. What
may be read, and by whom, is the engine's to say: whoever exports gets what they may read, and no more.
"""

from adapters.outbound.export.exporting import Exported, export
from adapters.outbound.export.formats import Format
from adapters.outbound.export.giving import Awards
from adapters.outbound.export.selection import Selection, Source

__all__ = ["Awards", "Exported", "Format", "Selection", "Source", "export"]
