"""Keys of the HTTP door.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_CURRENT = sa.text("superseded_at IS NULL AND revoked_at IS NULL")


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "eoi_api_key",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(8), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("organisations", sa.Text(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=True),
        sa.Column("last_used_at", _INSTANT, nullable=True),
        sa.Column("superseded_at", _INSTANT, nullable=True),
        sa.Column("old_until", _INSTANT, nullable=True),
        sa.Column("revoked_at", _INSTANT, nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.CheckConstraint(
            "expires_at IS NULL OR created_at < expires_at",
            name=op.f("ck_eoi_api_key_created_before_it_expires"),
        ),
        sa.CheckConstraint(
            "(superseded_at IS NULL AND old_until IS NULL) OR "
            "(superseded_at IS NOT NULL AND old_until IS NOT NULL AND superseded_at <= old_until)",
            name=op.f("ck_eoi_api_key_superseded_has_its_end"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL AND revoked_by IS NULL) OR "
            "(revoked_at IS NOT NULL AND revoked_by IS NOT NULL)",
            name=op.f("ck_eoi_api_key_revoked_by_somebody"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eoi_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_eoi_api_key_prefix")),
        sa.UniqueConstraint("hash", name=op.f("uq_eoi_api_key_hash")),
    )
    op.create_index(
        "uq_eoi_api_key_current",
        "eoi_api_key",
        ["name"],
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    )


def downgrade() -> None:
    """Take it away, and who had which key until when with it."""
    op.drop_table("eoi_api_key")
