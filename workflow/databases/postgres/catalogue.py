"""What stands in the schema of ours, as the server's catalogue has it: Alembic looks at a part of it only.

Names of schemas are left out of what is told, so that tables elsewhere can be compared with those here.
"""

import re
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, text

# A CHECK that was dumped and restored says the same in other words: the server writes its casts elsewhere.
_CASTS: Final = re.compile(r"::(?:character varying|text)(?:\[\])?")
_ALONE: Final = re.compile(r"\(('[^']*'|\(ARRAY\[[^\]]*\]\))\)")

_STANDING: Final = text(r"""
WITH ours AS (
    SELECT * FROM pg_class WHERE relkind = 'r' AND relname LIKE 'eoi\_%' AND pg_table_is_visible(oid)
)
SELECT concat('table ', relname), concat_ws(' ',
    CASE relpersistence WHEN 'u' THEN 'unlogged' END, relrowsecurity, relforcerowsecurity,
    EXISTS (SELECT FROM pg_inherits WHERE ours.oid IN (inhparent, inhrelid)))
FROM ours
UNION ALL
SELECT concat('column ', relname, '.', attname), concat_ws(' ',
    format_type(atttypid, atttypmod), attcollation, attidentity, attgenerated, pg_get_expr(adbin, adrelid))
FROM ours JOIN pg_attribute ON attrelid = ours.oid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped
UNION ALL
SELECT CASE contype
        WHEN 'c' THEN concat('check ', relname, '.', conname)
        WHEN 'f' THEN concat('fk ', conname)
        WHEN 'p' THEN concat('primary key ', relname)
        ELSE concat('constraint ', conname)
    END, pg_get_constraintdef(pg_constraint.oid)
FROM ours JOIN pg_constraint ON conrelid = ours.oid WHERE contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT concat('index ', of_it.relname), pg_get_indexdef(indexrelid, 0, true)
FROM ours JOIN pg_index ON indrelid = ours.oid JOIN pg_class AS of_it ON of_it.oid = indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT concat('trigger ', tgname), concat_ws(' ',
    tgtype, tgenabled, tgattr, substring(pg_get_triggerdef(pg_trigger.oid) FROM ' WHEN (.*) EXECUTE '),
    proname, lanname, prosrc)
FROM ours JOIN pg_trigger ON tgrelid = ours.oid JOIN pg_proc ON pg_proc.oid = tgfoid
JOIN pg_language ON pg_language.oid = prolang
WHERE NOT tgisinternal
UNION ALL
SELECT concat('rule ', relname, '.', rulename), pg_get_ruledef(pg_rewrite.oid)
FROM ours JOIN pg_rewrite ON ev_class = ours.oid
""")


def standing(connection: Connection) -> Mapping[str, str]:
    """Return every part of our tables that a connection finds: `trigger eoi_history_…` -> what it is."""
    return {name: _plainly(told) for name, told in connection.execute(_STANDING)}


def _plainly(told: str) -> str:
    return _ALONE.sub(r"\1", _CASTS.sub("", " ".join(told.split())))
