"""Questions, as last folded."""

from sqlalchemy import select, tuple_
from sqlmodel import col

from models.contracts.base import SpecId
from models.contracts.questions import (
    Question,
    QuestionId,
    QuestionList,
    QuestionPage,
    QuestionStatus,
)
from models.errors import NotFound
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session
from models.tables.specs import QuestionRow


async def list_questions(session: Session, spec_id: SpecId) -> QuestionList:
    """The questions of a spec, in the order they were asked."""
    found = await session.execute(
        select(col(QuestionRow.view))
        .where(col(QuestionRow.spec_id) == spec_id)
        .order_by(col(QuestionRow.asked_at), col(QuestionRow.id))
    )
    return QuestionList(items=tuple(Question.model_validate(view) for view in found.scalars()))


async def get(session: Session, question_id: QuestionId) -> Question:
    """One question.

    Raises:
        NotFound: no such question.
    """
    row = await session.get(QuestionRow, question_id)
    if row is None:
        msg = "There is no such question."
        raise NotFound(msg, code="question-not-found", question_id=str(question_id))
    return Question.model_validate(row.view)


async def page(
    session: Session, *, status: QuestionStatus | None, cursor: str | None, limit: int
) -> QuestionPage:
    """Questions of all specs, oldest first."""
    query = select(QuestionRow)
    if status is not None:
        query = query.where(col(QuestionRow.status) == status.value)
    if cursor is not None:
        at, last = read_cursor(cursor)
        query = query.where(tuple_(col(QuestionRow.asked_at), col(QuestionRow.id)) > (at, last))
    ordered = query.order_by(col(QuestionRow.asked_at), col(QuestionRow.id)).limit(limit + 1)
    rows = (await session.execute(ordered)).scalars().all()
    following = rows[limit - 1] if len(rows) > limit else None
    return QuestionPage(
        items=tuple(Question.model_validate(row.view) for row in rows[:limit]),
        next_cursor=write_cursor(following.asked_at, following.id) if following else None,
    )
