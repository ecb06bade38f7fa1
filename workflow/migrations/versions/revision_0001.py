"""The first tables: calls, EOIs and what is said of them; history that only grows; outbox and deliveries.

Revision: 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = (
    "eoi_revision",
    "eoi_eoi",
    "eoi_outbox",
    "eoi_note",
    "eoi_key",
    "eoi_history",
    "eoi_endpoint",
    "eoi_delivery",
    "eoi_call",
    "eoi_attempt",
)
_SAYS = "eoi_history is append-only"
# By its whole name: one among temporary tables, which is how a schema is tried, has no other.
_FUNCTION = "{schema}.eoi_history_refuse"
# On each database, what keeps history as it was written.
_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER eoi_history_refuses_{name} BEFORE {rule} BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
        for name, rule in {
            "update": "UPDATE ON eoi_history",
            "delete": "DELETE ON eoi_history",
            # INSERT OR REPLACE deletes the row in its way, and fires no DELETE trigger for it.
            "replace": "INSERT ON eoi_history WHEN EXISTS "
            "(SELECT 1 FROM eoi_history WHERE subject_id = NEW.subject_id AND seq = NEW.seq)",
        }.items()
    ],
    "postgresql": [
        f"""CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{_SAYS}' USING ERRCODE = 'restrict_violation'; END $$""",
        *(
            f"CREATE TRIGGER eoi_history_refuses_{name} BEFORE {rule} EXECUTE FUNCTION {_FUNCTION}()"
            for name, rule in {
                "update": "UPDATE ON eoi_history FOR EACH ROW",
                "delete": "DELETE ON eoi_history FOR EACH ROW",
                "truncate": "TRUNCATE ON eoi_history FOR EACH STATEMENT",
            }.items()
        ),
    ],
}
# What of it does not go with the table.
_LEFT = {"sqlite": [], "postgresql": [f"DROP FUNCTION {_FUNCTION}()"]}


