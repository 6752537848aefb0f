"""One reader of one stream for all who follow it, with its newest events in a ring."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from models.contracts.base import ProjectId
from models.rules.aliases import Subject, subject_of
from models.store import event_lines, events
from models.store.database import Database

_LOGGER = logging.getLogger(__name__)
_RING: Final = 2_000
_RING_BYTES: Final = 16 * 1024 * 1024
BATCH: Final = 500
_BATCH_BYTES: Final = 64 * 1024
_SAFETY_SECONDS: Final = 15.0
_RETRY_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Scope:
    """A stream (a spec, or a project's own), or everything of a project."""

    kind: Literal["stream", "project"]
    id: UUID


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it is sent, with its place in the scope; written once for all followers."""

    position: int
    subject: Subject
    json: str


class Feed:
    """Reads a scope after each wake-up; followers read from the ring, and far back from Postgres.

    Followers keep a number and no queue, so one that stands still costs nothing.
    """

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self.scope = scope
        self.listeners: set[asyncio.Event] = set()
        self.head = 0
        self._ring: deque[Line] = deque()
        self._ring_bytes = 0
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find the head and begin to read; a wake-up since the feed was made is not lost."""
        async with self._database.begin() as session:
            if self.scope.kind == "stream":
                self.head = await events.last_seq(session, self.scope.id)
            else:
                self.head = await events.last_project_seq(session, ProjectId(self.scope.id))
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            await ended(self._task)

    def wake(self) -> None:
        """There may be something new."""
        self._woken.set()

    async def lines(self, position: int, most: int = BATCH) -> Sequence[Line]:
        """Lines after a position, in order; none when the follower has them all."""
        if position >= self.head:
            return ()
        if self._ring and self._ring[0].position <= position + 1:
            skip = position + 1 - self._ring[0].position  # numbers have no gaps
            return _cut(islice(self._ring, skip, skip + most))
        return _cut(await self._read(position, most))

    async def _read(self, position: int, most: int = BATCH) -> list[Line]:
        project = self.scope.kind == "project"
        async with self._database.begin() as session:
            if project:
                found = await event_lines.after_in_project(session, self.scope.id, position, most)
            else:
                found = await event_lines.after(session, self.scope.id, position, most)
        return [Line(e.project_seq if project else e.seq, subject_of(e), e.json) for e in found]

    def _keep(self, lines: Sequence[Line]) -> None:
        """Put lines into the ring, and let the oldest go that are over its bounds."""
        self._ring.extend(lines)
        self._ring_bytes += sum(len(line.json) for line in lines)
        while len(self._ring) > _RING or self._ring_bytes > _RING_BYTES:
            self._ring_bytes -= len(self._ring.popleft().json)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                batch = await self._read(self.head)
            except DBAPIError as error:
                _LOGGER.warning("a feed cannot read", extra={"error": str(error.orig)[:200]})
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if batch:
                self._keep(batch)
                self.head = batch[-1].position
                for listener in self.listeners:
                    listener.set()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_SAFETY_SECONDS):
                    await self._woken.wait()


def _cut(lines: Iterable[Line]) -> list[Line]:
    """As many as one answer takes, and at least one: a follower that stands still holds these."""
    taken: list[Line] = []
    size = 0
    for line in lines:
        size += len(line.json)
        if taken and size > _BATCH_BYTES:
            break
        taken.append(line)
    return taken


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
