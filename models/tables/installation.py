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


class IdempotencyKeyRow(Row, table=True):
    """The answer that a write with an Idempotency-Key got; ``scope`` is its caller and route."""

    table_name = "idempotency_keys"

    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    body_sha256: str
    status: int
    answer: Json | None = json_column(nullable=True)
    created_at: datetime = now_column()
