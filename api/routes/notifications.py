"""A project's outgoing webhook, and what was sent through it."""

from fastapi import APIRouter

from api.deps import Cursor, Limit, TheSession
from models.contracts.base import ProjectId
from models.contracts.notifications import NotificationPage, SetWebhook, Webhook
from models.store import notifications, projects

router = APIRouter(prefix="/projects/{project_id}", tags=["notifications"])


@router.get("/webhook")
async def get_webhook(project_id: ProjectId, session: TheSession) -> Webhook:
    """Where notifications go; never the secret."""
    await projects.get(session, project_id)
    return await notifications.get_webhook(session, project_id)


@router.put("/webhook")
async def set_webhook(project_id: ProjectId, body: SetWebhook, session: TheSession) -> Webhook:
    """Say where notifications go, and which.

    The first time the answer shows the secret that signs them, once: ``X-Specwright-Signature`` is
    ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``. Delete the webhook to get another.
    """
    await projects.get(session, project_id)
    return await notifications.set_webhook(session, project_id, body)


@router.delete("/webhook", status_code=204)
async def drop_webhook(project_id: ProjectId, session: TheSession) -> None:
    """Send nothing more."""
    await projects.get(session, project_id)
    await notifications.drop_webhook(session, project_id)


@router.get("/notifications")
async def list_notifications(
    project_id: ProjectId, session: TheSession, cursor: Cursor = None, limit: Limit = 50
) -> NotificationPage:
    """What was sent and what waits, newest first."""
    await projects.get(session, project_id)
    return await notifications.page(session, project_id, cursor=cursor, limit=limit)
