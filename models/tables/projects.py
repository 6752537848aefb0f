"""Projects and their slots."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from models.tables.columns import Json, Row, instant_column, json_column, now_column


class ProjectRow(Row, table=True):
    """A project."""

    table_name = "projects"

    id: UUID = Field(primary_key=True)
    name: str
    repository: Json = json_column()
    default_branch: str
    settings: Json = json_column()
    is_demo: bool = False
    archived_at: datetime | None = instant_column(nullable=True)
    created_at: datetime = now_column(index=True)


class SlotRow(Row, table=True):
    """Who holds or waits for a slot: a task of its project's, or a spec of the installation's."""

    table_name = "task_slots"

    holder: str = Field(primary_key=True)
    project_id: UUID | None = Field(default=None, index=True, foreign_key="projects.id")
    priority: int
    granted: bool = False
    requested_at: datetime = now_column()
    asked_at: datetime = now_column()
