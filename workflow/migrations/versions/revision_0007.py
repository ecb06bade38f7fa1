"""Jobs: work on many things, done in the background.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _implies(states: str, fact: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"state NOT IN ({states}) OR ({fact})", name=op.f(f"ck_eoi_job_{name}"))


def upgrade() -> None:
    """Make the table of jobs, and that of their files."""
    op.create_table(
        "eoi_job",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("on_behalf_of", sa.String(), nullable=True),
        sa.Column("via", sa.String(32), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("organisations", sa.Text(), nullable=False),
        sa.Column("keyed", sa.Boolean(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.String(32), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("media_type", sa.String(200), nullable=True),
        sa.Column("file_name", sa.String(200), nullable=True),
        sa.Column("result_size", _NUMBER, nullable=False),
        sa.Column("errors_size", _NUMBER, nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_eoi_job_state_known"),
        ),
        _implies("'queued'", "leased_until IS NULL", "queued_is_lent_to_nobody"),
        _implies("'running'", "leased_until IS NOT NULL AND started_at IS NOT NULL", "running_is_lent"),
        _implies("'queued', 'running'", "finished_at IS NULL", "open_has_no_end"),
        _implies(
            "'done', 'failed', 'cancelled'",
            "finished_at IS NOT NULL AND leased_until IS NULL",
            "ended_has_its_end",
        ),
        _implies("'failed'", "code IS NOT NULL", "failed_says_why"),
        _implies("'queued', 'running', 'done', 'cancelled'", "code IS NULL", "only_failed_says_why"),
        sa.CheckConstraint(
            "attempt >= 0 AND lost >= 0 AND place >= 0", name=op.f("ck_eoi_job_attempts_count")
        ),
        sa.CheckConstraint("refused >= 0 AND refused <= done", name=op.f("ck_eoi_job_refused_are_done")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eoi_job")),
    )
    op.create_index(
        "ix_eoi_job_open",
        "eoi_job",
        ["created_at", "id"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("ix_eoi_job_finished_at", "eoi_job", ["finished_at"])
    op.create_table(
        "eoi_job_part",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("file IN ('input', 'result', 'errors')", name=op.f("ck_eoi_job_part_file_known")),
        sa.PrimaryKeyConstraint("job_id", "file", "number", name=op.f("pk_eoi_job_part")),
    )


def downgrade() -> None:
    """Take them away, with what was still to be done."""
    op.drop_table("eoi_job_part")
    op.drop_table("eoi_job")
