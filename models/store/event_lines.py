"""Events as they are sent: written as JSON by Postgres, so that reading many costs little."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, Text, cast, func, select
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.events import EventLine
from models.store import events
from models.store.database import Session
from models.tables.events import EventRow

_SPEC: Final = func.nullif(col(EventRow.stream_id), col(EventRow.project_id))
_TIME: Final = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


def _time(column: SQLColumnExpression[datetime]) -> ColumnElement[str]:
    return func.to_char(func.timezone("UTC", column), _TIME)


_JSON: Final = cast(
    func.jsonb_build_object(
        *("id", col(EventRow.id), "seq", col(EventRow.seq)),
        *("project_seq", col(EventRow.project_seq), "event_type", col(EventRow.event_type)),
        *("timestamp", _time(col(EventRow.occurred_at))),
        *("created_at", _time(col(EventRow.created_at))),
        *("project_id", col(EventRow.project_id), "spec_id", _SPEC),
        *("task_id", col(EventRow.task_id), "sandbox_id", col(EventRow.sandbox_id)),
        *("phase", col(EventRow.phase), "source", col(EventRow.source)),
        *("claimed", col(EventRow.claimed), "data", col(EventRow.data)),
        *("view", col(EventRow.view)),
    ),
    Text,
)
_COLUMNS: Final = (
    col(EventRow.seq),
    col(EventRow.project_seq),
    col(EventRow.event_type),
    col(EventRow.project_id),
    _SPEC.label("spec_id"),
    col(EventRow.task_id),
    col(EventRow.sandbox_id),
    func.coalesce(
        func.jsonb_extract_path_text(col(EventRow.view), "task", "ticket_id"),
        func.jsonb_extract_path_text(col(EventRow.data), "ticket_id"),
    ).label("ticket_id"),
    func.jsonb_extract_path_text(col(EventRow.data), "gate", "id").label("gate_id"),
    func.jsonb_extract_path_text(col(EventRow.data), "question", "id").label("question_id"),
    _JSON.label("json"),
)


@dataclass(frozen=True)
class EventLines:
    """One page of lines; ``next_cursor`` is None on the last."""

    lines: tuple[EventLine, ...]
    next_cursor: str | None
    last_seq: int

    def json(self) -> str:
        """The page as an ``EventPage`` in JSON."""
        cursor = f'"{self.next_cursor}"' if self.next_cursor is not None else "null"
        items = ",".join(line.json for line in self.lines)
        return f'{{"items":[{items}],"next_cursor":{cursor},"last_seq":{self.last_seq}}}'


async def _lines(
    session: Session, where: Sequence[ColumnElement[bool]], order: SQLColumnExpression[int], limit: int,
    offset: int = 0,
) -> list[EventLine]:  # fmt: skip
    query = select(*_COLUMNS).where(*where).order_by(order).offset(offset).limit(limit)
    return [EventLine._make(row) for row in await session.execute(query)]


async def after(session: Session, stream_id: UUID, seq: int, limit: int) -> list[EventLine]:
    """Events of a stream after ``seq``, in order, at most ``limit``."""
    where = (col(EventRow.stream_id) == stream_id, col(EventRow.seq) > seq)
    return await _lines(session, where, col(EventRow.seq), limit)


async def after_in_project(
    session: Session, project_id: UUID, project_seq: int, limit: int
) -> list[EventLine]:
    """Events of a project after ``project_seq``, in order, at most ``limit``."""
    where = (col(EventRow.project_id) == project_id, col(EventRow.project_seq) > project_seq)
    return await _lines(session, where, col(EventRow.project_seq), limit)


async def page(
    session: Session,
    spec_id: SpecId,
    *,
    cursor: int = 0,
    offset: int = 0,
    limit: int = 50,
    event_types: Sequence[str] = (),
    sandbox_id: str | None = None,
    task_ids: Sequence[TaskId] | None = None,
) -> EventLines:
    """One page in ``seq`` order, after ``cursor``; ``offset`` as in the seeds."""
    filtered = bool(event_types) or sandbox_id is not None or task_ids is not None
    if not filtered:  # seq has no gaps, so an offset is a seq, however deep
        cursor, offset = cursor + offset, 0
    where = [col(EventRow.stream_id) == spec_id, col(EventRow.seq) > cursor]
    if event_types:
        where.append(col(EventRow.event_type).in_(event_types))
    if sandbox_id is not None:
        where.append(col(EventRow.sandbox_id) == sandbox_id)
    if task_ids is not None:
        where.append(col(EventRow.task_id).in_(task_ids))
    found = await _lines(session, where, col(EventRow.seq), limit + 1, offset)
    more = len(found) > limit
    last = await events.last_seq(session, spec_id)
    return EventLines(tuple(found[:limit]), str(found[limit - 1].seq) if more else None, last)


async def activity(
    session: Session, project_id: ProjectId, *, before: int | None, limit: int
) -> EventLines:
    """One page of a project's events, newest first, older than ``before``."""
    where = [col(EventRow.project_id) == project_id]
    if before is not None:
        where.append(col(EventRow.project_seq) < before)
    found = await _lines(session, where, col(EventRow.project_seq).desc(), limit + 1)
    more = len(found) > limit
    last = await events.last_project_seq(session, project_id)
    return EventLines(
        tuple(found[:limit]), str(found[limit - 1].project_seq) if more else None, last
    )
