"""Questions: what a spec asks, and what people answer."""

from fastapi import APIRouter

from api.deps import Actor, CommandId, Cursor, Limit, TheServices, TheSession
from models.contracts.base import SpecId
from models.contracts.commands import CommandAccepted
from models.contracts.questions import (
    AnswerCommand,
    AnswerQuestion,
    QuestionId,
    QuestionList,
    QuestionPage,
    QuestionStatus,
)
from models.store import questions, specs

router = APIRouter(tags=["questions"])


@router.get("/specs/{spec_id}/questions")
async def list_questions(spec_id: SpecId, session: TheSession) -> QuestionList:
    """The questions of a spec, in the order they were asked."""
    await specs.get_view(session, spec_id)
    return await questions.list_questions(session, spec_id)


@router.get("/questions")
async def list_all_questions(
    session: TheSession,
    status: QuestionStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> QuestionPage:
    """Questions of all specs, oldest first."""
    return await questions.page(session, status=status, cursor=cursor, limit=limit)


@router.post("/questions/{question_id}/answer", status_code=202)
async def answer_question(
    question_id: QuestionId,
    body: AnswerQuestion,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
) -> CommandAccepted:
    """Answer; 409 when the question is not open any more.

    Later phases read the answer to one of explore; an agent that asked goes on with its task.
    """
    async with services.database.begin() as session:
        question = await questions.get(session, question_id)
    command = AnswerCommand(id=command_id, question_id=question_id, answer=body.answer, by=actor)
    return await services.gateway.answer_question(question, command)
