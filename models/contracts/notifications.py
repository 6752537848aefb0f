"""Outgoing notifications: a signed webhook per project."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field, HttpUrl

from models.contracts.base import Payload, ProjectId, Request, SpecId


class NotificationKind(StrEnum):
    """What a project may want to be told of."""

    GATE = "gate"
    QUESTION = "question"
    FAILURE = "failure"
    BUDGET = "budget"
    COMPLETION = "completion"
    REMINDER = "reminder"


EVERY_KIND: tuple[NotificationKind, ...] = tuple(NotificationKind)


class SetWebhook(Request):
    """Where notifications go and which."""

    url: HttpUrl = Field(description="http or https; called with POST")
    kinds: tuple[NotificationKind, ...] = Field(default=EVERY_KIND, max_length=10)


class Webhook(Payload):
    """A project's webhook; ``secret`` is shown once, when it is made."""

    url: str
    kinds: tuple[NotificationKind, ...]
    updated_at: datetime
    secret: str | None = None


class Notification(Payload):
    """What is sent; ``id`` is its event's, so a receiver drops repeats by it.

    ``text`` is what Slack and others show as it is.
    """

    id: UUID
    kind: NotificationKind
    project_id: ProjectId
    spec_id: SpecId | None = None
    event_type: str
    text: str
    path: str
    at: datetime


class NotificationState(Payload):
    """A notification with what became of it; ``sent_at`` is None while it waits."""

    notification: Notification
    tries: int = 0
    sent_at: datetime | None = None
    error: str | None = None


class NotificationPage(Payload):
    """One page of notifications, newest first; ``next_cursor`` is None on the last."""

    items: tuple[NotificationState, ...]
    next_cursor: str | None = None
