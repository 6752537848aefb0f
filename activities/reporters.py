"""Where events go: one protocol, and the reporters that speak it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from models.contracts.base import ProjectId, SpecId
from models.contracts.events import NewEvent
from models.store import events
from models.store.database import Database


class Reporter(Protocol):
    """Takes facts in order; ``flush`` returns when all taken ones are kept."""

    async def report(
        self, project_id: ProjectId, spec_id: SpecId, facts: Sequence[NewEvent]
    ) -> int:
        """Take facts; returns the stream's last ``seq`` where one is kept, else 0."""
        ...

    async def flush(self) -> None:
        """Wait until everything taken is kept."""
        ...


class ArrayReporter:
    """Keeps facts in a list, for tests."""

    def __init__(self) -> None:
        self.facts: list[NewEvent] = []

    async def report(
        self, project_id: ProjectId, spec_id: SpecId, facts: Sequence[NewEvent]
    ) -> int:
        """Keep the facts."""
        del project_id, spec_id
        self.facts += facts
        return len(self.facts)

    async def flush(self) -> None:
        """Nothing waits."""


class JSONLReporter:
    """Appends one JSON object a line to a file, for debugging."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()

    async def report(
        self, project_id: ProjectId, spec_id: SpecId, facts: Sequence[NewEvent]
    ) -> int:
        """Append the facts."""
        del project_id, spec_id
        lines = "".join(fact.model_dump_json() + "\n" for fact in facts)
        async with self._lock:
            await asyncio.to_thread(self._append, lines)
        return 0

    def _append(self, lines: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(lines)

    async def flush(self) -> None:
        """Every append is on its way to disk already."""


class DatabaseReporter:
    """Appends to the event log and folds, in one transaction; the default of our workers."""

    def __init__(self, database: Database, *, also: Reporter | None = None) -> None:
        self._database = database
        self._also = also

    async def report(
        self, project_id: ProjectId, spec_id: SpecId, facts: Sequence[NewEvent]
    ) -> int:
        """Append the facts; a repeat changes nothing."""
        async with self._database.begin() as session:
            last = await events.append(session, project_id, spec_id, facts)
        if self._also is not None:
            await self._also.report(project_id, spec_id, facts)
        return last

    async def flush(self) -> None:
        """Every report is committed when it returns."""
