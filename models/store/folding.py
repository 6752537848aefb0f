"""Puts the read model forward with the events of a transaction, and keeps snapshots of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import SpecId, TaskId, TicketId
from models.contracts.events import EventSource, NewEvent, RawEvent, ViewFragment
from models.contracts.gates import Gate
from models.contracts.history import StreamView
from models.contracts.questions import Question
from models.contracts.sandboxes import SandboxView
from models.contracts.specs import SpecView
from models.contracts.task_facts import TicketMoved
from models.contracts.tasks import TaskState, TaskView
from models.contracts.tickets import Column
from models.rules.board import column_of, column_of_run
from models.rules.fold import task_of
from models.rules.fold_stream import StreamState
from models.store.database import Session
from models.store.plans import OWN_TICKET
from models.tables.events import FoldSnapshotRow
from models.tables.sandboxes import SandboxRow
from models.tables.specs import GateRow, QuestionRow, SpecRow, TaskRow, TicketRow

SNAPSHOT_EVERY: Final = 500


async def fold_events(
    session: Session,
    spec_id: SpecId | None,
    events: Sequence[NewEvent | RawEvent],
    seq: int,
    at: datetime,
) -> list[tuple[NewEvent | RawEvent, ViewFragment]]:
    """Fold events that come after ``seq`` and save what they change.

    Returns them with their fragments; tickets that changed their column follow as events of their
    own.
    """
    state = await _load(session, spec_id, events, seq)
    before = state.spec.status if state.spec is not None else None
    known = dict(state.tasks)
    folded = [(event, _apply(state, event, at)) for event in events]
    moved = {t.ticket_id for t in state.tasks.values() if known.get(t.id) != t}
    moves = await _ticket_moves(session, state, moved, run_moved=_status(state) != before)
    folded += [(event, _apply(state, event, at)) for event in moves]
    await _save(session, spec_id, state, known)
    if spec_id is not None and state.seq // SNAPSHOT_EVERY > seq // SNAPSHOT_EVERY:
        await _snapshot(session, spec_id, state.seq)
    return folded


def _apply(state: StreamState, event: NewEvent | RawEvent, at: datetime) -> ViewFragment:
    state.seq += 1
    if isinstance(event, RawEvent):
        return ViewFragment()
    return state.apply(event.fact, at, state.seq)


def _status(state: StreamState) -> str | None:
    return state.spec.status if state.spec is not None else None


async def _load(
    session: Session, spec_id: SpecId | None, events: Sequence[NewEvent | RawEvent], seq: int
) -> StreamState:
    """The views that these events may change."""
    state = StreamState(seq=seq)
    if spec_id is None:
        return state
    row = await session.get(SpecRow, spec_id, populate_existing=True)
    state.spec = SpecView.model_validate(row.view) if row is not None else None
    facts = (event.fact for event in events if isinstance(event, NewEvent))
    task_ids = {task_id for fact in facts if (task_id := task_of(fact))}
    if task_ids:
        found = await session.execute(
            select(col(TaskRow.view)).where(col(TaskRow.id).in_(task_ids))
        )
        views = map(TaskView.model_validate, found.scalars())
        state.tasks = {t.id: t for t in views if t.as_of_seq}  # a row is written before its fact
    return state


async def _ticket_moves(
    session: Session, state: StreamState, ticket_ids: set[TicketId], *, run_moved: bool
) -> list[NewEvent]:
    """Bring tickets in step with their tasks, or with the run that they became."""
    if state.spec is None or (not ticket_ids and not run_moved):
        return []
    tickets = await session.execute(
        select(TicketRow)
        .where(col(TicketRow.spec_id) == state.spec.id)
        .where(col(TicketRow.id).in_(ticket_ids) | (col(TicketRow.local_id) == OWN_TICKET))
        .execution_options(populate_existing=True)
    )
    moves: list[NewEvent] = []
    for row in tickets.scalars().all():
        ticket_id, now = TicketId(row.id), Column(row.place)
        states = await _task_states(session, state, ticket_id)
        draft = state.spec.status == "draft"
        to = column_of(states, now) if states and not draft else column_of_run(state.spec.status)
        if row.local_id != OWN_TICKET and not states:
            continue
        if to != now:
            row.place = to.value
            fact = TicketMoved(ticket_id=ticket_id, title=row.title, column=to, before=now)
            key = f"board/{ticket_id}/{state.seq}"
            moves.append(NewEvent(dedup_key=key, fact=fact, source=EventSource.SYSTEM))
    await session.flush()
    return moves


async def _task_states(
    session: Session, state: StreamState, ticket_id: TicketId
) -> list[TaskState]:
    """The states of a ticket's tasks, those of this transaction first."""
    found = await session.execute(
        select(col(TaskRow.id), col(TaskRow.state), col(TaskRow.retired)).where(
            col(TaskRow.ticket_id) == ticket_id
        )
    )
    stored = {TaskId(task_id): (task_state, retired) for task_id, task_state, retired in found}
    stored |= {
        t.id: (t.state.value, t.retired) for t in state.tasks.values() if t.ticket_id == ticket_id
    }
    return [TaskState(task_state) for task_state, retired in stored.values() if not retired]


