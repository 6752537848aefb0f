"""Sandboxes as last folded, and the tokens that let one post events."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from models.tables.columns import Json, Row, instant_column, json_column, now_column


class SandboxRow(Row, table=True):
    """A sandbox, as last folded."""

    table_name = "sandboxes"

    id: str = Field(primary_key=True)
    project_id: UUID = Field(index=True, foreign_key="projects.id")
    spec_id: UUID = Field(index=True, foreign_key="specs.id")
    state: str
    view: Json = json_column()
    created_at: datetime = now_column(index=True)


class SandboxTokenRow(Row, table=True):
    """A sandbox's token, as its SHA-256; scoped to that sandbox."""

    table_name = "sandbox_tokens"

    token_sha256: str = Field(primary_key=True)
    sandbox_id: str = Field(index=True)
    spec_id: UUID = Field(foreign_key="specs.id")
    expires_at: datetime = instant_column()
    created_at: datetime = now_column()
