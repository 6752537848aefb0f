"""What a launch becomes: a checked title, the spec's first view and its workflow's input."""

from datetime import datetime

from models.contracts.base import SpecId, Timings
from models.contracts.projects import Project
from models.contracts.specs import (
    DESCRIPTION_LIMIT_BYTES,
    LaunchSpec,
    SpecInput,
    SpecStatus,
    SpecView,
)
from models.errors import InvalidInput, TooLarge
from models.rules.actions import allowed_actions
from models.rules.addresses import check_branch
from models.rules.markdown import spec_branch
from models.rules.paths import is_inside

_TITLE_LIMIT = 100


def prepare_launch(
    body: LaunchSpec,
    project: Project,
    spec_id: SpecId,
    *,
    planner_model: str,
    agent_model: str,
    timings: Timings,
) -> SpecInput:
    """The workflow's input of a launch.

    Raises:
        InvalidInput: empty description, odd branch or working directory.
        TooLarge: a description over 32 kB.
    """
    if not body.description:
        msg = "Say what you want: the description is empty."
        raise InvalidInput(msg, code="empty-description")
    if len(body.description.encode()) > DESCRIPTION_LIMIT_BYTES:
        msg = f"A description holds at most {DESCRIPTION_LIMIT_BYTES} bytes."
        raise TooLarge(msg, code="description-too-large")
    if "\0" in body.description or "\0" in (body.title or ""):
        msg = "The text holds a NUL character."
        raise InvalidInput(msg, code="invalid-text")
    directory = body.working_directory or ""
    if directory and not is_inside(directory):
        msg = "The working directory must be a path inside the repository."
        raise InvalidInput(msg, code="invalid-working-directory")
    title = body.title or body.description.splitlines()[0].strip()[:_TITLE_LIMIT]
    settings = body.settings or project.settings
    return SpecInput(
        spec_id=spec_id,
        project_id=project.id,
        title=title,
        description=body.description,
        base_branch=check_branch(body.base_branch or project.default_branch),
        branch=spec_branch(title, spec_id),
        working_directory=directory.strip("/"),
        settings=settings,
        planner_model=settings.planner_model or planner_model,
        agent_model=settings.agent_model or agent_model,
        timings=timings,
    )


def first_view(launch: SpecInput, at: datetime, *, auto_execute: bool) -> SpecView:
    """The view of a spec that has just been launched."""
    status = SpecStatus.EXECUTING if auto_execute else SpecStatus.DRAFT
    return SpecView(
        id=launch.spec_id,
        project_id=launch.project_id,
        title=launch.title,
        status=status,
        base_branch=launch.base_branch,
        model=launch.planner_model,
        allowed_actions=allowed_actions(status),
        created_at=at,
        updated_at=at,
    )