async def _save(
    session: Session, spec_id: SpecId | None, state: StreamState, known: dict[TaskId, TaskView]
) -> None:
    if spec_id is None:
        return
    if state.spec is not None:
        await _save_spec(session, state.spec)
    await _save_tasks(session, [t for t in state.tasks.values() if known.get(t.id) != t])
    await _save_parts(session, spec_id, GateRow, state.gates.values())
    await _save_parts(session, spec_id, QuestionRow, state.questions.values())
    for sandbox in state.sandboxes.values():
        await _save_sandbox(session, sandbox)


async def _save_spec(session: Session, spec: SpecView) -> None:
    await session.execute(
        update(SpecRow)
        .where(col(SpecRow.id) == spec.id)
        .values(
            status=spec.status.value,
            current_phase=spec.current_phase,
            archived=spec.archived_at is not None,
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


async def replace_task(session: Session, task: TaskView) -> None:
    """Put a task's view in the place of the stored one."""
    await _save_tasks(session, [task])


async def _save_parts(
    session: Session,
    spec_id: SpecId,
    table: type[GateRow] | type[QuestionRow],
    parts: Iterable[Gate | Question],
) -> None:
    for part in parts:
        values = {"status": part.status.value, "view": part.model_dump(mode="json")}
        statement = insert(table).values(id=part.id, spec_id=spec_id, **values)
        await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def _save_sandbox(session: Session, sandbox: SandboxView) -> None:
    values = {"state": sandbox.state.value, "view": sandbox.model_dump(mode="json")}
    statement = insert(SandboxRow).values(
        id=sandbox.id, project_id=sandbox.project_id, spec_id=sandbox.spec_id, **values
    )
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def read_model(session: Session, spec_id: SpecId, seq: int) -> StreamView:
    """The stored views of a stream, which stand at ``seq``; tasks that no event has made are left out."""
    row = await session.get(SpecRow, spec_id, populate_existing=True)
    state = StreamState(seq=seq)
    state.spec = SpecView.model_validate(row.view) if row is not None else None
    tasks = await session.execute(select(col(TaskRow.view)).where(col(TaskRow.spec_id) == spec_id))
    state.tasks = {
        task.id: task for task in map(TaskView.model_validate, tasks.scalars()) if task.as_of_seq
    }
    gates = await session.execute(select(col(GateRow.view)).where(col(GateRow.spec_id) == spec_id))
    state.gates = {gate.id: gate for gate in map(Gate.model_validate, gates.scalars())}
    asked = await session.execute(
        select(col(QuestionRow.view)).where(col(QuestionRow.spec_id) == spec_id)
    )
    state.questions = {q.id: q for q in map(Question.model_validate, asked.scalars())}
    boxes = await session.execute(
        select(col(SandboxRow.view)).where(col(SandboxRow.spec_id) == spec_id)
    )
    state.sandboxes = {box.id: box for box in map(SandboxView.model_validate, boxes.scalars())}
    return state.view()


async def replace_read_model(session: Session, spec_id: SpecId, state: StreamState) -> None:
    """Put folded views in the place of the stored ones; snapshots are made anew as events come."""
    await _save(session, spec_id, state, {})
    await session.execute(delete(FoldSnapshotRow).where(col(FoldSnapshotRow.stream_id) == spec_id))


async def _snapshot(session: Session, spec_id: SpecId, seq: int) -> None:
    await session.flush()
    view = await read_model(session, spec_id, seq)
    row = {"stream_id": spec_id, "seq": seq, "state": view.model_dump(mode="json")}
    await session.execute(insert(FoldSnapshotRow).values(row).on_conflict_do_nothing())


async def find_snapshot(session: Session, spec_id: SpecId, seq: int) -> StreamView:
    """The newest snapshot at or before ``seq``; an empty view when there is none."""
    found = await session.execute(
        select(col(FoldSnapshotRow.state))
        .where(col(FoldSnapshotRow.stream_id) == spec_id, col(FoldSnapshotRow.seq) <= seq)
        .order_by(col(FoldSnapshotRow.seq).desc())
        .limit(1)
    )
    state = found.scalar()
    return StreamView.model_validate(state) if state is not None else StreamView()
