"""The metadata of all tables, for the migrations."""

from sqlmodel import SQLModel

from models.tables import artifacts, conversations, events, projects, specs

TABLES = (artifacts, conversations, events, projects, specs)
METADATA = SQLModel.metadata
