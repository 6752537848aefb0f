"""The event log: gap-free numbers in commit order, folded in the same transaction."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.events import (
    NOTIFY_CHANNEL,
    Event,
    EventPage,
    EventSource,
    NewEvent,
    ViewFragment,
)
from models.contracts.specs import SpecView
from models.contracts.tasks import TaskView
from models.rules.fold import fold, task_of
from models.store.database import Session
from models.store.identifiers import new_id
from models.tables.events import EventRow, ProjectCounterRow, StreamCounterRow
from models.tables.specs import GateRow, QuestionRow, SpecRow, TaskRow


async def append(
    session: Session, project_id: ProjectId, spec_id: SpecId, events: Sequence[NewEvent]
) -> int:
    """Append facts to a spec's stream and fold them; a known ``dedup_key`` changes nothing.

    Locks the project's counter, then the stream's, counts only new rows, and announces them by
    NOTIFY at commit. Returns the stream's last ``seq``.
    """
    project_seq = await _lock(session, ProjectCounterRow, ProjectCounterRow.project_id, project_id)
    seq = await _lock(session, StreamCounterRow, StreamCounterRow.stream_id, spec_id)
    fresh = await _unknown(session, spec_id, events)
    if not fresh:
        return seq
    fragments = await _fold_all(session, spec_id, fresh, seq)
    rows = [
        _row(event, fragment, project_id, spec_id, seq + n, project_seq + n)
        for n, (event, fragment) in enumerate(zip(fresh, fragments, strict=True), start=1)
    ]
    await session.execute(insert(EventRow), rows)
    last = seq + len(rows)
    await session.execute(
        update(StreamCounterRow)
        .where(col(StreamCounterRow.stream_id) == spec_id)
        .values(last_seq=last)
    )
    await session.execute(
        update(ProjectCounterRow)
        .where(col(ProjectCounterRow.project_id) == project_id)
        .values(last_seq=project_seq + len(rows))
    )
    note = json.dumps({"spec": str(spec_id), "project": str(project_id), "seq": last})
    await session.execute(
        text("SELECT pg_notify(:channel, :note)"), {"channel": NOTIFY_CHANNEL, "note": note}
    )
    return last


async def _lock(session: Session, table: type[SQLModel], key: Any, value: UUID) -> int:
    statement = insert(table).values({key.key: value, "last_seq": 0})
    locked = statement.on_conflict_do_update(
        index_elements=[key.key], set_={key.key: value}
    ).returning(text("last_seq"))
    return int((await session.execute(locked)).scalar_one())


async def _unknown(session: Session, spec_id: SpecId, events: Sequence[NewEvent]) -> list[NewEvent]:
    keys = [event.dedup_key for event in events]
    found = await session.execute(
        select(col(EventRow.dedup_key)).where(
            col(EventRow.stream_id) == spec_id, col(EventRow.dedup_key).in_(keys)
        )
    )
    seen = set(found.scalars())
    fresh: list[NewEvent] = []
    for event in events:
        if event.dedup_key not in seen:
            seen.add(event.dedup_key)
            fresh.append(event)
    return fresh


async def _fold_all(
    session: Session, spec_id: SpecId, events: Sequence[NewEvent], seq: int
) -> list[ViewFragment]:
    spec_row = await session.get(SpecRow, spec_id)
    spec = SpecView.model_validate(spec_row.view) if spec_row else None
    task_ids = {task_id for event in events if (task_id := task_of(event.fact))}
    tasks = await _tasks(session, task_ids)
    changed: set[TaskId] = set()
    fragments: list[ViewFragment] = []
    now = datetime.now(UTC)
    for number, event in enumerate(events, start=seq + 1):
        task_id = task_of(event.fact)
        fragment = fold(spec, tasks.get(task_id) if task_id else None, event.fact, now, number)
        spec = fragment.spec or spec
        if fragment.task is not None:
            tasks[fragment.task.id] = fragment.task
            changed.add(fragment.task.id)
        await _upsert_parts(session, spec_id, fragment)
        fragments.append(fragment)
    if spec is not None:
        await _save_spec(session, spec)
    await _save_tasks(session, [tasks[task_id] for task_id in changed])
    return fragments


async def _tasks(session: Session, task_ids: set[TaskId]) -> dict[TaskId, TaskView]:
    if not task_ids:
        return {}
    found = await session.execute(select(col(TaskRow.view)).where(col(TaskRow.id).in_(task_ids)))
    views = [TaskView.model_validate(view) for view in found.scalars()]
    return {view.id: view for view in views}


async def _save_spec(session: Session, spec: SpecView) -> None:
    await session.execute(
        update(SpecRow)
        .where(col(SpecRow.id) == spec.id)
        .values(
            status=spec.status.value,
            current_phase=spec.current_phase,
            view=spec.model_dump(mode="json"),
        )
    )


async def _save_tasks(session: Session, tasks: Sequence[TaskView]) -> None:
    if tasks:
        rows = [
            {"id": task.id, "state": task.state.value, "view": task.model_dump(mode="json")}
            for task in tasks
        ]
        await session.execute(update(TaskRow), rows)


async def _upsert_parts(session: Session, spec_id: SpecId, fragment: ViewFragment) -> None:
    for table, part in ((GateRow, fragment.gate), (QuestionRow, fragment.question)):
        if part is None:
            continue
        values = {"status": part.status.value, "view": part.model_dump(mode="json")}
        statement = insert(table).values(id=part.id, spec_id=spec_id, **values)
        await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def _row(
    event: NewEvent,
    fragment: ViewFragment,
    project_id: ProjectId,
    spec_id: SpecId,
    seq: int,
    project_seq: int,
) -> dict[str, object]:
    data = event.fact.model_dump(mode="json", exclude_none=True)
    event_type = data.pop("event_type")
    return {
        "id": new_id(),
        "stream_id": spec_id,
        "project_id": project_id,
        "seq": seq,
        "project_seq": project_seq,
        "dedup_key": event.dedup_key,
        "event_type": event_type,
        "phase": data.pop("phase", None),
        "task_id": task_of(event.fact),
        "sandbox_id": event.sandbox_id,
        "source": event.source.value,
        "data": data,
        "view": fragment.model_dump(mode="json", exclude_none=True),
        "occurred_at": event.occurred_at or datetime.now(UTC),
    }


def _event(row: EventRow) -> Event:
    return Event(
        id=row.id,
        seq=row.seq,
        project_seq=row.project_seq,
        event_type=row.event_type,
        timestamp=row.occurred_at,
        created_at=row.created_at,
        project_id=ProjectId(row.project_id),
        spec_id=SpecId(row.stream_id),
        task_id=TaskId(row.task_id) if row.task_id else None,
        sandbox_id=row.sandbox_id,
        phase=row.phase,
        source=EventSource(row.source),
        data=row.data,
        view=ViewFragment.model_validate(row.view) if row.view else None,
    )


async def last_seq(session: Session, spec_id: SpecId) -> int:
    """The stream's last number, 0 when nothing was appended."""
    row = await session.get(StreamCounterRow, spec_id)
    return row.last_seq if row else 0


