"""What a running task keeps: its inbox, and its workspace's last checkpoints."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from models.tables.columns import Json, Row, json_column, now_column


class InboxRow(Row, table=True):
    """A person's message to a task's agent; ``turn`` is None until the agent has it."""

    table_name = "task_inbox"

    id: UUID = Field(primary_key=True)
    task_id: UUID = Field(index=True, foreign_key="tasks.id")
    text: str
    by: str
    sent_at: datetime = now_column()
    round: int | None = None
    turn: int | None = None


class WorkspaceRow(Row, table=True):
    """The last two checkpoints of a sandbox's workspace, and how often the sandbox was lost."""

    table_name = "workspaces"

    sandbox: str = Field(primary_key=True)
    task_id: UUID = Field(index=True, foreign_key="tasks.id")
    checkpoint: Json | None = json_column(nullable=True)
    previous: Json | None = json_column(nullable=True)
    losses: int = 0
    updated_at: datetime = now_column()
