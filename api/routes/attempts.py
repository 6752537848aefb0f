"""Attempts: nothing of what a model was asked, or said, is hidden."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.deps import Limit, TheSession
from models.contracts.attempts import Attempt, AttemptPrompt, Transcript, TranscriptTurn
from models.contracts.base import SpecId
from models.errors import NotFound
from models.store import artifacts, conversations, documents, specs
from models.store.database import Session

router = APIRouter(prefix="/specs/{spec_id}/attempts", tags=["attempts"])


@router.get("")
async def list_attempts(spec_id: SpecId, session: TheSession) -> tuple[Attempt, ...]:
    """Every attempt with its evaluation, oldest first."""
    await specs.get_view(session, spec_id)
    return await documents.list_attempts(session, spec_id)


@router.get("/{attempt_id}")
async def get_attempt(spec_id: SpecId, attempt_id: UUID, session: TheSession) -> Attempt:
    """One attempt with its whole evaluation."""
    return await documents.get_attempt(session, spec_id, attempt_id)


@router.get("/{attempt_id}/prompt")
async def get_prompt(spec_id: SpecId, attempt_id: UUID, session: TheSession) -> AttemptPrompt:
    """What the model was asked: its system prompt, the first message and the tools."""
    attempt = await documents.get_attempt(session, spec_id, attempt_id)
    if attempt.prompt is None:
        msg = "This attempt has no stored prompt."
        raise NotFound(msg, code="prompt-not-found")
    content, _ = await artifacts.get(session, attempt.prompt.sha256)
    return AttemptPrompt.model_validate_json(content)


@router.get("/{attempt_id}/transcript")
async def get_transcript(
    spec_id: SpecId,
    attempt_id: UUID,
    session: TheSession,
    cursor: Annotated[int, Query(ge=0, le=10_000, description="the last turn seen")] = 0,
    before: Annotated[
        int | None, Query(ge=1, le=10_000, description="going back: the first turn seen")
    ] = None,
    limit: Limit = 50,
) -> Transcript:
    """What the model said and what its tools gave back, turn by turn."""
    attempt = await documents.get_attempt(session, spec_id, attempt_id)
    conversation = f"{spec_id}/{attempt.phase}/{attempt.attempt}"
    return await write_transcript(session, conversation, cursor, before, limit)


async def write_transcript(
    session: Session, conversation: str, cursor: int, before: int | None, limit: int
) -> Transcript:
    """A page of a stored conversation: from the turn after ``cursor``, or the last ``before`` one."""
    opening = await conversations.get_opening(session, conversation)
    turns, more = await conversations.page_turns(session, conversation, cursor, before, limit)
    back = before is not None
    has_next = bool(turns) if back else more
    has_previous = more if back else bool(turns) and turns[0].turn > 1
    return Transcript(
        opening=opening or "",
        turns=tuple(
            TranscriptTurn(
                turn=turn.turn,
                content=turn.response.get("content"),
                stop_reason=str(turn.response.get("stop_reason")),
                results=turn.results.blocks if turn.results else (),
                usage=turn.usage,
            )
            for turn in turns
        ),
        next_cursor=str(turns[-1].turn) if has_next else None,
        previous=str(turns[0].turn) if has_previous else None,
    )
