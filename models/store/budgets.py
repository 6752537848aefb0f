"""Budgets: the worst case of a call is reserved before it, and what it used is settled after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId
from models.contracts.budgets import WARN_AT, BudgetLimits, BudgetState, Range, Reservation
from models.contracts.facts import BudgetWarned
from models.contracts.usage import Usage
from models.errors import Conflict, RateLimited
from models.store.database import Session
from models.store.identifiers import new_id
from models.tables.conversations import BudgetRow, ModelCallRow

# The locked rows are the newest ones, whatever the statement's snapshot; the sums of the update
# are re-read under the same lock. Without a price only tokens count.
_RESERVE = text(
    """
    WITH locked AS (
        SELECT * FROM budgets WHERE scope = ANY(:scopes) ORDER BY scope FOR UPDATE
    ), tight AS (
        SELECT scope FROM locked WHERE
            (limit_usd IS NOT NULL AND CAST(:usd AS numeric) IS NOT NULL
             AND spent_usd + lost_usd + reserved_usd + :usd > limit_usd)
            OR (limit_tokens IS NOT NULL
                AND spent_tokens + lost_tokens + reserved_tokens + :tokens > limit_tokens)
    ), taken AS (
        UPDATE budgets SET reserved_usd = budgets.reserved_usd + COALESCE(:usd, 0),
                           reserved_tokens = budgets.reserved_tokens + :tokens
        FROM locked WHERE budgets.scope = locked.scope AND NOT EXISTS (SELECT 1 FROM tight)
        RETURNING budgets.scope
    )
    SELECT scope FROM tight
    """
)


_HISTORY = text(
    """
    SELECT min(cost), max(cost), min(seconds), max(seconds), count(*) FROM (
        SELECT CAST(view->'usage'->>'cost_usd' AS numeric) AS cost,
               extract(epoch FROM CAST(view->>'updated_at' AS timestamptz) - created_at) AS seconds
        FROM specs
        WHERE project_id = :project_id AND status = 'completed'
          AND view->'usage'->>'cost_usd' IS NOT NULL
    ) AS done
    """
)


@dataclass(frozen=True)
class Call:
    """A call that is about to be made: whose it is, and its worst case."""

    conversation_id: str
    spec_id: SpecId
    turn: int
    model: str
    price_version: str
    worst: Reservation
    daily_usd: Decimal | None


@dataclass(frozen=True)
class LostCall:
    """A call whose answer never came, and what it may have cost at most."""

    call_id: UUID
    turn: int
    worst: Reservation


def spec_scope(spec_id: SpecId) -> str:
    """The scope of a spec's budget."""
    return f"spec/{spec_id}"


async def set_limits(session: Session, spec_id: SpecId, limits: BudgetLimits) -> None:
    """Put a spec's limits in force; what was used stays."""
    wall = limits.wall_clock.total_seconds() if limits.wall_clock else None
    values = {
        "limit_usd": limits.usd,
        "limit_tokens": limits.tokens,
        "wall_clock_seconds": wall,
    }
    statement = insert(BudgetRow).values(scope=spec_scope(spec_id), **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=values))


async def get_state(session: Session, spec_id: SpecId) -> BudgetState:
    """A spec's limits and use; no limits when it has no budget row."""
    row = await session.get(BudgetRow, spec_scope(spec_id))
    if row is None:
        return BudgetState(limits=BudgetLimits(usd=None))
    wall = row.wall_clock_seconds
    limits = BudgetLimits(
        usd=row.limit_usd,
        tokens=row.limit_tokens,
        wall_clock=timedelta(seconds=wall) if wall else None,
    )
    return BudgetState.model_validate(
        {"limits": limits, **row.model_dump(include=set(BudgetState.model_fields))}
    )


async def begin_call(session: Session, call: Call) -> UUID:
    """Reserve a call's worst case and note the call, all or nothing.

    Raises:
        Conflict: it does not fit into the spec's budget (``budget-exhausted``).
        RateLimited: it does not fit into the installation's day; the next one begins at midnight.
    """
    now = datetime.now(UTC)
    day = f"day/{now:%Y-%m-%d}"
    scopes = [spec_scope(call.spec_id)]
    if call.daily_usd is not None:
        scopes.append(day)
        values = {"limit_usd": call.daily_usd}
        row = insert(BudgetRow).values(scope=day, **values)
        await session.execute(row.on_conflict_do_update(index_elements=["scope"], set_=values))
    given = {"scopes": scopes, "usd": call.worst.usd, "tokens": call.worst.tokens}
    tight = set((await session.execute(_RESERVE, given)).scalars())
    if spec_scope(call.spec_id) in tight:
        msg = "The spec's budget does not hold another model call; raise it to go on."
        raise Conflict(msg, code="budget-exhausted")
    if tight:
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        msg = "The installation's budget of today is used up."
        raise RateLimited(msg, code="daily-budget-exhausted", retry_after=midnight - now)
    call_id = new_id()
    session.add(
        ModelCallRow(
            id=call_id,
            conversation_id=call.conversation_id,
            spec_id=call.spec_id,
            turn=call.turn,
            model=call.model,
            day=day if call.daily_usd is not None else "",
            price_version=call.price_version,
            reserved_usd=call.worst.usd,
            reserved_tokens=call.worst.tokens,
        )
    )
    await session.flush()
    return call_id


