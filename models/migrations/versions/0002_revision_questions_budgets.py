"""Revision, questions and budgets; calls of before are settled or lost."""

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

_TEXT = sqlmodel.sql.sqltypes.AutoString()

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("limit_usd", sa.Numeric(), nullable=True),
        sa.Column("limit_tokens", sa.BigInteger(), nullable=True),
        sa.Column("wall_clock_seconds", sa.Float(), nullable=True),
        sa.Column("spent_usd", sa.Numeric(), nullable=False),
        sa.Column("reserved_usd", sa.Numeric(), nullable=False),
        sa.Column("lost_usd", sa.Numeric(), nullable=False),
        sa.Column("spent_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.Column("lost_tokens", sa.BigInteger(), nullable=False),
        sa.Column("lost_calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "drafts",
        sa.Column("spec_id", sa.Uuid(), nullable=False),
        sa.Column("phase", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("etag", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("based_on", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("author", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["spec_id"],
            ["specs.id"],
        ),
        sa.PrimaryKeyConstraint("spec_id", "phase"),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("spec_id", sa.Uuid(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("view", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["spec_id"],
            ["specs.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_questions_spec_id"), "questions", ["spec_id"], unique=False)
    op.add_column(
        "attempts", sa.Column("prompt", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.add_column(
        "attempts", sa.Column("prompt_version", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )
    for name in ("state", "day", "price_version"):
        op.add_column("model_calls", _filled(sa.Column(name, _TEXT, nullable=False), "''"))
    op.add_column("model_calls", sa.Column("reserved_usd", sa.Numeric(), nullable=True))
    op.add_column(
        "model_calls", _filled(sa.Column("reserved_tokens", sa.BigInteger(), nullable=False), "0")
    )
    op.add_column("spec_versions", _filled(sa.Column("reason", _TEXT, nullable=False), "''"))
    op.execute("UPDATE model_calls SET state = CASE WHEN settled THEN 'settled' ELSE 'lost' END")
    op.drop_column("model_calls", "settled")
    for table, names in (
        ("model_calls", ("state", "day", "price_version", "reserved_tokens")),
        ("spec_versions", ("reason",)),
    ):
        for name in names:
            op.alter_column(table, name, server_default=None)


def _filled(column: sa.Column[Any], value: str) -> sa.Column[Any]:
    """A column with a value for the rows that are there; the default is taken away after."""
    column.server_default = sa.DefaultClause(sa.text(value))
    return column


def downgrade() -> None:
    op.drop_column("spec_versions", "reason")
    op.add_column(
        "model_calls",
        sa.Column("settled", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.execute("UPDATE model_calls SET settled = state = 'settled'")
    op.alter_column("model_calls", "settled", server_default=None)
    op.drop_column("model_calls", "reserved_tokens")
    op.drop_column("model_calls", "reserved_usd")
    op.drop_column("model_calls", "price_version")
    op.drop_column("model_calls", "day")
    op.drop_column("model_calls", "state")
    op.drop_column("attempts", "prompt_version")
    op.drop_column("attempts", "prompt")
    op.drop_index(op.f("ix_questions_spec_id"), table_name="questions")
    op.drop_table("questions")
    op.drop_table("drafts")
    op.drop_table("budgets")
