"""Across specs: inbox, search, activity and numbers."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.deps import Cursor, Limit, TheSession
from api.streams import send_page
from models.contracts.base import ProjectId
from models.contracts.events import EventPage
from models.contracts.overviews import InboxPage, Insights, SearchHits
from models.store import event_lines, overviews, projects, waiting

router = APIRouter(tags=["overview"])


@router.get("/inbox")
async def get_inbox(
    session: TheSession,
    project_id: ProjectId | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> InboxPage:
    """What waits for a person, oldest first: gates, questions, failures, budgets, pull requests."""
    return await waiting.page(session, project_id=project_id, cursor=cursor, limit=limit)


@router.get("/search")
async def search(
    session: TheSession,
    query: Annotated[
        str, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SearchHits:
    """Specs, tickets, tasks and projects whose title has all the words."""
    return await overviews.search(session, query, limit)


@router.get("/activity", response_model=EventPage)
async def list_activity(
    session: TheSession,
    project_id: ProjectId,
    before: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="the oldest project_seq seen")
    ] = None,
    limit: Limit = 50,
) -> Response:
    """What happened in a project, newest first; ``next_cursor`` is the next ``before``."""
    await projects.get(session, project_id)
    found = await event_lines.activity(session, project_id, before=before, limit=limit)
    return send_page(found)


@router.get("/insights")
async def get_insights(
    session: TheSession,
    project_id: ProjectId | None = None,
    days: Annotated[int, Query(ge=1, le=90)] = 14,
) -> Insights:
    """Numbers of the last days, of one project or of all."""
    if project_id is not None:
        await projects.get(session, project_id)
    return await overviews.insights(session, project_id, days)
