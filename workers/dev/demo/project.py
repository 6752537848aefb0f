"""The demo project: its row, its settings, and the one gate that asks a person."""

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from models.contracts.base import ProjectId
from models.contracts.phases import Phase
from models.contracts.projects import (
    CreateProject,
    Environment,
    GatePolicy,
    GitRepository,
    Project,
    ProjectSettings,
)
from models.rules.prices import SCRIPTED_MODEL
from models.store import projects
from models.store.database import Database
from workers.dev.demo.documents import CHECK_COMMAND


def demo_settings(*, live: bool = False) -> ProjectSettings:
    """Everything passes by itself but the requirements, which a person approves."""
    auto, ask = GatePolicy(mode="auto"), GatePolicy(mode="ask")
    model = None if live else SCRIPTED_MODEL
    return ProjectSettings(
        planner_model=model,
        agent_model=model,
        gates={phase: ask if phase == Phase.REQUIREMENTS else auto for phase in Phase},
        environment=Environment(check_command=CHECK_COMMAND, confirmed=True),
    )


async def ensure_project(
    database_url: str, name: str, remote: Path, *, live: bool = False
) -> Project:
    """Make the demo project of this remote, or find it."""
    kind = "live" if live else "scripted"
    body = CreateProject(
        name=name if not live else f"{name}, live model",
        repository=GitRepository(path=str(remote)),
        default_branch="main",
        settings=demo_settings(live=live),
    )
    project_id = ProjectId(uuid5(NAMESPACE_URL, f"specwright-demo:{kind}:{remote}"))
    database = Database(database_url, pool_size=1)
    try:
        async with database.begin() as session:
            return await projects.create(session, project_id, body, is_demo=True)
    finally:
        await database.close()
