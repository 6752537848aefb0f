"""Answers of writes by their Idempotency-Key, scoped by caller and route."""

from pydantic import JsonValue
from sqlalchemy.dialects.postgresql import insert

from models.contracts.base import Payload
from models.store.database import Session
from models.tables.installation import IdempotencyKeyRow


class KnownAnswer(Payload):
    """What a key was answered with; ``body_sha256`` is that of the request."""

    body_sha256: str
    status: int
    answer: JsonValue = None


async def find(session: Session, scope: str, key: str) -> KnownAnswer | None:
    """The answer that a key got, None when it is new."""
    row = await session.get(IdempotencyKeyRow, (scope, key))
    if row is None:
        return None
    answer = row.answer["answer"] if row.answer is not None else None
    return KnownAnswer(body_sha256=row.body_sha256, status=row.status, answer=answer)


async def keep(session: Session, scope: str, key: str, known: KnownAnswer) -> None:
    """Keep an answer; the first one stays."""
    values = {
        "scope": scope,
        "key": key,
        "body_sha256": known.body_sha256,
        "status": known.status,
        "answer": {"answer": known.answer},
    }
    await session.execute(insert(IdempotencyKeyRow).values(values).on_conflict_do_nothing())
