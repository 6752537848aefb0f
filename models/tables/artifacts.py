"""Content-addressed bytes, and who may read them."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from models.tables.columns import Row, now_column


class ArtifactRow(Row, table=True):
    """Stored bytes; ``content`` is None when they are in chunks."""

    table_name = "artifacts"

    sha256: str = Field(primary_key=True)
    size_bytes: int
    media_type: str
    kind: str
    content: bytes | None = None
    created_at: datetime = now_column()


class ArtifactChunkRow(Row, table=True):
    """One megabyte of a large artifact."""

    table_name = "artifact_chunks"

    sha256: str = Field(primary_key=True, foreign_key="artifacts.sha256")
    position: int = Field(primary_key=True)
    content: bytes


class ArtifactRefRow(Row, table=True):
    """A project that may read an artifact: rights and collection go by these rows."""

    table_name = "artifact_refs"

    sha256: str = Field(primary_key=True, foreign_key="artifacts.sha256")
    project_id: UUID = Field(primary_key=True, foreign_key="projects.id")
