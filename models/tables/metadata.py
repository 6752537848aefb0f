"""The metadata of all tables, for the migrations."""

from sqlmodel import SQLModel

from models.tables import (
    artifacts,
    conversations,
    events,
    installation,
    projects,
    specs,
    tasks,
)

TABLES = (artifacts, conversations, events, installation, projects, specs, tasks)
METADATA = SQLModel.metadata
