"""Reads across specs: search and numbers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    func,
    select,
    true,
)
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId
from models.contracts.overviews import (
    DayOfInsights,
    Insights,
    ProjectStats,
    SearchHit,
    SearchHits,
)
from models.contracts.specs import CLOSED
from models.contracts.systems import SlotState
from models.store.database import Session
from models.tables.events import EventRow
from models.tables.projects import ProjectRow, SlotRow
from models.tables.sandboxes import SandboxRow
from models.tables.specs import (
    GateRow,
    QuestionRow,
    SpecRow,
    TaskRow,
    TicketRow,
)


async def search(session: Session, words: str, limit: int) -> SearchHits:
    """Specs, tickets, tasks and projects whose title has all the words, newest first of each."""
    hits: list[SearchHit] = []
    title = col(SpecRow.view)["title"].as_string()
    specs = await session.execute(
        select(SpecRow)
        .where(~col(SpecRow.archived), *_has(title, words))
        .order_by(col(SpecRow.created_at).desc())
        .limit(limit)
    )
    hits += [
        SearchHit(
            kind="spec", id=row.id, project_id=ProjectId(row.project_id), spec_id=SpecId(row.id),
            title=str(row.view["title"]), state=row.status,
        )
        for row in specs.scalars()
    ]  # fmt: skip
    tickets = await session.execute(
        select(TicketRow)
        .where(~col(TicketRow.retired), *_has(col(TicketRow.title), words))
        .order_by(col(TicketRow.created_at).desc())
        .limit(limit)
    )
    hits += [
        SearchHit(
            kind="ticket", id=row.id, project_id=ProjectId(row.project_id),
            spec_id=SpecId(row.spec_id) if row.spec_id else None, title=row.title, state=row.place,
        )
        for row in tickets.scalars()
    ]  # fmt: skip
    tasks = await session.execute(
        select(TaskRow)
        .where(~col(TaskRow.retired), *_has(col(TaskRow.view)["title"].as_string(), words))
        .order_by(col(TaskRow.id))
        .limit(limit)
    )
    hits += [
        SearchHit(
            kind="task", id=row.id, project_id=ProjectId(row.project_id),
            spec_id=SpecId(row.spec_id), title=str(row.view["title"]), state=row.state,
        )
        for row in tasks.scalars()
    ]  # fmt: skip
    named = await session.execute(
        select(ProjectRow)
        .where(col(ProjectRow.archived_at).is_(None), *_has(col(ProjectRow.name), words))
        .limit(limit)
    )
    hits += [
        SearchHit(kind="project", id=row.id, project_id=ProjectId(row.id), title=row.name)
        for row in named.scalars()
    ]
    return SearchHits(items=tuple(hits[:limit]))


def _has(column: Any, words: str) -> list[ColumnElement[bool]]:
    return [func.lower(column).contains(word, autoescape=True) for word in words.lower().split()]


async def project_stats(session: Session, project_id: ProjectId) -> ProjectStats:
    """The numbers of a project."""
    mine = select(col(SpecRow.id)).where(
        col(SpecRow.project_id) == project_id, col(SpecRow.status).not_in(CLOSED)
    )
    gates = select(func.count()).where(
        col(GateRow.status) == "open", col(GateRow.spec_id).in_(mine)
    )
    asked = select(func.count()).where(
        col(QuestionRow.status) == "open", col(QuestionRow.spec_id).in_(mine)
    )
    last = select(func.max(col(EventRow.created_at))).where(col(EventRow.project_id) == project_id)
    return ProjectStats(
        specs=await _specs(session, project_id),
        tasks=await _tasks(session, project_id),
        tickets=await _counts(
            session,
            select(col(TicketRow.place), func.count())
            .where(col(TicketRow.project_id) == project_id, ~col(TicketRow.retired))
            .group_by(col(TicketRow.place)),
        ),
        open_gates=int((await session.execute(gates)).scalar_one()),
        open_questions=int((await session.execute(asked)).scalar_one()),
        cost_usd=await _cost(session, project_id),
        last_event_at=(await session.execute(last)).scalar(),
    )


async def insights(session: Session, project_id: ProjectId | None, days: int) -> Insights:
    """Numbers of the last days, today's UTC day last."""
    today = datetime.now(UTC).date()
    since = today - timedelta(days=days - 1)
    kinds = {
        "spec.created": "specs_created",
        "spec.execution_completed": "specs_completed",
        "task.merged": "tasks_merged",
    }
    day = func.date(func.timezone("UTC", col(EventRow.created_at)))
    query = (
        select(day, col(EventRow.event_type), func.count())
        .where(
            col(EventRow.event_type).in_(kinds),
            col(EventRow.created_at) >= datetime.combine(since, datetime.min.time(), UTC),
            ~col(EventRow.claimed),
        )
        .group_by(day, col(EventRow.event_type))
    )
    if project_id is not None:
        query = query.where(col(EventRow.project_id) == project_id)
    told: dict[date, dict[str, int]] = {}
    for when, event_type, number in await session.execute(query):
        told.setdefault(when, {})[kinds[event_type]] = number
    empty = dict.fromkeys(kinds.values(), 0)
    every = (since + timedelta(days=n) for n in range(days))
    return Insights(
        days=tuple(DayOfInsights(day=d, **{**empty, **told.get(d, {})}) for d in every),
        specs=await _specs(session, project_id),
        tasks=await _tasks(session, project_id),
        cost_usd=await _cost(session, project_id),
        median_minutes=await _median(session, project_id),
    )


