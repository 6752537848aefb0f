"""What people add to tickets, and a project's columns."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from models.tables.columns import Row, now_column


class CommentRow(Row, table=True):
    """What a person says about a ticket."""

    table_name = "comments"

    id: UUID = Field(primary_key=True)
    ticket_id: UUID = Field(index=True, foreign_key="tickets.id")
    author: str
    text: str
    created_at: datetime = now_column()
    updated_at: datetime = now_column()


class ColumnRow(Row, table=True):
    """What a project says of a column; one it says nothing of has the usual title and no limit."""

    table_name = "board_columns"

    project_id: UUID = Field(primary_key=True, foreign_key="projects.id")
    name: str = Field(primary_key=True)
    title: str
    wip_limit: int | None = None
