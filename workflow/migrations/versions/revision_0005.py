"""Events from elsewhere that nothing handled.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "eoi_unhandled",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(2000), nullable=False),
        sa.Column("event_id", sa.String(500), nullable=False),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(500), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("on_behalf_of", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "length(event_id) >= 1 AND length(event_id) <= 500 "
            "AND length(source) >= 1 AND length(source) <= 2000 "
            "AND length(type) >= 1 AND length(type) <= 200 "
            "AND length(subject) >= 1 AND length(subject) <= 500",
            name=op.f("ck_eoi_unhandled_texts_are_bounded"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eoi_unhandled")),
    )
    op.create_index("ix_eoi_unhandled_at", "eoi_unhandled", ["at"])


def downgrade() -> None:
    """Take it away, and which events came that nothing was done for."""
    op.drop_table("eoi_unhandled")
