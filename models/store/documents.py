"""Attempts of phases and the versions of their documents."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.artifacts import ArtifactRef
from models.contracts.attempts import Attempt, AttemptState, DocumentVersion
from models.contracts.base import SpecId
from models.contracts.evaluations import Evaluation
from models.contracts.phases import Phase
from models.errors import NotFound
from models.store.database import Session
from models.tables.specs import AttemptRow, VersionRow


def attempt_id(spec_id: SpecId, phase: Phase, attempt: int) -> UUID:
    """The id of an attempt, the same for every try."""
    return uuid5(spec_id, f"attempt/{phase}/{attempt}")


async def begin_attempt(
    session: Session,
    spec_id: SpecId,
    phase: Phase,
    attempt: int,
    *,
    prompt: ArtifactRef | None = None,
    prompt_version: str | None = None,
) -> None:
    """Note that an attempt began, and with what; a repeat changes nothing."""
    values = {
        "id": attempt_id(spec_id, phase, attempt),
        "spec_id": spec_id,
        "phase": phase.value,
        "attempt": attempt,
        "state": AttemptState.GENERATING.value,
        "prompt": prompt.model_dump(mode="json") if prompt else None,
        "prompt_version": prompt_version,
    }
    await session.execute(insert(AttemptRow).values(values).on_conflict_do_nothing())


async def store_draft(
    session: Session, spec_id: SpecId, phase: Phase, attempt: int, document: ArtifactRef
) -> None:
    """Keep the document of an attempt."""
    await session.execute(
        update(AttemptRow)
        .where(col(AttemptRow.id) == attempt_id(spec_id, phase, attempt))
        .values(state=AttemptState.EVALUATING.value, document=document.model_dump(mode="json"))
    )


async def store_evaluation(
    session: Session, spec_id: SpecId, attempt: int, evaluation: Evaluation
) -> None:
    """Keep the evaluation of an attempt, which passes or fails it."""
    state = AttemptState.PASSED if evaluation.passed else AttemptState.FAILED
    await session.execute(
        update(AttemptRow)
        .where(col(AttemptRow.id) == attempt_id(spec_id, evaluation.phase, attempt))
        .values(state=state.value, evaluation=evaluation.model_dump(mode="json"))
    )


async def list_attempts(session: Session, spec_id: SpecId) -> tuple[Attempt, ...]:
    """Every attempt of a spec, oldest first."""
    found = await session.execute(
        select(AttemptRow)
        .where(col(AttemptRow.spec_id) == spec_id)
        .order_by(col(AttemptRow.created_at))
    )
    return tuple(Attempt.model_validate(row, from_attributes=True) for row in found.scalars())


async def get_attempt(session: Session, spec_id: SpecId, wanted: UUID) -> Attempt:
    """One attempt of this spec.

    Raises:
        NotFound: no such attempt.
    """
    row = await session.get(AttemptRow, wanted)
    if row is None or row.spec_id != spec_id:
        msg = "There is no such attempt."
        raise NotFound(msg, code="attempt-not-found", attempt_id=str(wanted))
    return Attempt.model_validate(row, from_attributes=True)


async def latest_attempts(session: Session, spec_id: SpecId) -> dict[Phase, int]:
    """The highest attempt number of each phase that was tried."""
    found = await session.execute(
        select(col(AttemptRow.phase), func.max(AttemptRow.attempt))
        .where(col(AttemptRow.spec_id) == spec_id)
        .group_by(col(AttemptRow.phase))
    )
    return {Phase(phase): number for phase, number in found}


async def add_version(
    session: Session,
    spec_id: SpecId,
    phase: Phase,
    source_key: str,
    document: ArtifactRef,
    markdown: ArtifactRef,
    author: str,
    reason: str = "",
) -> DocumentVersion:
    """Add the next version of a phase's document; a repeat of ``source_key`` returns the first."""
    row = await session.get(VersionRow, (spec_id, phase.value, source_key))
    if row is None:
        highest = await session.execute(
            select(func.max(VersionRow.version)).where(
                col(VersionRow.spec_id) == spec_id, col(VersionRow.phase) == phase.value
            )
        )
        row = VersionRow(
            spec_id=spec_id,
            phase=phase.value,
            source_key=source_key,
            version=(highest.scalar() or 0) + 1,
            document=document.model_dump(mode="json"),
            markdown=markdown.model_dump(mode="json"),
            author=author,
            reason=reason,
            created_at=datetime.now(UTC),
        )
        session.add(row)
        await session.flush()
        await session.refresh(row)
    return DocumentVersion.model_validate(row, from_attributes=True)


async def latest_versions(session: Session, spec_id: SpecId) -> tuple[DocumentVersion, ...]:
    """The newest version of each phase that has one."""
    found = await session.execute(
        select(VersionRow)
        .where(col(VersionRow.spec_id) == spec_id)
        .order_by(col(VersionRow.phase), col(VersionRow.version).desc())
        .distinct(col(VersionRow.phase))
    )
    return tuple(
        DocumentVersion.model_validate(row, from_attributes=True) for row in found.scalars()
    )


async def list_versions(
    session: Session, spec_id: SpecId, phase: Phase | None = None
) -> tuple[DocumentVersion, ...]:
    """Every version, newest first, of one phase or of all."""
    query = select(VersionRow).where(col(VersionRow.spec_id) == spec_id)
    if phase is not None:
        query = query.where(col(VersionRow.phase) == phase.value)
    ordered = query.order_by(col(VersionRow.created_at).desc(), col(VersionRow.version).desc())
    found = await session.execute(ordered)
    return tuple(
        DocumentVersion.model_validate(row, from_attributes=True) for row in found.scalars()
    )


async def get_version(
    session: Session, spec_id: SpecId, phase: Phase, version: int | None = None
) -> DocumentVersion:
    """One version of a phase's document, the newest when no number is given.

    Raises:
        NotFound: no such version.
    """
    found = await list_versions(session, spec_id, phase)
    wanted = next((v for v in found if version is None or v.version == version), None)
    if wanted is None:
        msg = f"There is no such version of {phase.value}."
        raise NotFound(msg, code="version-not-found", phase=phase.value, version=version)
    return wanted
