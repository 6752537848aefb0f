"""A whole stack of its own for tests: real Postgres, Temporal, worker, API and sandboxes."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2

from models.contracts.base import ProjectId, SpecId
from models.contracts.budgets import BudgetLimits
from models.contracts.events import Event
from models.contracts.gates import Gate
from models.contracts.projects import CreateProject, GitRepository, Project, ProjectSettings
from models.contracts.specs import SpecDetail
from models.store import projects
from models.store.database import Database
from tests.support.model import FakeModel, free_port
from workers.dev.config import Ports, read_config
from workers.dev.demo.client import ApiClient
from workers.dev.demo.project import demo_settings
from workers.dev.demo.remote import ensure_remote
from workers.dev.stack import Stack, StackOptions
from workers.dev.supervisor import Child

PLANTED_KEY = "sk-ant-planted-0123456789"
FEATURE = "Let me set a monthly budget.\n\nWarn me when I go over it."


@dataclass
class RunningStack:
    """A stack with what tests do to it."""

    stack: Stack
    data: Path
    model: FakeModel
    database: Database
    api: ApiClient
    http: httpx2.AsyncClient
    lines: list[str] = field(default_factory=list[str])

    def remote(self, name: str | None = None) -> Path:
        return ensure_remote(self.data / "remotes" / f"{name or uuid4()}.git")

    async def project(
        self,
        remote: Path,
        settings: ProjectSettings | None = None,
        *,
        is_demo: bool = True,
        branch: str = "main",
    ) -> Project:
        body = CreateProject(
            name="test",
            repository=GitRepository(path=str(remote)),
            default_branch=branch,
            settings=settings or quick_settings(),
        )
        async with self.database.begin() as session:
            return await projects.create(session, ProjectId(uuid4()), body, is_demo=is_demo)

    async def launch(self, project: Project, description: str = FEATURE) -> SpecId:
        launched, _ = await self.api.launch(project, description)
        return launched.spec_id

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        return await self.http.post(f"/api/v1{path}", json=body, headers=headers)

    async def until(
        self,
        spec_id: SpecId,
        happens: Callable[[Event], bool],
        seconds: float = 60,
        since: int = 0,
    ) -> Event:
        """The first event after ``since``, past or to come, for which ``happens`` is true."""
        last: Event | None = None
        try:
            async with asyncio.timeout(seconds):
                async for event in self.api.follow(spec_id, since):
                    last = event
                    if happens(event):
                        return event
        except TimeoutError:
            told = f"{last.seq} {last.event_type} {last.data}" if last else "no event"
            msg = f"it did not happen within {seconds} s; the last was {told}"
            raise AssertionError(msg) from None
        msg = f"the spec closed without it: {last.event_type if last else 'no event'} {last.data if last else ''}"
        raise AssertionError(msg)

    async def until_closed(
        self, spec_id: SpecId, seconds: float = 90, since: int = 0
    ) -> SpecDetail:
        async with asyncio.timeout(seconds):
            async for _ in self.api.follow(spec_id, since):
                pass
        return await self.api.spec(spec_id)

    async def gate(self, spec_id: SpecId, after: int = 0, seconds: float = 60) -> tuple[Gate, int]:
        """The next gate that opens after ``seq``, and the seq at which it did."""
        event = await self.until(
            spec_id, lambda e: e.event_type == "spec.gate_opened" and e.seq > after, seconds
        )
        return Gate.model_validate(event.data["gate"]), event.seq

    async def decide(self, gate: Gate, kind: str, **more: Any) -> httpx2.Response:
        sha256 = gate.document.sha256 if gate.document else None
        body = {"kind": kind, "artifact_sha256": sha256, **more}
        return await self.post(f"/specs/{gate.spec_id}/gates/{gate.id}/decision", body)

    async def events(self, spec_id: SpecId) -> list[Event]:
        found: list[Event] = []
        cursor = 0
        while True:
            answer = await self.http.get(
                f"/api/v1/specs/{spec_id}/events", params={"limit": 500, "cursor": cursor}
            )
            page = answer.json()
            found += [Event.model_validate(item) for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = int(page["next_cursor"])

    async def answers(self, http: httpx2.AsyncClient, seconds: float = 20) -> None:
        """Wait until a server answers its health route."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    if (await http.get("/healthz")).status_code == 200:
                        return
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)

    @asynccontextmanager
    async def another_api(self, port: int, **environment: str) -> AsyncGenerator[int]:
        """A second API beside the stack's own, with settings of its own; its process id."""
        name = f"api-{port}"
        child = Child(
            name=name,
            argv=[sys.executable, "-m", "api"],
            environment={**self.stack.environment(), "API_PORT": str(port), **environment},
            restart=False,
            log=self.data / "logs" / f"{name}.log",
        )
        await self.stack.supervisor.start(child)
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                await self.answers(http)
            assert child.process is not None
            yield child.process.pid
        finally:
            await self.stack.supervisor.stop([name])

    def model_calls(self, spec_id: UUID) -> list[dict[str, Any]]:
        """The scripted model's own log of this spec's calls."""
        log = self.stack.model_log
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if call["call"].startswith(str(spec_id))]


def quick_settings(**update: Any) -> ProjectSettings:
    """The demo's settings with no gate at all."""
    settings = demo_settings()
    gates = {
        phase: policy.model_copy(update={"mode": "auto"})
        for phase, policy in settings.gates.items()
    }
    budget = BudgetLimits(tokens=10_000_000)  # fake models have no price
    return settings.model_copy(update={"gates": gates, "budget": budget, **update})


@asynccontextmanager
async def running_stack(
    data: Path, *, latency: float = 0.0, environment: dict[str, str] | None = None
) -> AsyncGenerator[RunningStack]:
    """Start a stack in a folder of its own; its last words are shown when a test fails."""
    ports = Ports(
        temporal=free_port(), temporal_ui=free_port(), api=free_port(), scripted_model=free_port()
    )
    config = read_config(data=data).model_copy(update={"ports": ports})
    lines: list[str] = []
    model = FakeModel()
    with model.serve():
        given = {
            "ANTHROPIC_API_KEY": PLANTED_KEY,
            "ANTHROPIC_BASE_URL": model.url,
            "HEARTBEAT_SECONDS": "2",
            "RETRY_MAXIMUM_SECONDS": "1",
            "LOCAL_REPOSITORY_ROOTS": json.dumps([str(data)]),
            **(environment or {}),
        }
        options = StackOptions(latency_seconds=latency, environment=given, durable=False)
        async with Stack(
            config, options, lambda name, line: lines.append(f"{name}: {line}")
        ) as stack:
            url = stack.status.api_url
            database = Database(stack.status.database_url)
            client = ApiClient(url)
            async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
                try:
                    yield RunningStack(stack, data, model, database, client, http, lines)
                finally:
                    await client.close()
                    await database.close()
