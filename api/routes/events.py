"""Events of a spec: pages and the live stream."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from api.deps import Limit, Services, TheServices, TheSession
from models.contracts.base import SpecId
from models.contracts.events import EventPage
from models.errors import InvalidInput
from models.store import events, specs

router = APIRouter(prefix="/specs/{spec_id}", tags=["events"])


@router.get("/events")
async def list_events(
    spec_id: SpecId,
    session: TheSession,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    cursor: Annotated[int, Query(ge=0, le=2**31 - 1, description="the last seq seen")] = 0,
    event_types: Annotated[list[str] | None, Query(max_length=50)] = None,
) -> EventPage:
    """Events in ``seq`` order."""
    await specs.get_view(session, spec_id)
    return await events.page(
        session,
        spec_id,
        cursor=cursor,
        offset=offset,
        limit=limit,
        event_types=event_types or (),
    )


async def _lines(services: Services, spec_id: SpecId, since: int) -> AsyncGenerator[str]:
    yield "retry: 1000\n\n"
    async for batch in services.live.follow(spec_id, since):
        if batch is None:
            yield ": ping\n\n"
            continue
        yield "".join(f"id: {event.seq}\ndata: {event.model_dump_json()}\n\n" for event in batch)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "one Event a message"}},
)
async def stream_events(
    spec_id: SpecId,
    services: TheServices,
    since: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events from ``since`` on, or after ``Last-Event-ID`` when reconnecting."""
    if last_event_id is not None:
        if not last_event_id.isdigit():
            msg = "Last-Event-ID must be a seq."
            raise InvalidInput(msg, code="invalid-last-event-id")
        since = int(last_event_id)
    async with services.database.begin() as session:
        await specs.get_view(session, spec_id)
    return StreamingResponse(
        _lines(services, spec_id, since),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
