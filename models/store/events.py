"""The event log: gap-free numbers in commit order, folded in the same transaction."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.events import (
    NOTIFY_CHANNEL,
    Event,
    EventSource,
    NewEvent,
    RawEvent,
    ViewFragment,
)
from models.contracts.history import StreamView
from models.rules.fold import task_of
from models.rules.fold_stream import StreamState
from models.store import folding, notifications
from models.store.database import Session
from models.store.identifiers import new_id
from models.tables.events import EventRow, ProjectCounterRow, StreamCounterRow

_BATCH = 500


async def append(
    session: Session,
    project_id: ProjectId,
    spec_id: SpecId | None,
    events: Sequence[NewEvent | RawEvent],
) -> int:
    """Append facts to a spec's stream, or to the project's own, and fold them.

    A known ``dedup_key`` changes nothing. Locks the project's counter, then the stream's, counts
    only new rows, and announces them by NOTIFY at commit. Returns the stream's last ``seq``.
    """
    stream_id = spec_id or project_id
    project_seq = await _lock(session, ProjectCounterRow, ProjectCounterRow.project_id, project_id)
    seq = await _lock(session, StreamCounterRow, StreamCounterRow.stream_id, stream_id)
    fresh = await _unknown(session, stream_id, events)
    if not fresh:
        return seq
    now = datetime.now(UTC)
    folded = await folding.fold_events(session, spec_id, fresh, seq, now)
    rows = [
        {
            **_row(event, fragment, now),
            "stream_id": stream_id,
            "project_id": project_id,
            "seq": seq + number,
            "project_seq": project_seq + number,
        }
        for number, (event, fragment) in enumerate(folded, start=1)
    ]
    await session.execute(insert(EventRow), rows)
    await notifications.enqueue(session, project_id, spec_id, rows)
    last = seq + len(rows)
    await session.execute(
        update(StreamCounterRow)
        .where(col(StreamCounterRow.stream_id) == stream_id)
        .values(last_seq=last)
    )
    await session.execute(
        update(ProjectCounterRow)
        .where(col(ProjectCounterRow.project_id) == project_id)
        .values(last_seq=project_seq + len(rows))
    )
    note = json.dumps({"stream": str(stream_id), "project": str(project_id)})
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


async def _unknown(
    session: Session, stream_id: UUID, events: Sequence[NewEvent | RawEvent]
) -> list[NewEvent | RawEvent]:
    seen = set(await find_keys(session, stream_id, [event.dedup_key for event in events]))
    fresh: list[NewEvent | RawEvent] = []
    for event in events:
        if event.dedup_key not in seen:
            seen.add(event.dedup_key)
            fresh.append(event)
    return fresh


async def find_keys(session: Session, stream_id: UUID, keys: Sequence[str]) -> dict[str, int]:
    """The ``seq`` of each of these keys that the stream has."""
    found = await session.execute(
        select(col(EventRow.dedup_key), col(EventRow.seq)).where(
            col(EventRow.stream_id) == stream_id, col(EventRow.dedup_key).in_(keys)
        )
    )
    return {str(key): int(seq) for key, seq in found}


def _parts(fragment: ViewFragment) -> dict[str, Any]:
    """What changed, whole: an event is sent as it is stored."""
    given = ((name, getattr(fragment, name)) for name in ViewFragment.model_fields)
    return {name: part.model_dump(mode="json") for name, part in given if part is not None}


def _row(event: NewEvent | RawEvent, fragment: ViewFragment, now: datetime) -> dict[str, Any]:
    if isinstance(event, RawEvent):
        data, event_type, task_id = dict(event.data), event.event_type, event.task_id
        phase: object = event.phase
    else:
        data = event.fact.model_dump(mode="json", exclude_none=True)
        event_type, task_id = data.pop("event_type"), task_of(event.fact)
        phase = data.pop("phase", None)
    return {
        "id": new_id(),
        "dedup_key": event.dedup_key,
        "event_type": event_type,
        "phase": phase,
        "task_id": task_id,
        "sandbox_id": event.sandbox_id,
        "source": event.source.value,
        "claimed": isinstance(event, RawEvent) and event.claimed,
        "data": data,
        "view": _parts(fragment),
        "occurred_at": event.occurred_at or now,
        "created_at": now,  # the fold's own clock, so that a replay gives the same views
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
        spec_id=SpecId(row.stream_id) if row.stream_id != row.project_id else None,
        task_id=TaskId(row.task_id) if row.task_id else None,
        sandbox_id=row.sandbox_id,
        phase=row.phase,
        source=EventSource(row.source),
        claimed=row.claimed,
        data=row.data,
        view=ViewFragment.model_validate(row.view) if row.view else None,
    )


async def last_seq(session: Session, stream_id: UUID) -> int:
    """The stream's last number, 0 when nothing was appended."""
    row = await session.get(StreamCounterRow, stream_id)
    return row.last_seq if row else 0


async def last_project_seq(session: Session, project_id: ProjectId) -> int:
    """The project's last number, 0 when nothing was appended."""
    row = await session.get(ProjectCounterRow, project_id)
    return row.last_seq if row else 0


async def last_project_seqs(session: Session) -> dict[ProjectId, int]:
    """Every project's last number."""
    found = await session.execute(select(ProjectCounterRow))
    return {ProjectId(row.project_id): row.last_seq for row in found.scalars()}


async def after(session: Session, stream_id: UUID, seq: int, limit: int = _BATCH) -> list[Event]:
    """Events of a stream after ``seq``, in order, at most ``limit``."""
    return await _events(
        session,
        select(EventRow)
        .where(col(EventRow.stream_id) == stream_id, col(EventRow.seq) > seq)
        .order_by(col(EventRow.seq))
        .limit(limit),
    )


async def _events(session: Session, query: Select[EventRow]) -> list[Event]:
    return [_event(row) for row in (await session.execute(query)).scalars()]


async def lock_stream(session: Session, spec_id: SpecId) -> int:
    """Let nothing be appended to a stream until the transaction ends; returns its last ``seq``."""
    return await _lock(session, StreamCounterRow, StreamCounterRow.stream_id, spec_id)


async def fold_to(session: Session, spec_id: SpecId, seq: int) -> StreamState:
    """What the log said at ``seq``: the last snapshot before, and the events since."""
    state = StreamState.of(await folding.find_snapshot(session, spec_id, seq))
    return await _go_on(session, spec_id, state, seq)


async def fold_from_start(session: Session, spec_id: SpecId) -> StreamState:
    """What the whole log says, read from its first event."""
    last = await last_seq(session, spec_id)
    return await _go_on(session, spec_id, StreamState.of(StreamView()), last)


async def _go_on(session: Session, spec_id: SpecId, state: StreamState, seq: int) -> StreamState:
    while state.seq < seq:
        batch = await after(session, spec_id, state.seq, min(_BATCH, seq - state.seq))
        if not batch:
            break
        for event in batch:
            state.replay(event)
    return state
