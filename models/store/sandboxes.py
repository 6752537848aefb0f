"""Sandboxes as last folded, and their tokens."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId
from models.contracts.sandboxes import SandboxPage, SandboxState, SandboxToken, SandboxView
from models.contracts.specs import CLOSED
from models.errors import Conflict, NotAllowed, NotFound, Unauthenticated
from models.store import specs
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session
from models.tables.sandboxes import SandboxRow, SandboxTokenRow

_PLAN: Final = "plan-"


async def get(session: Session, name: str) -> SandboxView:
    """One sandbox; ``plan-{spec_id}`` is that of a spec's planner.

    Raises:
        NotFound: no such sandbox.
    """
    if name.startswith(_PLAN):
        return await _planner(session, name)
    row = await session.get(SandboxRow, name)
    if row is None:
        raise _unknown(name)
    return SandboxView.model_validate(row.view)


def _unknown(name: str) -> NotFound:
    return NotFound("There is no such sandbox.", code="sandbox-not-found", sandbox_id=name)


async def _planner(session: Session, name: str) -> SandboxView:
    try:
        view = await specs.get_view(session, SpecId(UUID(name.removeprefix(_PLAN))))
    except (ValueError, NotFound) as error:
        raise _unknown(name) from error
    return SandboxView(
        id=f"{_PLAN}{view.id}",
        project_id=view.project_id,
        spec_id=view.id,
        purpose="plan",
        provider="none",
        state=SandboxState.TERMINATED if view.status in CLOSED else SandboxState.READY,
        since=view.updated_at if view.status in CLOSED else view.created_at,
    )


async def page(
    session: Session,
    *,
    project_id: ProjectId | None,
    spec_id: SpecId | None,
    state: SandboxState | None,
    cursor: str | None,
    limit: int,
) -> SandboxPage:
    """Sandboxes that were made, newest first."""
    query = select(SandboxRow)
    if project_id is not None:
        query = query.where(col(SandboxRow.project_id) == project_id)
    if spec_id is not None:
        query = query.where(col(SandboxRow.spec_id) == spec_id)
    if state is not None:
        query = query.where(col(SandboxRow.state) == state.value)
    if cursor is not None:
        at, last = read_cursor(cursor, str)
        query = query.where(tuple_(col(SandboxRow.created_at), col(SandboxRow.id)) < (at, last))
    ordered = query.order_by(col(SandboxRow.created_at).desc(), col(SandboxRow.id).desc())
    rows = list((await session.execute(ordered.limit(limit + 1))).scalars())
    following = rows[limit - 1] if len(rows) > limit else None
    return SandboxPage(
        items=tuple(SandboxView.model_validate(row.view) for row in rows[:limit]),
        next_cursor=write_cursor(following.created_at, following.id) if following else None,
    )


async def make_token(session: Session, sandbox: SandboxView, minutes: int) -> SandboxToken:
    """A new token of a sandbox; those that have expired are dropped.

    Raises:
        Conflict: the sandbox is gone.
    """
    _must_live(sandbox)
    token = f"swx_{secrets.token_urlsafe(32)}"
    now = datetime.now(UTC)
    expires = now + timedelta(minutes=minutes)
    await session.execute(delete(SandboxTokenRow).where(col(SandboxTokenRow.expires_at) < now))
    values = {
        "token_sha256": _hash(token),
        "sandbox_id": sandbox.id,
        "spec_id": sandbox.spec_id,
        "expires_at": expires,
    }
    await session.execute(insert(SandboxTokenRow).values(values))
    return SandboxToken(token=token, sandbox_id=sandbox.id, expires_at=expires)


async def authenticate(session: Session, name: str, token: str | None) -> SandboxView:
    """The sandbox that a token stands for, which must be the one that is named.

    Raises:
        Unauthenticated: no token, or one that is unknown or expired.
        NotAllowed: another sandbox's token.
        Conflict: the sandbox is gone.
    """
    row = await session.get(SandboxTokenRow, _hash(token)) if token is not None else None
    if row is None or row.expires_at <= datetime.now(UTC):
        msg = "Send the sandbox's own token, as Authorization: Bearer; it may have expired."
        raise Unauthenticated(msg, code="sandbox-token-invalid")
    if row.sandbox_id != name:
        msg = "This token belongs to another sandbox."
        raise NotAllowed(msg, code="sandbox-token-foreign")
    sandbox = await get(session, name)
    _must_live(sandbox)
    return sandbox


def _must_live(sandbox: SandboxView) -> None:
    if sandbox.state == SandboxState.TERMINATED:
        msg = "This sandbox is gone; what it says is no longer taken."
        raise Conflict(msg, code="sandbox-gone")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