async def settle(session: Session, call_id: UUID, usage: Usage) -> None:
    """Put what a call used in the place of its worst case; a repeat changes nothing."""
    row = await _close(session, call_id, "settled")
    if row is None:
        return
    used = usage.input_tokens + usage.output_tokens
    used += usage.cache_read_tokens + usage.cache_write_tokens
    row.input_tokens, row.output_tokens = usage.input_tokens, usage.output_tokens
    row.cost_usd = usage.cost_usd
    await _give_back(session, row, {"spent_usd": usage.cost_usd or 0, "spent_tokens": used})


async def release(session: Session, call_id: UUID) -> None:
    """Give a call's worst case back: it was refused before it could cost anything."""
    row = await _close(session, call_id, "released")
    if row is not None:
        await _give_back(session, row, {})


async def lose(session: Session, conversation_id: str) -> list[LostCall]:
    """Count every open call of a conversation as lost, at its worst case; returns those."""
    found = await session.execute(
        select(ModelCallRow)
        .where(
            col(ModelCallRow.conversation_id) == conversation_id,
            col(ModelCallRow.state) == "open",
        )
        .with_for_update()
    )
    rows = list(found.scalars())
    for row in rows:
        row.state = "lost"
        lost = {
            "lost_usd": row.reserved_usd or 0,
            "lost_tokens": row.reserved_tokens,
            "lost_calls": 1,
        }
        await _give_back(session, row, lost)
    return [
        LostCall(row.id, row.turn, Reservation(usd=row.reserved_usd, tokens=row.reserved_tokens))
        for row in rows
    ]


async def _close(session: Session, call_id: UUID, state: str) -> ModelCallRow | None:
    found = await session.execute(
        select(ModelCallRow)
        .where(col(ModelCallRow.id) == call_id, col(ModelCallRow.state) == "open")
        .with_for_update()
    )
    row = found.scalar_one_or_none()
    if row is not None:
        row.state = state
    return row


async def _give_back(session: Session, row: ModelCallRow, used: dict[str, Decimal | int]) -> None:
    """Take a worst case out of its scopes, in the order of every other lock."""
    values: dict[str, Any] = {name: literal_column(name) + amount for name, amount in used.items()}
    for scope in _scopes(row):
        await session.execute(
            update(BudgetRow)
            .where(col(BudgetRow.scope) == scope)
            .values(
                reserved_usd=col(BudgetRow.reserved_usd) - (row.reserved_usd or 0),
                reserved_tokens=col(BudgetRow.reserved_tokens) - row.reserved_tokens,
                **values,
            )
        )


def _scopes(row: ModelCallRow) -> Sequence[str]:
    return sorted(scope for scope in (spec_scope(SpecId(row.spec_id)), row.day) if scope)


async def warning(session: Session, spec_id: SpecId) -> BudgetWarned | None:
    """The warning that is due when four fifths are used or reserved, else None."""
    state = await get_state(session, spec_id)
    limits = state.limits
    usd = state.spent_usd + state.lost_usd + state.reserved_usd
    tokens = state.spent_tokens + state.lost_tokens + state.reserved_tokens
    near_usd = limits.usd is not None and usd > 0 and usd >= limits.usd * WARN_AT
    near_tokens = limits.tokens is not None and tokens >= limits.tokens * WARN_AT
    if not near_usd and not near_tokens:
        return None
    return BudgetWarned(
        used_usd=usd, limit_usd=limits.usd, used_tokens=tokens, limit_tokens=limits.tokens
    )


async def history(session: Session, project_id: ProjectId) -> tuple[Range, Range, int] | None:
    """Least and most USD and minutes of a project's completed specs, and how many; None of none.

    Specs of an unknown cost are left out.
    """
    found = await session.execute(_HISTORY, {"project_id": project_id})
    least, most, shortest, longest, count = found.one()
    if not count:
        return None
    minutes = Range(least=_minutes(shortest), most=_minutes(longest))
    return Range(least=least, most=most), minutes, count


def _minutes(seconds: Decimal) -> Decimal:
    return (Decimal(seconds) / 60).quantize(Decimal("0.1"))