async def after(session: Session, spec_id: SpecId, seq: int, limit: int = 500) -> list[Event]:
    """Events after ``seq``, in order, at most ``limit``."""
    found = await session.execute(
        select(EventRow)
        .where(col(EventRow.stream_id) == spec_id, col(EventRow.seq) > seq)
        .order_by(col(EventRow.seq))
        .limit(limit)
    )
    return [_event(row) for row in found.scalars()]


async def page(
    session: Session,
    spec_id: SpecId,
    *,
    cursor: int = 0,
    offset: int = 0,
    limit: int = 50,
    event_types: Sequence[str] = (),
) -> EventPage:
    """One page in ``seq`` order, after ``cursor``; ``offset`` as in the seeds."""
    query = select(EventRow).where(col(EventRow.stream_id) == spec_id, col(EventRow.seq) > cursor)
    if event_types:
        query = query.where(col(EventRow.event_type).in_(event_types))
    rows = list(
        (
            await session.execute(query.order_by(col(EventRow.seq)).offset(offset).limit(limit + 1))
        ).scalars()
    )
    more = len(rows) > limit
    return EventPage(
        items=tuple(_event(row) for row in rows[:limit]),
        next_cursor=str(rows[limit - 1].seq) if more else None,
        last_seq=await last_seq(session, spec_id),
    )
