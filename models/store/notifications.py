"""Notifications: written with their event, sent by a worker, each once."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId
from models.contracts.notifications import (
    Notification,
    NotificationKind,
    NotificationPage,
    NotificationState,
    SetWebhook,
    Webhook,
)
from models.errors import NotFound
from models.rules.notifications import KINDS, text_of
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session
from models.tables.notifications import NotificationRow, WebhookRow
from models.tables.specs import SpecRow

CHANNEL: Final = "specwright_notifications"


async def enqueue(
    session: Session, project_id: ProjectId, spec_id: SpecId | None, rows: Sequence[dict[str, Any]]
) -> None:
    """Keep what a project wants to be told of these events, in their own transaction."""
    worth = [row for row in rows if row["event_type"] in KINDS and not row["claimed"]]
    if not worth:
        return
    webhook = await session.get(WebhookRow, project_id)
    if webhook is None:
        return
    spec = await session.get(SpecRow, spec_id) if spec_id is not None else None
    title = str(spec.view["title"]) if spec is not None else ""
    path = f"/projects/{project_id}" + (f"/specs/{spec_id}" if spec_id else "")
    told = [
        Notification(
            id=row["id"],
            kind=KINDS[row["event_type"]],
            project_id=project_id,
            spec_id=spec_id,
            event_type=row["event_type"],
            text=text_of(row["event_type"], title, row["data"]),
            path=path,
            at=row["created_at"],
        )
        for row in worth
        if KINDS[row["event_type"]].value in webhook.kinds["kinds"]
    ]
    if not told:
        return
    values = [
        {"id": n.id, "project_id": project_id, "kind": n.kind, "body": n.model_dump(mode="json")}
        for n in told
    ]
    await session.execute(insert(NotificationRow).values(values).on_conflict_do_nothing())
    await session.execute(
        text("SELECT pg_notify(:channel, :note)"), {"channel": CHANNEL, "note": str(project_id)}
    )


async def set_webhook(session: Session, project_id: ProjectId, body: SetWebhook) -> Webhook:
    """Say where a project's notifications go; the secret is made with the first one, and shown."""
    before = await session.get(WebhookRow, project_id)
    secret = before.secret if before is not None else secrets.token_urlsafe(32)
    values = {
        "url": str(body.url),
        "kinds": {"kinds": [kind.value for kind in body.kinds]},
        "secret": secret,
        "updated_at": datetime.now(UTC),
    }
    statement = insert(WebhookRow).values(project_id=project_id, **values)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["project_id"], set_=values)
    )
    await session.flush()
    found = await get_webhook(session, project_id)
    return found.model_copy(update={"secret": secret}) if before is None else found


async def get_webhook(session: Session, project_id: ProjectId) -> Webhook:
    """A project's webhook, without its secret.

    Raises:
        NotFound: it has none.
    """
    row = await session.get(WebhookRow, project_id, populate_existing=True)
    if row is None:
        msg = "This project has no webhook."
        raise NotFound(msg, code="webhook-not-found")
    kinds = tuple(NotificationKind(kind) for kind in row.kinds["kinds"])
    return Webhook(url=row.url, kinds=kinds, updated_at=row.updated_at)


async def drop_webhook(session: Session, project_id: ProjectId) -> None:
    """Send nothing more of a project; what waits is dropped."""
    await session.execute(delete(WebhookRow).where(col(WebhookRow.project_id) == project_id))
    await session.execute(
        delete(NotificationRow).where(
            col(NotificationRow.project_id) == project_id, col(NotificationRow.sent_at).is_(None)
        )
    )


async def get_secret(session: Session, project_id: ProjectId) -> tuple[str, str] | None:
    """Address and secret, for the one who sends; None without a webhook."""
    row = await session.get(WebhookRow, project_id)
    return (row.url, row.secret) if row is not None else None


async def list_waiting(session: Session, project_id: ProjectId) -> tuple[NotificationState, ...]:
    """What is not sent yet, oldest first, at most 100."""
    found = await session.execute(
        select(NotificationRow)
        .where(
            col(NotificationRow.project_id) == project_id, col(NotificationRow.sent_at).is_(None)
        )
        .order_by(col(NotificationRow.created_at), col(NotificationRow.id))
        .limit(100)
    )
    return tuple(_state(row) for row in found.scalars())


async def list_projects_waiting(session: Session) -> tuple[ProjectId, ...]:
    """Projects with something to send."""
    found = await session.execute(
        select(col(NotificationRow.project_id))
        .where(col(NotificationRow.sent_at).is_(None))
        .distinct()
    )
    return tuple(ProjectId(project_id) for project_id in found.scalars())


async def settle(
    session: Session, notification_id: UUID, error: str | None, *, final: bool
) -> None:
    """Note a try; a ``final`` one is not followed by another, taken or refused."""
    await session.execute(
        update(NotificationRow)
        .where(col(NotificationRow.id) == notification_id)
        .values(
            tries=NotificationRow.tries + 1,
            error=error,
            sent_at=datetime.now(UTC) if final else None,
        )
    )


async def page(
    session: Session, project_id: ProjectId, *, cursor: str | None, limit: int
) -> NotificationPage:
    """What was sent, and what waits, newest first."""
    query = select(NotificationRow).where(col(NotificationRow.project_id) == project_id)
    if cursor is not None:
        query = query.where(
            tuple_(col(NotificationRow.created_at), col(NotificationRow.id)) < read_cursor(cursor)
        )
    ordered = query.order_by(col(NotificationRow.created_at).desc(), col(NotificationRow.id).desc())
    rows = list((await session.execute(ordered.limit(limit + 1))).scalars())
    last = rows[limit - 1] if len(rows) > limit else None
    return NotificationPage(
        items=tuple(_state(row) for row in rows[:limit]),
        next_cursor=write_cursor(last.created_at, last.id) if last else None,
    )


def _state(row: NotificationRow) -> NotificationState:
    return NotificationState(
        notification=Notification.model_validate(row.body),
        tries=row.tries,
        sent_at=row.sent_at,
        error=row.error,
    )
