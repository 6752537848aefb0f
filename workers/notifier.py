"""Wakes the workflow that sends a project's notifications, as soon as there is one."""

import asyncio
import logging
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from models.contracts.base import ProjectId
from models.store import notifications
from models.store.database import Database, psycopg_url
from models.wire import WORKFLOW_QUEUE

_LOGGER = logging.getLogger(__name__)
_RECONNECT_SECONDS: Final = 1.0
NOTIFY_WORKFLOW: Final = "NotifyWorkflow"


async def watch_notifications(client: Client, database: Database, listen_url: str) -> None:
    """Listen for ever; what was written while nobody listened is found at each connection."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                psycopg_url(listen_url), autocommit=True
            )
            async with connection:
                await connection.execute(f"LISTEN {notifications.CHANNEL}")
                async with database.begin() as session:
                    waiting = await notifications.list_projects_waiting(session)
                for project_id in waiting:
                    await _wake(client, project_id)
                async for note in connection.notifies():
                    await _wake(client, ProjectId(UUID(note.payload)))
        except (psycopg.Error, DBAPIError, RPCError) as error:
            _LOGGER.warning("notifications wait", extra={"error": str(error)[:200]})
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _wake(client: Client, project_id: ProjectId) -> None:
    await client.start_workflow(
        NOTIFY_WORKFLOW,
        project_id,
        id=f"notify-{project_id}",
        task_queue=WORKFLOW_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="wake",
    )
