"""Live streams: one LISTEN connection wakes readers, who read from where they stand."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final
from uuid import UUID

import psycopg

from models.contracts.base import SpecId
from models.contracts.events import NOTIFY_CHANNEL, Event
from models.store import events
from models.store.database import Database, psycopg_url

_LOGGER = logging.getLogger(__name__)
_PING_SECONDS: Final = 15.0
_RECONNECT_SECONDS: Final = 1.0
_BATCH: Final = 500


class LiveHub:
    """Wakes the readers of a spec when it has new events; NOTIFY only wakes, it carries nothing."""

    def __init__(self, database: Database, listen_url: str) -> None:
        self._database = database
        self._listen_url = psycopg_url(listen_url)
        self._waiting: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """End every stream, then the connection."""
        self._closing.set()
        self._wake_all()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _wake_all(self) -> None:
        for waiting in self._waiting.values():
            for event in waiting:
                event.set()

    async def _listen(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._listen_url, autocommit=True
                )
                async with connection:
                    await connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
                    self._wake_all()
                    async for note in connection.notifies():
                        self._wake(note.payload)
            except psycopg.Error as error:
                _LOGGER.warning("the live connection is lost", extra={"error": str(error)[:200]})
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _wake(self, payload: str) -> None:
        spec_id = UUID(json.loads(payload)["spec"])
        for event in self._waiting.get(spec_id, ()):
            event.set()

    async def follow(self, spec_id: SpecId, since: int) -> AsyncGenerator[list[Event] | None]:
        """Batches of events after ``since``, gap-free; None every 15 s of silence.

        Registers for wake-ups first and reads after, so nothing falls between.
        """
        woken = asyncio.Event()
        self._waiting[spec_id].add(woken)
        try:
            while not self._closing.is_set():
                woken.clear()
                async with self._database.begin() as session:
                    batch = await events.after(session, spec_id, since, _BATCH)
                if batch:
                    since = batch[-1].seq
                    yield batch
                    continue
                try:
                    async with asyncio.timeout(_PING_SECONDS):
                        await woken.wait()
                except TimeoutError:
                    yield None
        finally:
            self._waiting[spec_id].discard(woken)
            if not self._waiting[spec_id]:
                del self._waiting[spec_id]
