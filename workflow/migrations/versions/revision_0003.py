"""What delivery needs to be trusted: secrets, headers, circuits, attempts, contacts; and a feed.

Revision: 0003, after 0002.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)
_PENDING = sa.text("state = 'pending'")
_PARKED = sa.text("state = 'parked'")
_FED = sa.text("feed IS NOT NULL")


def upgrade() -> None:
    """Add the columns and tables; what was fanned out has its place in the feed by its position."""
    for column in _of_endpoint():
        op.add_column("eoi_endpoint", column)
    op.add_column("eoi_delivery", sa.Column("recipient", sa.String(), nullable=False, server_default=""))
    op.add_column("eoi_delivery", sa.Column("forgiven", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_eoi_delivery_line", "eoi_delivery")
    _line("endpoint_id", "subject_id", "recipient", "position")
    op.create_index(
        "ix_eoi_delivery_parked",
        "eoi_delivery",
        ["endpoint_id"],
        sqlite_where=_PARKED,
        postgresql_where=_PARKED,
    )
    op.add_column("eoi_outbox", sa.Column("feed", _NUMBER, nullable=True))
    op.execute(sa.text("UPDATE eoi_outbox SET feed = position WHERE fanned_out"))
    op.create_index(
        "uq_eoi_outbox_feed", "eoi_outbox", ["feed"], unique=True, sqlite_where=_FED, postgresql_where=_FED
    )
    op.create_table(
        "eoi_try",
        sa.Column("delivery_id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_eoi_try")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "eoi_contact",
        sa.Column("list_name", sa.String(200), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("list_name", "organisation", "address", name=op.f("pk_eoi_contact")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_eoi_contact_of_organisation", "eoi_contact", ["organisation"])


def downgrade() -> None:
    """Take them away, and what they hold."""
    op.drop_table("eoi_contact")
    op.drop_table("eoi_try")
    op.drop_index("uq_eoi_outbox_feed", "eoi_outbox")
    op.drop_column("eoi_outbox", "feed")
    op.drop_index("ix_eoi_delivery_parked", "eoi_delivery")
    op.drop_index("ix_eoi_delivery_line", "eoi_delivery")
    op.drop_column("eoi_delivery", "forgiven")
    op.drop_column("eoi_delivery", "recipient")
    _line("endpoint_id", "subject_id", "position")
    for column in reversed(_of_endpoint()):
        op.drop_column("eoi_endpoint", column.name)


def _line(*columns: str) -> None:
    op.create_index(
        "ix_eoi_delivery_line",
        "eoi_delivery",
        list(columns),
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )


def _of_endpoint() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("headers", sa.Text(), nullable=False, server_default=""),
        sa.Column("timeout_ms", sa.Integer(), nullable=True),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("ordered", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("secret", sa.Text(), nullable=False, server_default=""),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_secret_until", _INSTANT, nullable=True),
        sa.Column("disabled_at", _INSTANT, nullable=True),
        sa.Column("disabled_why", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failing_since", _INSTANT, nullable=True),
        sa.Column("rest_until", _INSTANT, nullable=True),
    )
