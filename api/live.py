"""Live streams: one LISTEN connection wakes one reader per stream, which feeds all who follow."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy.exc import DBAPIError

from api.feeds import BATCH, Feed, Line, Scope, ended
from models.contracts.base import ProjectId
from models.contracts.events import NOTIFY_CHANNEL
from models.store import events
from models.store.database import Database, psycopg_url

_LOGGER = logging.getLogger(__name__)
_FIRST_BATCH: Final = 32
_PING_SECONDS: Final = 15.0
_RECONNECT_SECONDS: Final = 0.5


class LiveHub:
    """Feeds by scope, as long as somebody follows them; NOTIFY only wakes, it carries nothing."""

    def __init__(self, database: Database, listen_url: str) -> None:
        self._database = database
        self._listen_url = psycopg_url(listen_url)
        self._feeds: dict[Scope, Feed] = {}
        self._started: dict[Scope, asyncio.Task[None]] = {}
        self._everything: set[asyncio.Event] = set()
        self._unknown_projects = 0
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen())

    @property
    def closing(self) -> bool:
        """True once streams are being ended."""
        return self._closing.is_set()

    def drain(self) -> None:
        """End every stream, so that their clients go to another process, or come back."""
        self._closing.set()
        for feed in self._feeds.values():
            for listener in feed.listeners:
                listener.set()
        for listener in self._everything:
            listener.set()

    async def close(self) -> None:
        """End every stream, then the connection."""
        self.drain()
        if self._task is not None:
            await ended(self._task)
        for feed in list(self._feeds.values()):
            await feed.stop()

    async def _listen(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._listen_url, autocommit=True
                )
                async with connection:
                    await connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
                    for feed in self._feeds.values():
                        feed.wake()
                    async for note in connection.notifies():
                        self._wake(note.payload)
            except psycopg.Error as error:
                _LOGGER.warning("the live connection is lost", extra={"error": str(error)[:200]})
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _wake(self, payload: str) -> None:
        note = json.loads(payload)
        project = Scope("project", UUID(note["project"]))
        for scope in (Scope("stream", UUID(note["stream"])), project):
            if scope in self._feeds:
                self._feeds[scope].wake()
        if self._everything and project not in self._feeds:  # a project's first event
            self._unknown_projects += 1
            for listener in self._everything:
                listener.set()

    async def _enter(self, scope: Scope, listener: asyncio.Event) -> Feed:
        feed = self._feeds.get(scope)
        if feed is None:
            feed = self._feeds[scope] = Feed(self._database, scope)
            self._started[scope] = asyncio.create_task(feed.start())
        feed.listeners.add(listener)
        try:
            await asyncio.shield(self._started[scope])
        except (DBAPIError, asyncio.CancelledError):
            await self._leave(scope, listener)
            raise
        return feed

    async def _leave(self, scope: Scope, listener: asyncio.Event) -> None:
        feed = self._feeds.get(scope)
        if feed is None:
            return
        feed.listeners.discard(listener)
        if not feed.listeners:
            started = self._started.pop(scope)
            del self._feeds[scope]
            await asyncio.gather(started, return_exceptions=True)
            await feed.stop()

    async def follow(self, scope: Scope, since: int) -> AsyncGenerator[list[Line] | None]:
        """Batches of lines after ``since``, gap-free; None every 15 s of silence."""
        async for batch in self.follow_many({scope: since}):
            yield batch

    async def follow_all(
        self, since: Mapping[ProjectId, int] | None
    ) -> AsyncGenerator[list[Line] | None]:
        """The same over all projects.

        After the positions given; from now on when there are none. A project that is not named
        begins at its first event.
        """
        async with self._database.begin() as session:
            heads = await events.last_project_seqs(session)
        begin = heads if since is None else {p: since.get(p, 0) for p in {*heads, *since}}
        positions = {Scope("project", project_id): at for project_id, at in begin.items()}
        async for batch in self.follow_many(positions, everything=True):
            yield batch

    async def follow_many(
        self, since: Mapping[Scope, int], *, everything: bool = False
    ) -> AsyncGenerator[list[Line] | None]:
        """Batches of one scope each, in its order; ``everything`` also takes projects to come."""
        follower = _Follower(since)
        known = self._unknown_projects
        if everything:
            self._everything.add(follower.listener)
        try:
            while not self._closing.is_set():
                for scope in follower.unread():
                    follower.feeds[scope] = await self._enter(scope, follower.listener)
                async for batch in follower.turn():
                    yield batch
                if everything and known != self._unknown_projects:
                    known = self._unknown_projects
                    await self._find_new(follower.positions)
        except DBAPIError as error:  # what is in the rings goes on; who is further back comes again
            _LOGGER.warning("a stream ends", extra={"error": str(error.orig)[:200]})
        finally:
            self._everything.discard(follower.listener)
            for scope in follower.feeds:
                await self._leave(scope, follower.listener)

    async def _find_new(self, positions: dict[Scope, int]) -> None:
        """Follow projects that have come up, from their first event."""
        async with self._database.begin() as session:
            known = await events.last_project_seqs(session)
        for project_id in known:
            positions.setdefault(Scope("project", project_id), 0)


class _Follower:
    """Where one client stands in each scope that it follows."""

    def __init__(self, since: Mapping[Scope, int]) -> None:
        self.positions = dict(since)
        self.listener = asyncio.Event()
        self.feeds: dict[Scope, Feed] = {}
        self._most = _FIRST_BATCH

    def unread(self) -> list[Scope]:
        """Scopes whose feed is not followed yet."""
        return [scope for scope in self.positions if scope not in self.feeds]

    async def turn(self) -> AsyncGenerator[list[Line] | None]:
        """What is new in each scope; when nothing is, wait, and tell of silence with None."""
        self.listener.clear()
        told = False
        for scope, feed in self.feeds.items():
            if lines := await feed.lines(self.positions[scope], self._most):
                self.positions[scope] = lines[-1].position
                told = True
                self._most = min(2 * self._most, BATCH)  # who stays reads more at once
                yield list(lines)
        if not told and await _silent(self.listener):
            yield None


async def _silent(listener: asyncio.Event) -> bool:
    """Wait for a wake-up; True when none came within 15 s."""
    try:
        async with asyncio.timeout(_PING_SECONDS):
            await listener.wait()
    except TimeoutError:
        return True
    return False
