"""A spec's past: its run's history, and its views at any event."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import Limit, Services, TheServices, TheSession
from api.run_history import read_history, read_log
from models.contracts.base import SpecId
from models.contracts.commands import spec_workflow_id
from models.contracts.events import Event
from models.contracts.history import HistoryEntry, HistoryPage, StreamView
from models.errors import NotFound
from models.store import event_lines, events, specs

router = APIRouter(prefix="/specs/{spec_id}", tags=["history"])
_LOGGED = ("spec.phase_started", "spec.phase_completed", "spec.phase_failed", "spec.phase_retry",
           "spec.attempt_evaluated", "spec.gate_opened", "spec.gate_decided", "spec.execution_started",
           "spec.execution_completed", "spec.execution_failed", "spec.rerun_started", "task.queued",
           "task.provisioning", "task.working", "task.checking", "task.merging", "task.merged",
           "task.failed", "task.retried")  # fmt: skip


@router.get("/history")
async def get_history(
    spec_id: SpecId,
    services: TheServices,
    cursor: Annotated[int, Query(ge=0, le=2**31 - 1, description="the last id seen")] = 0,
    limit: Limit = 100,
) -> HistoryPage:
    """The steps of the present run from Temporal's history, oldest first.

    From our own log, marked so, once Temporal keeps the run no more; 503 when it cannot be reached.
    """
    async with services.database.begin() as session:
        await specs.get_view(session, spec_id)
    history = await services.gateway.history(spec_id)
    if history is None:
        return await _from_log(services, spec_id, cursor, limit)
    ui = services.api.temporal_ui_url
    pages = f"{ui}/namespaces/{services.gateway.namespace}/workflows" if ui else None
    entries = [entry for entry in read_history(history, pages) if entry.id > cursor]
    link = f"{pages}/{spec_workflow_id(spec_id)}/{history.run_id}/history" if pages else None
    return _page(entries, limit, link)


def _page(entries: list[HistoryEntry], limit: int, link: str | None) -> HistoryPage:
    more = len(entries) > limit
    return HistoryPage(
        items=tuple(entries[:limit]),
        next_cursor=str(entries[limit - 1].id) if more else None,
        source="temporal",
        link=link,
    )


async def _from_log(services: Services, spec_id: SpecId, cursor: int, limit: int) -> HistoryPage:
    async with services.database.begin() as session:
        page = await event_lines.page(
            session, spec_id, cursor=cursor, limit=limit, event_types=_LOGGED
        )
    logged = [Event.model_validate_json(line.json) for line in page.lines]
    return HistoryPage(items=tuple(read_log(logged)), next_cursor=page.next_cursor, source="log")


@router.get("/at/{seq}")
async def get_past(
    spec_id: SpecId,
    seq: Annotated[int, Path(ge=1, le=2**31 - 1)],
    session: TheSession,
) -> StreamView:
    """The spec, its tasks, gates and questions as they were right after an event."""
    await specs.get_view(session, spec_id)
    if seq > await events.last_seq(session, spec_id):
        msg = "This spec has no such event yet."
        raise NotFound(msg, code="event-not-found")
    return (await events.fold_to(session, spec_id, seq)).view()
