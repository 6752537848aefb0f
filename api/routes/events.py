"""Events: pages, and the live streams of a spec, a task, a project and all projects."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse

from api.deps import Limit, Services, TheServices, TheSession
from api.feeds import Scope
from api.streams import EventStream, read_last_id, read_positions, send_page, write_sse
from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.events import EventPage
from models.store import event_lines, events, projects, specs, task_views

router = APIRouter(tags=["events"])
Since = Annotated[int, Query(ge=0, le=2**31 - 1, description="the last id seen")]
LastEventId = Annotated[str | None, Header(max_length=10_000)]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "one Event a message"}
}


@router.get("/specs/{spec_id}/events", response_model=EventPage)
async def list_events(
    spec_id: SpecId,
    session: TheSession,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    cursor: Since = 0,
    event_types: Annotated[list[str] | None, Query(max_length=50)] = None,
) -> Response:
    """Events in ``seq`` order."""
    await specs.get_view(session, spec_id)
    found = await event_lines.page(
        session,
        spec_id,
        cursor=cursor,
        offset=offset,
        limit=limit,
        event_types=event_types or (),
    )
    return send_page(found)


@router.get("/specs/{spec_id}/stream", response_class=StreamingResponse, responses=_STREAM)
async def stream_events(
    spec_id: SpecId,
    services: TheServices,
    since: Since = 0,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Server-sent events from ``since`` on, or after ``Last-Event-ID`` when reconnecting."""
    begin = read_last_id(last_event_id, since)
    async with services.database.begin() as session:
        await specs.get_view(session, spec_id)
    batches = services.live.follow(Scope("stream", spec_id), begin)
    return _stream(services, write_sse(batches, lambda line: str(line.position)))


@router.get("/tasks/{task_id}/stream", response_class=StreamingResponse, responses=_STREAM)
async def stream_task(
    task_id: TaskId,
    services: TheServices,
    since: Since = 0,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """The events of one task, live; ids are those of its spec's stream."""
    begin = read_last_id(last_event_id, since)
    async with services.database.begin() as session:
        task = await task_views.get_task(session, task_id)
    batches = services.live.follow(Scope("stream", task.spec_id), begin)
    return _stream(
        services,
        write_sse(
            batches, lambda line: str(line.position), lambda line: line.subject.task_id == task_id
        ),
    )


@router.get("/projects/{project_id}/stream", response_class=StreamingResponse, responses=_STREAM)
async def stream_project(
    project_id: ProjectId,
    services: TheServices,
    since: Since = 0,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """The events of a project and all its specs, live; ids are ``project_seq``."""
    begin = read_last_id(last_event_id, since)
    async with services.database.begin() as session:
        await projects.get(session, project_id)
    batches = services.live.follow(Scope("project", project_id), begin)
    return _stream(services, write_sse(batches, lambda line: str(line.position)))


@router.get("/stream", response_class=StreamingResponse, responses=_STREAM)
async def stream_all(
    services: TheServices,
    since: Annotated[str | None, Query(max_length=100_000, description="the last id seen")] = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """The events of all projects, live; an id is a JSON object of positions by project.

    From now on without ``since`` and ``Last-Event-ID``.
    """
    positions = read_positions(last_event_id if last_event_id is not None else since)
    async with services.database.begin() as session:  # an outage is an answer, not a cut stream
        await events.last_project_seqs(session)
    batches = services.live.follow_all(positions.given)
    return _stream(services, write_sse(batches, positions.move))


def _stream(services: Services, content: AsyncGenerator[str]) -> EventStream:
    return EventStream(content, services.api.slow_client_seconds)
