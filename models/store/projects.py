"""Projects."""

from datetime import UTC, datetime

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
from models.contracts.specs import CLOSED, SpecStatus
from models.errors import Conflict, NotFound
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session
from models.tables.projects import ProjectRow
from models.tables.specs import SpecRow


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
    query = select(ProjectRow).where(col(ProjectRow.archived_at).is_(None))
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


async def archive(session: Session, project_id: ProjectId) -> None:
    """Take a project out of the lists; a repeat changes nothing.

    Raises:
        Conflict: a spec of it runs.
        NotFound: no such project.
    """
    await get(session, project_id)
    running = await session.execute(
        select(col(SpecRow.id))
        .where(
            col(SpecRow.project_id) == project_id,
            col(SpecRow.status).not_in({SpecStatus.DRAFT, *CLOSED}),
        )
        .limit(1)
    )
    if running.scalar() is not None:
        msg = "A spec of this project runs; cancel it first."
        raise Conflict(msg, code="project-busy")
    await session.execute(
        update(ProjectRow)
        .where(col(ProjectRow.id) == project_id, col(ProjectRow.archived_at).is_(None))
        .values(archived_at=datetime.now(UTC))
    )


async def get_active(session: Session, project_id: ProjectId) -> Project:
    """One project that takes new work.

    Raises:
        Conflict: it is archived.
        NotFound: no such project.
    """
    project = await get(session, project_id)
    if project.archived_at is not None:
        msg = "This project is archived."
        raise Conflict(msg, code="project-archived")
    return project


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
