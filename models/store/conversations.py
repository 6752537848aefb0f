"""Conversations with models: fenced tries, turns stored before their tools run, paid calls."""

from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import SpecId, TaskId
from models.contracts.conversations import ConversationState, StoredTurn
from models.contracts.usage import Usage
from models.errors import Superseded
from models.store import budgets
from models.store.database import Session
from models.tables.conversations import ConversationRow, TurnRow


def of_round(task_id: TaskId, round_number: int) -> str:
    """The id of the conversation of a task's round."""
    return f"{task_id}/r{round_number}"


async def open_conversation(
    session: Session, conversation_id: str, spec_id: SpecId, opening: str
) -> ConversationState:
    """Begin or resume a conversation as its newest try, which fences off every older one.

    The first ``opening`` stays: a resumed conversation is rebuilt byte for byte.
    """
    row = {"id": conversation_id, "spec_id": spec_id, "opening": opening}
    statement = insert(ConversationRow).values(row)
    opened = statement.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "fence": ConversationRow.fence + 1,
            "tries_since_turn": ConversationRow.tries_since_turn + 1,
        },
    ).returning(
        col(ConversationRow.fence),
        col(ConversationRow.opening),
        col(ConversationRow.tries_since_turn),
    )
    fence, first_opening, tries = (await session.execute(opened)).one()
    return ConversationState(
        id=conversation_id,
        spec_id=spec_id,
        opening=first_opening,
        fence=fence,
        tries_since_turn=tries,
        turns=await list_turns(session, conversation_id),
    )


async def list_turns(session: Session, conversation_id: str) -> tuple[StoredTurn, ...]:
    """The stored turns, in order."""
    found = await session.execute(
        select(TurnRow)
        .where(col(TurnRow.conversation_id) == conversation_id)
        .order_by(col(TurnRow.turn))
    )
    return tuple(StoredTurn.model_validate(row, from_attributes=True) for row in found.scalars())


async def page_turns(
    session: Session, conversation_id: str, after: int, before: int | None, limit: int
) -> tuple[tuple[StoredTurn, ...], bool]:
    """Turns after a number, or the last ones ``before`` one, in order; True when there are more."""
    query = select(TurnRow).where(
        col(TurnRow.conversation_id) == conversation_id, col(TurnRow.turn) > after
    )
    if before is not None:
        query = query.where(col(TurnRow.turn) < before)
    order = col(TurnRow.turn).desc() if before is not None else col(TurnRow.turn)
    rows = list((await session.execute(query.order_by(order).limit(limit + 1))).scalars())
    turns = [StoredTurn.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return tuple(sorted(turns, key=lambda turn: turn.turn)), len(rows) > limit


async def get_opening(session: Session, conversation_id: str) -> str | None:
    """The first message of a conversation, None when it never began."""
    row = await session.get(ConversationRow, conversation_id)
    return row.opening if row else None


async def store_turn(
    session: Session,
    state: ConversationState,
    turn: int,
    call_id: UUID,
    response: dict[str, JsonValue],
    usage: Usage,
) -> None:
    """Store a model's answer and settle its call.

    Raises:
        Superseded: a newer try of this conversation has begun.
    """
    fenced = await session.execute(
        update(ConversationRow)
        .where(col(ConversationRow.id) == state.id, col(ConversationRow.fence) == state.fence)
        .values(tries_since_turn=0)
        .returning(col(ConversationRow.id))
    )
    if fenced.scalar() is None:
        msg = "A newer try has taken over this conversation."
        raise Superseded(msg)
    session.add(
        TurnRow(
            conversation_id=state.id,
            turn=turn,
            fence=state.fence,
            response=response,
            usage=usage.model_dump(mode="json"),
        )
    )
    await budgets.settle(session, call_id, usage)


async def forgive_try(session: Session, conversation_id: str) -> None:
    """Do not count the present try: the provider was away, which is nobody's fault."""
    await session.execute(
        update(ConversationRow)
        .where(
            col(ConversationRow.id) == conversation_id, col(ConversationRow.tries_since_turn) > 0
        )
        .values(tries_since_turn=ConversationRow.tries_since_turn - 1)
    )


async def store_results(
    session: Session, conversation_id: str, turn: int, results: list[JsonValue]
) -> None:
    """Store what a turn's tools gave back."""
    await session.execute(
        update(TurnRow)
        .where(col(TurnRow.conversation_id) == conversation_id, col(TurnRow.turn) == turn)
        .values(results={"blocks": results})
    )
