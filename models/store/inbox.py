"""Messages of people to agents: kept in order, each handed over once."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.agents import InboxMessage
from models.contracts.base import TaskId
from models.store.database import Session
from models.tables.tasks import InboxRow


async def post(session: Session, message_id: UUID, task_id: TaskId, text: str, by: str) -> None:
    """Keep a message; a repeat with the same id changes nothing."""
    values = {"id": message_id, "task_id": task_id, "text": text, "by": by}
    await session.execute(insert(InboxRow).values(values).on_conflict_do_nothing())


async def take(
    session: Session, task_id: TaskId, round_number: int, turn: int
) -> tuple[InboxMessage, ...]:
    """Hand over what the agent has not got yet, oldest first, and note at which turn."""
    found = await session.execute(
        update(InboxRow)
        .where(col(InboxRow.task_id) == task_id, col(InboxRow.turn).is_(None))
        .values(round=round_number, turn=turn)
        .returning(InboxRow)
    )
    return tuple(sorted(map(_message, found.scalars()), key=lambda m: (m.sent_at, m.id)))


async def list_messages(session: Session, task_id: TaskId) -> tuple[InboxMessage, ...]:
    """Every message to a task, oldest first."""
    found = await session.execute(
        select(InboxRow)
        .where(col(InboxRow.task_id) == task_id)
        .order_by(col(InboxRow.sent_at), col(InboxRow.id))
    )
    return tuple(map(_message, found.scalars()))


def _message(row: InboxRow) -> InboxMessage:
    return InboxMessage.model_validate(row, from_attributes=True)
