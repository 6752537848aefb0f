"""Projects."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Cursor, Limit, Services, TheServices, TheSession
from models.contracts.base import ProjectId
from models.contracts.forges import (
    Branches,
    FoundRepositories,
    Lookup,
    LookupResult,
    RepositoryProbe,
)
from models.contracts.overviews import ProjectStats
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
from models.errors import NotFound
from models.rules.addresses import check_branch, read_address
from models.store import installation, overviews, projects, slots, specs
from models.store.identifiers import new_id

router = APIRouter(prefix="/projects", tags=["projects"])
found_repositories = APIRouter(tags=["projects"])


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
    """One project; 404 ``project-archived`` when it was deleted."""
    project = await projects.get(session, project_id)
    if project.archived_at is not None:
        msg = "This project was deleted."
        raise NotFound(msg, code="project-archived")
    return project


@router.patch("/{project_id}")
async def update_project(
    project_id: ProjectId, body: UpdateProject, session: TheSession
) -> Project:
    """Change what is given; settings that are not named stay."""
    if body.default_branch is not None:
        check_branch(body.default_branch)
    return await projects.change(session, project_id, body)


@router.delete("/{project_id}", status_code=204)
async def delete_project(project_id: ProjectId, session: TheSession) -> None:
    """Archive a project: it leaves the lists, and nothing more can be launched in it.

    409 ``project-busy`` while a spec of it runs.
    """
    await projects.archive(session, project_id)


@router.get("/{project_id}/stats")
async def get_stats(project_id: ProjectId, session: TheSession) -> ProjectStats:
    """The numbers of a project."""
    await projects.get(session, project_id)
    return await overviews.project_stats(session, project_id)


@router.post("/{project_id}/repository/probe")
async def probe_repository(project_id: ProjectId, services: TheServices) -> RepositoryProbe:
    """Whether the repository is reachable, its default branch, and whether a push is taken."""
    found = await _look_up(services, project_id, Lookup(kind="probe", project_id=project_id))
    return found.probe or RepositoryProbe(reachable=False)


@found_repositories.get("/repositories")
async def find_repositories(
    services: TheServices,
    query: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> FoundRepositories:
    """Repositories on this host that a project may be made of: those under the configured roots."""
    found = await services.gateway.look_up(Lookup(kind="repositories", query=query))
    return found.repositories or FoundRepositories(items=())


@router.get("/{project_id}/branches")
async def list_branches(project_id: ProjectId, services: TheServices) -> Branches:
    """The repository's branches, as they are on the forge now."""
    found = await _look_up(services, project_id, Lookup(kind="branches", project_id=project_id))
    return found.branches or Branches(items=())


async def _look_up(services: Services, project_id: ProjectId, lookup: Lookup) -> LookupResult:
    async with services.database.begin() as session:
        await projects.get(session, project_id)
    return await services.gateway.look_up(lookup)


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
    *,
    archived: bool = False,
) -> SpecPage:
    """The specs of a project, newest first."""
    await projects.get(session, project_id)
    return await specs.page(
        session,
        project_id=project_id,
        status=status,
        cursor=cursor,
        limit=limit,
        archived=archived,
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
