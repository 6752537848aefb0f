"""What is true of the whole installation."""

from datetime import datetime

from sqlmodel import Field

from models.tables.columns import Json, Row, json_column, now_column


class SettingRow(Row, table=True):
    """A setting that a person changed while the system runs; ``value`` holds it under ``value``."""

    table_name = "settings"

    name: str = Field(primary_key=True)
    value: Json = json_column()
    by: str
    updated_at: datetime = now_column()
