"""The event log and the counters that number it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint, false
from sqlmodel import Field

from models.tables.columns import Json, Row, json_column, now_column


class EventRow(Row, table=True):
    """One fact; the table keeps the name of the seeds."""

    table_name = "sandbox_events"
    __table_args__ = (
        UniqueConstraint("stream_id", "seq"),
        UniqueConstraint("stream_id", "dedup_key"),
        UniqueConstraint("project_id", "project_seq"),
    )

    id: UUID = Field(primary_key=True)
    stream_id: UUID
    project_id: UUID
    seq: int
    project_seq: int
    dedup_key: str
    event_type: str = Field(index=True)
    phase: str | None = None
    task_id: UUID | None = None
    sandbox_id: str | None = None
    source: str
    claimed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    data: Json = json_column()
    view: Json | None = json_column(nullable=True)
    occurred_at: datetime = now_column()
    created_at: datetime = now_column()


class StreamCounterRow(Row, table=True):
    """The last ``seq`` of a stream (a spec, or a project's own)."""

    table_name = "stream_counters"

    stream_id: UUID = Field(primary_key=True)
    last_seq: int = 0


class ProjectCounterRow(Row, table=True):
    """The last ``project_seq`` of a project."""

    table_name = "project_counters"

    project_id: UUID = Field(primary_key=True)
    last_seq: int = 0


class FoldSnapshotRow(Row, table=True):
    """What a stream's events said up to ``seq``, so that its past is read in short folds."""

    table_name = "fold_snapshots"

    stream_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    state: Json = json_column()
