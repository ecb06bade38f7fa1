"""Find what is due by its endpoint, what is lent out, and the keys that are old.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 'pending'")
_LENT = sa.text("leased_until IS NOT NULL")


def upgrade() -> None:
    """Put the indexes in the place of the one by due instant alone."""
    op.drop_index("ix_eoi_delivery_due", "eoi_delivery")
    _index("ix_eoi_delivery_due", ["endpoint_id", "due_at", "id"], _PENDING)
    _index("ix_eoi_delivery_lent", ["endpoint_id"], _LENT)
    op.create_index("ix_eoi_key_created_at", "eoi_key", ["created_at"])


def downgrade() -> None:
    """Put the old index back."""
    op.drop_index("ix_eoi_key_created_at", "eoi_key")
    op.drop_index("ix_eoi_delivery_lent", "eoi_delivery")
    op.drop_index("ix_eoi_delivery_due", "eoi_delivery")
    _index("ix_eoi_delivery_due", ["due_at"], _PENDING)


def _index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "eoi_delivery", columns, sqlite_where=where, postgresql_where=where)
