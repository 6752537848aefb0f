"""Specs and what belongs to them; ``view`` columns are folds of the event log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint, false
from sqlmodel import Field

from models.tables.columns import Json, Row, json_column, now_column


class SpecRow(Row, table=True):
    """A spec; status and phase repeat the view for filters."""

    table_name = "specs"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(index=True, foreign_key="projects.id")
    status: str = Field(index=True)
    current_phase: str | None = None
    launch: Json = json_column()
    view: Json = json_column()
    archived: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    deleted: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    created_at: datetime = now_column(index=True)


class LaunchKeyRow(Row, table=True):
    """An Idempotency-Key of a launch, with the body it came with."""

    table_name = "launch_keys"

    key: str = Field(primary_key=True)
    body_sha256: str
    spec_id: UUID
    created_at: datetime = now_column()


class TicketRow(Row, table=True):
    """A ticket; ``context`` links it to its spec."""

    table_name = "tickets"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(index=True, foreign_key="projects.id")
    spec_id: UUID | None = Field(default=None, index=True, foreign_key="specs.id")
    local_id: str
    title: str
    description: str
    priority: str
    context: Json = json_column()
    place: str = Field(default="ready", sa_column_kwargs={"server_default": "ready"})
    retired: bool = False
    created_at: datetime = now_column(index=True)


class TaskRow(Row, table=True):
    """A task; ``plan`` is the planned task, ``view`` the fold."""

    table_name = "tasks"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(index=True, foreign_key="projects.id")
    spec_id: UUID = Field(index=True, foreign_key="specs.id")
    ticket_id: UUID = Field(foreign_key="tickets.id")
    local_id: str
    position: int
    state: str = Field(index=True)
    plan: Json = json_column()
    result: Json = json_column()
    view: Json = json_column()
    retired: bool = False


class GateRow(Row, table=True):
    """A gate, as last folded."""

    table_name = "gates"

    id: UUID = Field(primary_key=True)
    spec_id: UUID = Field(index=True, foreign_key="specs.id")
    status: str
    view: Json = json_column()
    opened_at: datetime = now_column()


class AttemptRow(Row, table=True):
    """One generation of a phase, with its evaluation."""

    table_name = "attempts"
    __table_args__ = (UniqueConstraint("spec_id", "phase", "attempt"),)

    id: UUID = Field(primary_key=True)
    spec_id: UUID = Field(index=True, foreign_key="specs.id")
    phase: str
    attempt: int
    state: str
    document: Json | None = json_column(nullable=True)
    evaluation: Json | None = json_column(nullable=True)
    prompt: Json | None = json_column(nullable=True)
    prompt_version: str | None = None
    created_at: datetime = now_column()


class VersionRow(Row, table=True):
    """An immutable version of a phase's document."""

    table_name = "spec_versions"
    __table_args__ = (UniqueConstraint("spec_id", "phase", "version"),)

    spec_id: UUID = Field(primary_key=True, foreign_key="specs.id")
    phase: str = Field(primary_key=True)
    source_key: str = Field(primary_key=True)
    version: int
    document: Json = json_column()
    markdown: Json = json_column()
    author: str
    reason: str = ""
    created_at: datetime = now_column()


class DraftRow(Row, table=True):
    """A person's unsaved edits of one document; ``based_on`` is the hash they began from."""

    table_name = "drafts"

    spec_id: UUID = Field(primary_key=True, foreign_key="specs.id")
    phase: str = Field(primary_key=True)
    document: Json = json_column()
    etag: str
    based_on: str
    author: str
    updated_at: datetime = now_column()


class QuestionRow(Row, table=True):
    """A question, as last folded."""

    table_name = "questions"

    id: UUID = Field(primary_key=True)
    spec_id: UUID = Field(index=True, foreign_key="specs.id")
    status: str
    view: Json = json_column()
    asked_at: datetime = now_column()


class PullRequestRow(Row, table=True):
    """The local record of a pull request; ``number`` counts per project."""

    table_name = "pull_requests"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    spec_id: UUID = Field(primary_key=True, foreign_key="specs.id")
    project_id: UUID = Field(foreign_key="projects.id")
    number: int
    record: Json = json_column()
    created_at: datetime = now_column()


class CheckRow(Row, table=True):
    """Evidence of a finished check, once per key."""

    table_name = "checks"

    key: str = Field(primary_key=True)
    spec_id: UUID = Field(index=True, foreign_key="specs.id")
    evidence: Json = json_column()
    created_at: datetime = now_column()
