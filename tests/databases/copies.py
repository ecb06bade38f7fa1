"""Thousands of EOIs, at the speed of SQL."""

from typing import Final

from tests.databases.raw import RawDatabase

#: One more EOI like a given one, for each number from 1 on; what the engine would have written of each.
_COPY: Final = """
CREATE TEMP TABLE copy AS
WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < {many})
SELECT '00000000-0000-7000-8000-' || substr(CAST(1000000000000 + i AS TEXT), 2) AS id,
    'URN:9' || i AS applicant, '{eoi}' AS old
FROM number;
INSERT INTO eoi_eoi (id, call_id, applicant, state, version, digest, created_at, updated_at, submitted_at)
SELECT c.id, e.call_id, c.applicant, e.state, e.version, e.digest, e.created_at, e.updated_at, e.submitted_at
FROM copy c JOIN eoi_eoi e ON e.id = c.old;
INSERT INTO eoi_revision (eoi_id, version, manifest)
SELECT c.id, r.version, r.manifest FROM copy c JOIN eoi_revision r ON r.eoi_id = c.old;
INSERT INTO eoi_history (subject_id, seq, trigger, source, target, actor, via, at, recorded_at, digest)
SELECT c.id, h.seq, h.trigger, h.source, h.target, h.actor, h.via, h.at, h.recorded_at, h.digest
FROM copy c JOIN eoi_history h ON h.subject_id = c.old;
INSERT INTO eoi_outbox (type, call_id, eoi_id, source, state, version, at, recorded_at, closes_at, fanned_out)
SELECT o.type, o.call_id, c.id, o.source, o.state, o.version, o.at, o.recorded_at, o.closes_at, o.fanned_out
FROM copy c JOIN eoi_outbox o ON o.eoi_id = c.old
"""


def copy_eoi(database: RawDatabase, eoi_id: str, many: int) -> None:
    """Have so many more EOIs like this one, each of another applicant."""
    database.run(*_COPY.format(many=many, eoi=eoi_id).split(";"))
