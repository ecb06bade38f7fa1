"""Since when no node could send a delivery.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what waits for a node that can send it begins to count now."""
    op.add_column("eoi_delivery", sa.Column("unable_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("eoi_delivery", "unable_since")