def upgrade() -> None:
    """Make the tables, and the triggers that keep history as it was written."""
    op.create_table(
        "eoi_attempt",
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("on_behalf_of", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(32), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("call_id", sa.String(36), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("count >= 1", name=op.f("ck_eoi_attempt_count_counts")),
        sa.PrimaryKeyConstraint(
            "subject_id", "actor", "on_behalf_of", "trigger", "code", name=op.f("pk_eoi_attempt")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_eoi_attempt_of_call", "eoi_attempt", ["call_id"], unique=False)
    op.create_table(
        "eoi_call",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("closing_words", sa.String(), nullable=True),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("audience", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("counts_at_close", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'open', 'closed', 'decided', 'archived', 'cancelled')",
            name=op.f("ck_eoi_call_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('cancelled') OR (cancelled_at IS NOT NULL)",
            name=op.f("ck_eoi_call_cancelled_has_an_end"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('closed', 'decided', 'archived') "
            "OR (closed_at IS NOT NULL AND counts_at_close IS NOT NULL)",
            name=op.f("ck_eoi_call_closed_is_counted"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('draft', 'scheduled', 'open') OR (closed_at IS NULL AND counts_at_close IS NULL)",
            name=op.f("ck_eoi_call_open_has_no_end"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('draft', 'scheduled', 'open', 'closed', 'decided', 'archived') "
            "OR (cancelled_at IS NULL)",
            name=op.f("ck_eoi_call_only_cancelled_is_cancelled"),
        ),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_eoi_call_opens_before_it_closes")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_eoi_call_version_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eoi_call")),
        sa.UniqueConstraint("reference", name=op.f("uq_eoi_call_reference")),
    )
    _partial_index("ix_eoi_call_due", "eoi_call", ["closes_at"], sa.text("state = 'open'"), unique=False)
    op.create_table(
        "eoi_delivery",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("position", _NUMBER, nullable=False),
        sa.Column("endpoint_id", sa.String(36), nullable=False),
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'parked')", name=op.f("ck_eoi_delivery_state_known")
        ),
        sa.CheckConstraint(
            "state NOT IN ('delivered') OR (delivered_at IS NOT NULL)",
            name=op.f("ck_eoi_delivery_delivered_has_its_instant"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('pending', 'parked') OR (delivered_at IS NULL)",
            name=op.f("ck_eoi_delivery_undelivered_has_no_instant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eoi_delivery")),
    )
    _partial_index(
        "ix_eoi_delivery_due", "eoi_delivery", ["due_at"], sa.text("state = 'pending'"), unique=False
    )
    _partial_index(
        "ix_eoi_delivery_line",
        "eoi_delivery",
        ["endpoint_id", "subject_id", "position"],
        sa.text("state = 'pending'"),
        unique=False,
    )
    op.create_table(
        "eoi_endpoint",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("courier", sa.String(32), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_position", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eoi_endpoint")),
    )
    op.create_table(
        "eoi_history",
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.String(32), nullable=False),
        sa.Column("source", sa.String(32), nullable=True),
        sa.Column("target", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("on_behalf_of", sa.String(), nullable=True),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("subject_id", "seq", name=op.f("pk_eoi_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "eoi_key",
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_eoi_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "eoi_note",
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "seq", name=op.f("pk_eoi_note")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "eoi_outbox",
        sa.Column("position", _NUMBER, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("call_id", sa.String(36), nullable=False),
        sa.Column("eoi_id", sa.String(36), nullable=True),
        sa.Column("source", sa.String(32), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fanned_out", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_eoi_outbox")),
    )
    _partial_index(
        "ix_eoi_outbox_waiting", "eoi_outbox", ["position"], sa.text("NOT fanned_out"), unique=False
    )
    op.create_table(
        "eoi_eoi",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("call_id", sa.String(36), nullable=False),
        sa.Column("applicant", sa.String(), nullable=False),
        sa.Column("applicant_name", sa.String(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("reviewed_on_behalf_of", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'returned', 'reviewed', 'reserved', 'approved', 'declined', "
            "'withdrawn', 'lapsed', 'rescinded', 'cancelled')",
            name=op.f("ck_eoi_eoi_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'declined', 'rescinded') OR (decided_at IS NOT NULL)",
            name=op.f("ck_eoi_eoi_decided_has_its_instant"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('draft', 'lapsed') OR (submitted_at IS NULL)",
            name=op.f("ck_eoi_eoi_draft_is_not_submitted"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('draft', 'lapsed') OR (reviewed_by IS NULL AND reviewed_on_behalf_of IS NULL)",
            name=op.f("ck_eoi_eoi_draft_is_not_reviewed"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('draft', 'submitted', 'returned', 'lapsed') OR (decided_at IS NULL)",
            name=op.f("ck_eoi_eoi_undecided_has_no_decision"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('reviewed') OR (reviewed_by IS NOT NULL)",
            name=op.f("ck_eoi_eoi_reviewed_has_its_reviewer"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('submitted', 'returned', 'reviewed', 'reserved', 'approved', 'declined', "
            "'rescinded') OR (submitted_at IS NOT NULL)",
            name=op.f("ck_eoi_eoi_submitted_has_its_instant"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_eoi_eoi_version_counts")),
        sa.ForeignKeyConstraint(["call_id"], ["eoi_call.id"], name=op.f("fk_eoi_eoi_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eoi_eoi")),
    )
    op.create_index("ix_eoi_eoi_by_applicant", "eoi_eoi", ["applicant", "id"], unique=False)
    op.create_index("ix_eoi_eoi_by_state", "eoi_eoi", ["call_id", "state", "id"], unique=False)
    _partial_index(
        "uq_eoi_eoi_one_live",
        "eoi_eoi",
        ["call_id", "applicant"],
        sa.text("state NOT IN ('withdrawn', 'cancelled')"),
        unique=True,
    )
    op.create_table(
        "eoi_revision",
        sa.Column("eoi_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["eoi_id"], ["eoi_eoi.id"], name=op.f("fk_eoi_revision_eoi_id")),
        sa.PrimaryKeyConstraint("eoi_id", "version", name=op.f("pk_eoi_revision")),
    )
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement.format(schema=_schema()))


def downgrade() -> None:
    """Remove every table, with all that is in it."""
    for name in _TABLES:
        op.drop_table(name)
    for statement in _LEFT[op.get_bind().dialect.name]:
        op.execute(statement.format(schema=_schema()))


def _schema() -> str | None:
    """Return the schema that the tables are in, as it is written in SQL; SQLite has none."""
    bind = op.get_bind()
    return (
        None
        if bind.dialect.name == "sqlite"
        else bind.scalar(sa.text("SELECT quote_ident(current_schema())"))
    )


def _partial_index(name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
