"""Drafts: a person's unsaved edits, changed only by who saw what is there."""

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import SpecId
from models.contracts.phases import Phase
from models.contracts.revisions import Draft
from models.errors import Stale
from models.store.database import Session
from models.tables.specs import DraftRow


async def find(session: Session, spec_id: SpecId, phase: Phase) -> Draft | None:
    """The draft of a phase, None when nobody is editing it."""
    row = await session.get(DraftRow, (spec_id, phase.value), with_for_update=True)
    if row is None:
        return None
    return Draft(
        phase=phase,
        document=row.document,
        based_on=row.based_on,
        etag=row.etag,
        by=row.author,
        updated_at=row.updated_at,
    )


async def put(session: Session, spec_id: SpecId, draft: Draft, replaces: str | None) -> None:
    """Store a draft in the place of the one with etag ``replaces``, None for a first one.

    Raises:
        Stale: another edit came in between.
    """
    values = {
        "document": draft.document,
        "etag": draft.etag,
        "author": draft.by,
        "updated_at": draft.updated_at,
    }
    statement = insert(DraftRow).values(
        spec_id=spec_id, phase=draft.phase.value, based_on=draft.based_on, **values
    )
    if replaces is None:
        statement = statement.on_conflict_do_nothing()
    else:
        statement = statement.on_conflict_do_update(
            index_elements=["spec_id", "phase"],
            set_=values,
            where=col(DraftRow.etag) == replaces,
        )
    stored = await session.execute(statement.returning(col(DraftRow.etag)))
    if stored.scalar_one_or_none() is None:
        msg = "Somebody else has edited this document; load it again."
        raise Stale(msg, code="stale-draft")


async def drop(session: Session, spec_id: SpecId, phase: Phase) -> None:
    """Forget a draft; without one nothing happens."""
    await session.execute(
        delete(DraftRow).where(col(DraftRow.spec_id) == spec_id, col(DraftRow.phase) == phase.value)
    )
