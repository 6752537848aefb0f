"""The demo as an API client sees it: launch, follow the stream, decide, read."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

import httpx2
from pydantic import BaseModel

from models.contracts.base import SpecId
from models.contracts.events import Event
from models.contracts.gates import DecisionKind, Gate
from models.contracts.projects import Project
from models.contracts.specs import CLOSED, LaunchedSpec, LaunchSpec, SpecDetail
from models.contracts.tasks import TaskList
from models.contracts.traces import Trace

M = TypeVar("M", bound=BaseModel)
_AWAY = 503
_PAUSE_SECONDS = 0.2


class ApiClient:
    """Speaks to the API over HTTP, and nothing else."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx2.AsyncClient(base_url=f"{url}/api/v1", timeout=30)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _get(self, path: str, kind: type[M]) -> M:
        answer = await self._http.get(path)
        answer.raise_for_status()
        return kind.model_validate_json(answer.content)

    async def launch(self, project: Project, description: str) -> tuple[LaunchedSpec, datetime]:
        """Launch a spec; also the time at which the call returned."""
        body = LaunchSpec(project_id=project.id, description=description)
        answer = await self._http.post(
            "/specs/launch",
            json=body.model_dump(mode="json", exclude_none=True),
            headers={"Idempotency-Key": str(uuid4())},
        )
        answer.raise_for_status()
        return LaunchedSpec.model_validate_json(answer.content), datetime.now(UTC)

    async def spec(self, spec_id: SpecId) -> SpecDetail:
        """One spec."""
        return await self._get(f"/specs/{spec_id}", SpecDetail)

    async def tasks(self, spec_id: SpecId) -> TaskList:
        """Its tasks."""
        return await self._get(f"/specs/{spec_id}/tasks", TaskList)

    async def trace(self, spec_id: SpecId) -> Trace:
        """Its trace."""
        return await self._get(f"/specs/{spec_id}/trace", Trace)

    async def approve(self, gate: Gate) -> None:
        """Approve a gate's document as it was shown."""
        sha256 = gate.document.sha256 if gate.document else None
        answer = await self._http.post(
            f"/specs/{gate.spec_id}/gates/{gate.id}/decision",
            json={"kind": DecisionKind.APPROVE, "artifact_sha256": sha256},
            headers={"Idempotency-Key": f"demo-{gate.id}"},
        )
        answer.raise_for_status()

    async def follow(self, spec_id: UUID, since: int = 0) -> AsyncGenerator[Event]:
        """Events after ``since``, until the spec is closed; a cut stream is resumed."""
        last = since
        while True:
            try:
                async with self._http.stream(
                    "GET",
                    f"/specs/{spec_id}/stream",
                    headers={"Last-Event-ID": str(last)},
                    timeout=httpx2.Timeout(10, read=60),
                ) as stream:
                    if stream.status_code == _AWAY:
                        await asyncio.sleep(_PAUSE_SECONDS)
                        continue
                    stream.raise_for_status()
                    async for line in stream.aiter_lines():
                        if not line.startswith("data: "):
                            continue
                        event = Event.model_validate(json.loads(line.removeprefix("data: ")))
                        last = event.seq
                        yield event
                        if event.view and event.view.spec and event.view.spec.status in CLOSED:
                            return
            except httpx2.TransportError:
                await asyncio.sleep(_PAUSE_SECONDS)
