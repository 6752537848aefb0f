"""Sends notifications to a project's webhook: signed, in order, each until it is taken."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Final, NoReturn

import httpx2
from temporalio import activity

from activities.heartbeats import heartbeating
from models.contracts.base import ProjectId
from models.contracts.notifications import NotificationState
from models.errors import Unavailable
from models.store import notifications
from models.store.database import Database

_SECONDS: Final = 10.0
_AGAIN: Final = frozenset({408, 425, 429})
_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500


def sign(secret: str, at: int, body: bytes) -> str:
    """The header ``X-Specwright-Signature``: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>``."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class NotifierActivities:
    """Idempotent by the notification's id, which the receiver gets in a header."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def send_notifications(self, project_id: ProjectId) -> None:
        """Send what waits, oldest first.

        Raises:
            Unavailable: the receiver cannot be reached, or asks to come again.
        """
        async with heartbeating(), httpx2.AsyncClient(timeout=_SECONDS) as http:
            while True:
                async with self._database.begin() as session:
                    waiting = await notifications.list_waiting(session, project_id)
                    webhook = await notifications.get_secret(session, project_id)
                if not waiting or webhook is None:
                    return
                for state in waiting:
                    await self._send(http, webhook, state)

    async def _send(
        self, http: httpx2.AsyncClient, webhook: tuple[str, str], state: NotificationState
    ) -> None:
        url, secret = webhook
        told = state.notification
        body = json.dumps(told.model_dump(mode="json")).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Specwright-Signature": sign(secret, int(time.time()), body),
            "X-Specwright-Delivery": str(told.id),
        }
        try:
            answer = await http.post(url, content=body, headers=headers)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            await self._failed(state, f"{type(error).__name__}: {error}"[:300])
        if answer.status_code in _AGAIN or answer.status_code >= _FIRST_SERVER_ERROR:
            await self._failed(state, f"the receiver answered {answer.status_code}")
        refused = answer.status_code >= _FIRST_ERROR
        error = f"refused with {answer.status_code}" if refused else None
        async with self._database.begin() as session:
            await notifications.settle(session, told.id, error, final=True)

    async def _failed(self, state: NotificationState, error: str) -> NoReturn:
        async with self._database.begin() as session:
            await notifications.settle(session, state.notification.id, error, final=False)
        msg = f"The webhook does not take notifications: {error}"
        raise Unavailable(msg, code="webhook-away", retry_after=timedelta(seconds=5))