async def _counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {name: number for name, number in await session.execute(query)}  # noqa: C416 - rows are no pairs


async def _specs(session: Session, project_id: ProjectId | None) -> dict[str, int]:
    status = col(SpecRow.status)
    query = select(status, func.count()).where(_of(SpecRow, project_id)).group_by(status)
    return await _counts(session, query)


async def _tasks(session: Session, project_id: ProjectId | None) -> dict[str, int]:
    state = col(TaskRow.state)
    query = select(state, func.count()).where(_of(TaskRow, project_id), ~col(TaskRow.retired))
    return await _counts(session, query.group_by(state))


def _of(table: type[SpecRow] | type[TaskRow], project_id: ProjectId | None) -> ColumnElement[bool]:
    """Rows of one project, or all."""
    return true() if project_id is None else col(table.project_id) == project_id


async def _cost(session: Session, project_id: ProjectId | None) -> float | None:
    """USD of all specs; None when one of them is not known."""
    found = await session.execute(
        select(col(SpecRow.view)["usage"]["cost_usd"].as_string()).where(_of(SpecRow, project_id))
    )
    costs = list(found.scalars())
    return None if any(value is None for value in costs) else sum(map(float, costs))


async def _median(session: Session, project_id: ProjectId | None) -> float | None:
    """Minutes from launch to the last change of completed specs."""
    ended = func.timestamptz(col(SpecRow.view)["updated_at"].as_string())
    minutes = func.extract("epoch", ended - col(SpecRow.created_at)) / 60
    found = await session.execute(
        select(func.percentile_cont(0.5).within_group(minutes)).where(
            _of(SpecRow, project_id), col(SpecRow.status) == "completed"
        )
    )
    value = found.scalar()
    return round(float(value), 2) if value is not None else None


async def system(session: Session) -> tuple[SlotState, dict[str, int], dict[str, int]]:
    """Slots, sandboxes by state and specs by status, of the whole installation."""
    found = await session.execute(
        select(col(SlotRow.granted), func.count()).group_by(col(SlotRow.granted))
    )
    slots = dict.fromkeys((True, False), 0) | {granted: n for granted, n in found}  # noqa: C416 - as above
    state = col(SandboxRow.state)
    boxes = await _counts(session, select(state, func.count()).group_by(state))
    return (
        SlotState(holders=slots[True], waiting=slots[False]),
        boxes,
        await _specs(session, None),
    )
