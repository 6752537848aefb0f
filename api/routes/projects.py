"""Projects."""

from fastapi import APIRouter

from api.deps import Cursor, Limit, TheServices, TheSession
from models.contracts.base import ProjectId
from models.contracts.projects import (
    CreateProject,
    GitRepository,
    Project,
    ProjectPage,
    ProjectSettings,
    Steering,
    UpdateProject,
)
from models.contracts.specs import SpecPage, SpecStatus
from models.contracts.tasks import ProjectSlots
from models.rules.addresses import check_branch, read_address
from models.store import installation, projects, slots, specs
from models.store.identifiers import new_id

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("")
async def list_projects(
    session: TheSession, cursor: Cursor = None, limit: Limit = 50
) -> ProjectPage:
    """All projects, newest first."""
    return await projects.page(session, cursor=cursor, limit=limit)


@router.post("", status_code=201)
async def create_project(body: CreateProject, session: TheSession) -> Project:
    """Make a project; its repository is reached when the first spec runs."""
    if isinstance(body.repository, GitRepository):
        read_address(body.repository)
    check_branch(body.default_branch)
    return await projects.create(session, ProjectId(new_id()), body)


@router.get("/{project_id}")
async def get_project(project_id: ProjectId, session: TheSession) -> Project:
    """One project."""
    return await projects.get(session, project_id)


@router.patch("/{project_id}")
async def update_project(
    project_id: ProjectId, body: UpdateProject, session: TheSession
) -> Project:
    """Change what is given; settings that are not named stay."""
    if body.default_branch is not None:
        check_branch(body.default_branch)
    return await projects.change(session, project_id, body)


@router.get("/{project_id}/steering")
async def get_steering(project_id: ProjectId, session: TheSession) -> Steering:
    """The project's own steering notes; those of the repository are in ``.spec/steering.md``."""
    return Steering(text=(await projects.get(session, project_id)).settings.steering)


@router.put("/{project_id}/steering")
async def put_steering(project_id: ProjectId, body: Steering, session: TheSession) -> Steering:
    """Say what every model of the project must know; specs launched from now on read it."""
    settings = ProjectSettings(steering=body.text)
    changed = await projects.change(session, project_id, UpdateProject(settings=settings))
    return Steering(text=changed.settings.steering)


@router.get("/{project_id}/specs")
async def list_project_specs(
    project_id: ProjectId,
    session: TheSession,
    status: SpecStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SpecPage:
    """The specs of a project, newest first."""
    await projects.get(session, project_id)
    return await specs.page(
        session, project_id=project_id, status=status, cursor=cursor, limit=limit
    )


@router.get("/{project_id}/slots")
async def get_slots(
    project_id: ProjectId, services: TheServices, session: TheSession
) -> ProjectSlots:
    """How many tasks of the project hold a slot now, and which wait, the next one first."""
    await projects.get(session, project_id)
    settings = await installation.get(session, services.execution.installation())
    in_use, _ = await slots.count(session, project_id)
    waiting = await slots.positions(session, project_id)
    return ProjectSlots(in_use=in_use, limit=settings.slots_of(project_id), waiting=waiting)
