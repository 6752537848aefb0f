"""Specs: launch, read, list; their tasks, gates, attempts, versions and pull requests."""

import hashlib

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import GateId, ProjectId, SpecId, TaskId
from models.contracts.checks import CheckEvidence, TaskRound
from models.contracts.events import EventSource, Fact, NewEvent
from models.contracts.facts import DocumentStored, PhaseCompleted, SpecChanged, SpecCreated
from models.contracts.gates import Gate
from models.contracts.projects import ProjectSettings
from models.contracts.repositories import PullRequest
from models.contracts.specs import (
    CLOSED,
    SpecDetail,
    SpecInput,
    SpecPage,
    SpecStatus,
    SpecView,
)
from models.errors import Conflict, KeyReused, NotFound
from models.store import budgets, documents, events
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session
from models.store.identifiers import new_id
from models.tables.projects import ProjectRow
from models.tables.specs import (
    CheckRow,
    GateRow,
    LaunchKeyRow,
    PullRequestRow,
    SpecRow,
)


async def find_launch(session: Session, key: str, body: bytes) -> SpecId | None:
    """The spec that this Idempotency-Key made, None when it is new.

    Raises:
        KeyReused: the key came with another body before.
    """
    row = await session.get(LaunchKeyRow, key)
    if row is None:
        return None
    if row.body_sha256 != hashlib.sha256(body).hexdigest():
        msg = "This Idempotency-Key was used with another body."
        raise KeyReused(msg)
    return SpecId(row.spec_id)


async def create(
    session: Session, launch: SpecInput, view: SpecView, key: str | None, body: bytes
) -> SpecId:
    """Insert a spec, its launch key and its first event.

    A key that a concurrent launch took wins; its spec is returned.
    """
    if key is not None:
        digest = hashlib.sha256(body).hexdigest()
        row = {"key": key, "body_sha256": digest, "spec_id": launch.spec_id}
        await session.execute(insert(LaunchKeyRow).values(row).on_conflict_do_nothing())
        winner = await find_launch(session, key, body)
        if winner is not None and winner != launch.spec_id:
            return winner
    values = {
        "id": launch.spec_id,
        "project_id": launch.project_id,
        "status": view.status.value,
        "launch": launch.model_dump(mode="json"),
        "view": view.model_dump(mode="json"),
        "created_at": view.created_at,
    }
    await session.execute(insert(SpecRow).values(values).on_conflict_do_nothing())
    created = NewEvent(
        dedup_key="spec.created", fact=SpecCreated(spec=view), source=EventSource.SYSTEM
    )
    await budgets.set_limits(session, launch.spec_id, launch.settings.budget)
    kept = await _keep(session, launch) if launch.start is not None else []
    await events.append(session, launch.project_id, launch.spec_id, [created, *kept])
    return launch.spec_id


