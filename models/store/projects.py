"""Projects."""

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId
from models.contracts.projects import (
    CreateProject,
    Environment,
    Project,
    ProjectPage,
    UpdateProject,
)
from models.errors import NotFound
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session
from models.tables.projects import ProjectRow


def _project(row: ProjectRow) -> Project:
    return Project.model_validate(row, from_attributes=True)


async def create(
    session: Session, project_id: ProjectId, body: CreateProject, *, is_demo: bool = False
) -> Project:
    """Make a project; a repeat with the same id returns the first."""
    values = body.model_dump(mode="json")
    await session.execute(
        insert(ProjectRow).values(id=project_id, is_demo=is_demo, **values).on_conflict_do_nothing()
    )
    return await get(session, project_id)


async def get(session: Session, project_id: ProjectId) -> Project:
    """One project.

    Raises:
        NotFound: no such project.
    """
    row = await session.get(ProjectRow, project_id)
    if row is None:
        msg = "There is no such project."
        raise NotFound(msg, code="project-not-found", project_id=str(project_id))
    return _project(row)


async def page(session: Session, *, cursor: str | None, limit: int) -> ProjectPage:
    """Projects, newest first."""
    query = select(ProjectRow)
    if cursor is not None:
        at, last = read_cursor(cursor)
        query = query.where(tuple_(col(ProjectRow.created_at), col(ProjectRow.id)) < (at, last))
    ordered = query.order_by(col(ProjectRow.created_at).desc(), col(ProjectRow.id).desc())
    rows = list((await session.execute(ordered.limit(limit + 1))).scalars())
    last_row = rows[limit - 1] if len(rows) > limit else None
    return ProjectPage(
        items=tuple(_project(row) for row in rows[:limit]),
        next_cursor=write_cursor(last_row.created_at, last_row.id) if last_row else None,
    )


async def change(session: Session, project_id: ProjectId, body: UpdateProject) -> Project:
    """Change the fields that are given; of settings only those named.

    Raises:
        NotFound: no such project.
    """
    row = await session.get(ProjectRow, project_id, with_for_update=True)
    if row is None:
        msg = "There is no such project."
        raise NotFound(msg, code="project-not-found", project_id=str(project_id))
    project = _project(row)
    row.name = body.name or row.name
    row.default_branch = body.default_branch or row.default_branch
    row.settings = project.settings.overridden_by(body.settings).model_dump(mode="json")
    await session.flush()
    return _project(row)


async def confirm_environment(
    session: Session, project_id: ProjectId, environment: Environment
) -> None:
    """Make a person's accepted commands the project's own; settings made since are kept."""
    project = await get(session, project_id)
    settings = project.settings.model_copy(update={"environment": environment})
    await session.execute(
        update(ProjectRow)
        .where(col(ProjectRow.id) == project_id)
        .values(settings=settings.model_dump(mode="json"))
    )
