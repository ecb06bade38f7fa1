"""What Alembic runs: the migrations, on the connection that it is handed."""

from typing import Any

from alembic import context

from workflow.tables import Row


def _ours(name: str | None, kind: str, parent_names: Any) -> bool:  # noqa: ANN401 -- Alembic's signature
    table = name if kind == "table" else parent_names.get("table_name")
    return kind == "schema" or (table or "").startswith("eoi_")


def _migrate() -> None:
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=Row.metadata,
        version_table=attributes["version_table"],
        include_name=_ours,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


_migrate()