async def change_draft(
    session: Session,
    spec_id: SpecId,
    *,
    by: str,
    title: str | None = None,
    description: str | None = None,
    settings: ProjectSettings | None = None,
) -> None:
    """Change what a draft will be started with; what is None stays.

    Raises:
        Conflict: it has started.
        NotFound: no such spec.
    """
    row = await session.get(SpecRow, spec_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise _unknown(spec_id)
    if row.status != SpecStatus.DRAFT:
        msg = "Only a draft can be changed; its documents are edited one by one."
        raise Conflict(msg, code="spec-started")
    launch = SpecInput.model_validate(row.launch)
    changed = launch.model_copy(
        update={
            "title": title or launch.title,
            "description": description or launch.description,
            "settings": launch.settings.overridden_by(settings),
        }
    )
    row.launch = changed.model_dump(mode="json")
    await session.flush()
    await budgets.set_limits(session, spec_id, changed.settings.budget)
    fact = SpecChanged(title=changed.title, by=by)
    told = NewEvent(dedup_key=f"changed/{new_id()}", fact=fact, source=EventSource.SYSTEM)
    await events.append(session, launch.project_id, spec_id, [told])


async def delete(session: Session, spec_id: SpecId) -> None:
    """Forget an archived spec: it is found no more; what it made is kept until it is purged."""
    row = await _row(session, spec_id)
    row.deleted = True
    await session.flush()


def _unknown(spec_id: SpecId) -> NotFound:
    msg = "There is no such spec."
    return NotFound(msg, code="spec-not-found", spec_id=str(spec_id))


async def _keep(session: Session, launch: SpecInput) -> list[NewEvent]:
    """Make the documents that a fork begins with its own first versions."""
    found: list[NewEvent] = []
    for phase, kept in (launch.start.documents if launch.start is not None else {}).items():
        version = await documents.add_version(
            session, launch.spec_id, phase, "fork", kept.document, kept.markdown, "fork"
        )
        facts: list[Fact] = [
            DocumentStored(
                event_type="spec.artifact_created",
                phase=phase,
                artifact_type=phase.value,
                path="",
                version=version.version,
                document=kept.document,
                markdown=kept.markdown,
            ),
            PhaseCompleted(
                phase=phase,
                eval_score=kept.score,
                duration_seconds=0,
                retry_count=0,
                version=version.version,
            ),
        ]
        found += [
            NewEvent(
                dedup_key=f"fork/{phase}/{fact.event_type}", fact=fact, source=EventSource.SYSTEM
            )
            for fact in facts
        ]
    return found


async def _row(session: Session, spec_id: SpecId) -> SpecRow:
    row = await session.get(SpecRow, spec_id)
    if row is None or row.deleted:
        raise _unknown(spec_id)
    return row


async def get_view(session: Session, spec_id: SpecId) -> SpecView:
    """The folded view.

    Raises:
        NotFound: no such spec.
    """
    return SpecView.model_validate((await _row(session, spec_id)).view)


async def get_launch(session: Session, spec_id: SpecId) -> SpecInput:
    """What the spec was launched with.

    Raises:
        NotFound: no such spec.
    """
    return SpecInput.model_validate((await _row(session, spec_id)).launch)


async def get_detail(session: Session, spec_id: SpecId) -> SpecDetail:
    """The whole spec.

    Raises:
        NotFound: no such spec.
    """
    row = await _row(session, spec_id)
    view = SpecView.model_validate(row.view)
    demo = await session.execute(
        select(col(ProjectRow.is_demo)).where(col(ProjectRow.id) == row.project_id)
    )
    return SpecDetail(
        **view.model_dump(),
        description=SpecInput.model_validate(row.launch).description,
        phase_data={p.phase: p.document for p in view.phases if p.document},
        pull_request=await get_pull_request(session, spec_id),
        is_demo=bool(demo.scalar()),
    )


async def page(
    session: Session,
    *,
    project_id: ProjectId | None,
    status: str | None,
    cursor: str | None,
    limit: int,
    archived: bool = False,
) -> SpecPage:
    """Specs, newest first, of one project or of all; archived ones are a list of their own."""
    query = select(SpecRow).where(col(SpecRow.archived) == archived, ~col(SpecRow.deleted))
    if project_id is not None:
        query = query.where(col(SpecRow.project_id) == project_id)
    if status is not None:
        query = query.where(col(SpecRow.status) == status)
    if cursor is not None:
        query = query.where(tuple_(col(SpecRow.created_at), col(SpecRow.id)) < read_cursor(cursor))
    ordered = query.order_by(col(SpecRow.created_at).desc(), col(SpecRow.id).desc())
    rows = list((await session.execute(ordered.limit(limit + 1))).scalars())
    last = rows[limit - 1] if len(rows) > limit else None
    return SpecPage(
        items=tuple(SpecView.model_validate(row.view) for row in rows[:limit]),
        next_cursor=write_cursor(last.created_at, last.id) if last else None,
    )


async def list_ids(session: Session) -> tuple[SpecId, ...]:
    """Every spec there is, oldest first."""
    found = await session.execute(select(col(SpecRow.id)).order_by(col(SpecRow.created_at)))
    return tuple(SpecId(spec_id) for spec_id in found.scalars())


async def list_running(session: Session) -> tuple[SpecView, ...]:
    """Every spec that should have a run in Temporal, oldest first."""
    ended = [status.value for status in (*CLOSED, SpecStatus.DRAFT)]
    found = await session.execute(
        select(col(SpecRow.view))
        .where(col(SpecRow.status).not_in(ended))
        .order_by(col(SpecRow.created_at))
    )
    return tuple(SpecView.model_validate(view) for view in found.scalars())


async def list_gates(session: Session, spec_id: SpecId) -> tuple[Gate, ...]:
    """Every gate of a spec, oldest first."""
    await _row(session, spec_id)
    found = await session.execute(
        select(col(GateRow.view))
        .where(col(GateRow.spec_id) == spec_id)
        .order_by(col(GateRow.opened_at))
    )
    return tuple(Gate.model_validate(view) for view in found.scalars())


async def get_gate(session: Session, spec_id: SpecId, gate_id: GateId) -> Gate:
    """One gate of this spec.

    Raises:
        NotFound: no such gate.
    """
    row = await session.get(GateRow, gate_id)
    if row is None or row.spec_id != spec_id:
        msg = "There is no such gate."
        raise NotFound(msg, code="gate-not-found", gate_id=str(gate_id))
    return Gate.model_validate(row.view)


async def get_check(session: Session, key: str) -> CheckEvidence | None:
    """Evidence of a finished check, None when it has not finished."""
    row = await session.get(CheckRow, key)
    return CheckEvidence.model_validate(row.evidence) if row else None


async def put_check(session: Session, key: str, spec_id: SpecId, evidence: CheckEvidence) -> None:
    """Store evidence; the first one for a key stays."""
    values = {"key": key, "spec_id": spec_id, "evidence": evidence.model_dump(mode="json")}
    await session.execute(insert(CheckRow).values(values).on_conflict_do_nothing())


async def latest_check(session: Session, spec_id: SpecId, purpose: str) -> CheckEvidence | None:
    """The newest evidence of this purpose, None when there is none."""
    found = await session.execute(
        select(col(CheckRow.evidence))
        .where(
            col(CheckRow.spec_id) == spec_id,
            col(CheckRow.evidence)["purpose"].as_string() == purpose,
        )
        .order_by(col(CheckRow.created_at).desc())
        .limit(1)
    )
    evidence = found.scalar()
    return CheckEvidence.model_validate(evidence) if evidence else None


async def list_rounds(session: Session, task_id: TaskId) -> tuple[TaskRound, ...]:
    """Every check of a task's work, oldest first; the round is in the check's key."""
    found = await session.execute(
        select(CheckRow)
        .where(col(CheckRow.key).startswith(f"{task_id}/r", autoescape=True))
        .order_by(col(CheckRow.created_at))
    )
    return tuple(
        TaskRound(
            round=int(row.key.split("/")[1].removeprefix("r")),
            check=CheckEvidence.model_validate(row.evidence),
            at=row.created_at,
        )
        for row in found.scalars()
    )


async def get_pull_request(session: Session, spec_id: SpecId) -> PullRequest | None:
    """The spec's pull request, None when there is none."""
    row = await session.get(PullRequestRow, spec_id)
    return PullRequest.model_validate(row.record) if row else None


async def put_pull_request(
    session: Session, project_id: ProjectId, spec_id: SpecId, record: PullRequest
) -> PullRequest:
    """Store the local record, numbered per project.

    The same branch keeps its number; another branch, of a new run, gets a new one.
    """
    await session.execute(
        select(ProjectRow).where(col(ProjectRow.id) == project_id).with_for_update()
    )
    existing = await get_pull_request(session, spec_id)
    number = existing.number if existing and existing.branch == record.branch else None
    if number is None:
        highest = await session.execute(
            select(func.max(PullRequestRow.number)).where(
                col(PullRequestRow.project_id) == project_id
            )
        )
        number = (highest.scalar() or 0) + 1
    numbered = record.model_copy(update={"number": number})
    values = {"number": number, "record": numbered.model_dump(mode="json")}
    statement = insert(PullRequestRow).values(spec_id=spec_id, project_id=project_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["spec_id"], set_=values))
    return numbered
