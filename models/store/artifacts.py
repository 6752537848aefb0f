"""Content-addressed bytes: the same bytes are stored once, and read only by their projects."""

import hashlib

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.artifacts import (
    ARTIFACT_LIMIT_BYTES,
    CHUNK_BYTES,
    INLINE_LIMIT_BYTES,
    ArtifactKind,
    ArtifactRef,
)
from models.contracts.base import ProjectId
from models.errors import NotFound, TooLarge
from models.store.database import Session
from models.tables.artifacts import ArtifactChunkRow, ArtifactRefRow, ArtifactRow


async def put(
    session: Session,
    project_id: ProjectId,
    content: bytes,
    kind: ArtifactKind,
    media_type: str = "application/json",
) -> ArtifactRef:
    """Store bytes for a project; a repeat stores nothing new.

    Raises:
        TooLarge: over 64 MB.
    """
    if len(content) > ARTIFACT_LIMIT_BYTES:
        msg = f"An artifact holds at most {ARTIFACT_LIMIT_BYTES} bytes."
        raise TooLarge(msg, code="artifact-too-large", size_bytes=len(content))
    ref = ArtifactRef(
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        media_type=media_type,
        kind=kind,
    )
    inline = len(content) <= INLINE_LIMIT_BYTES
    values = {**ref.model_dump(mode="json"), "content": content if inline else None}
    await session.execute(insert(ArtifactRow).values(values).on_conflict_do_nothing())
    if not inline:
        chunks = [
            {"sha256": ref.sha256, "position": n, "content": content[at : at + CHUNK_BYTES]}
            for n, at in enumerate(range(0, len(content), CHUNK_BYTES))
        ]
        await session.execute(insert(ArtifactChunkRow).on_conflict_do_nothing(), chunks)
    right = {"sha256": ref.sha256, "project_id": project_id}
    await session.execute(insert(ArtifactRefRow).values(right).on_conflict_do_nothing())
    return ref


async def get(session: Session, sha256: str) -> tuple[bytes, str]:
    """The bytes and their media type.

    Raises:
        NotFound: no such artifact.
    """
    row = await session.get(ArtifactRow, sha256)
    if row is None:
        msg = "There is no such artifact."
        raise NotFound(msg, code="artifact-not-found", sha256=sha256)
    if row.content is not None:
        return row.content, row.media_type
    chunks = await session.execute(
        select(col(ArtifactChunkRow.content))
        .where(col(ArtifactChunkRow.sha256) == sha256)
        .order_by(col(ArtifactChunkRow.position))
    )
    return b"".join(chunks.scalars()), row.media_type
