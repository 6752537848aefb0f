"""Outgoing notifications: where they go, and what waits to be sent."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from models.tables.columns import Json, Row, instant_column, json_column, now_column


class WebhookRow(Row, table=True):
    """A project's webhook; ``secret`` signs, so it must be readable."""

    table_name = "webhooks"

    project_id: UUID = Field(primary_key=True, foreign_key="projects.id")
    url: str
    kinds: Json = json_column()
    secret: str
    updated_at: datetime = now_column()


class NotificationRow(Row, table=True):
    """A notification, written with its event; ``sent_at`` is None until the receiver took it."""

    table_name = "notifications"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(index=True, foreign_key="projects.id")
    kind: str
    body: Json = json_column()
    created_at: datetime = now_column(index=True)
    sent_at: datetime | None = instant_column(nullable=True)
    tries: int = 0
    error: str | None = None
