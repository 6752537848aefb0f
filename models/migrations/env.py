"""Alembic's entry: runs on the connection that ``models.migrations.apply`` hands in."""

from alembic import context

from models.tables.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
