"""The metadata of all tables, for the migrations."""

from sqlmodel import SQLModel

from models.tables import (
    artifacts,
    boards,
    conversations,
    events,
    installation,
    notifications,
    projects,
    sandboxes,
    specs,
    tasks,
)

TABLES = (
    artifacts, boards, conversations, events, installation, notifications,
    projects, sandboxes, specs, tasks,
)  # fmt: skip
METADATA = SQLModel.metadata
