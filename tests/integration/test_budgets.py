"""Spending never passes a budget: random prices and sizes, five users at once, real Postgres."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.contracts.base import SpecId
from models.contracts.budgets import BudgetLimits, BudgetState, Reservation
from models.contracts.usage import Price, PriceTable, Usage
from models.errors import Conflict, RateLimited
from models.rules.prices import priced, worst_case
from models.store import budgets
from models.store.budgets import Call
from tests.support.stack import RunningStack

MONEY = st.decimals(min_value=0, max_value=100, places=4)
PRICES = st.builds(Price, input=MONEY, output=MONEY, cache_read=MONEY, cache_write=MONEY)


@dataclass(frozen=True)
class Planned:
    """A call to make: its bound, what it will really use (as shares), and how it ends."""

    input_tokens: int
    max_tokens: int
    used_input: float
    cached: float
    used_output: float
    ends: str


CALLS = st.builds(
    Planned,
    input_tokens=st.integers(0, 200_000),
    max_tokens=st.integers(1, 16_000),
    used_input=st.floats(0, 1),
    cached=st.floats(0, 1),
    used_output=st.floats(0, 1),
    ends=st.sampled_from(["settled", "settled", "settled", "released", "lost"]),
)


def usage_of(call: Planned) -> Usage:
    """Never more than the bound: input in three parts, and the answer."""
    whole = int(call.input_tokens * call.used_input)
    cached = int(whole * call.cached)
    return Usage(
        calls=1,
        input_tokens=whole - cached,
        cache_read_tokens=cached // 2,
        cache_write_tokens=cached - cached // 2,
        output_tokens=int(call.max_tokens * call.used_output),
    )


async def state_of(stack: RunningStack, spec_id: SpecId) -> BudgetState:
    async with stack.database.begin() as session:
        return await budgets.get_state(session, spec_id)


async def make_call(
    stack: RunningStack,
    spec_id: SpecId,
    user: int,
    number: int,
    planned: Planned,
    table: PriceTable,
) -> Decimal:
    """Reserve, look that nothing is over, and end the call; returns what it cost at most."""
    name = f"{spec_id}/{user}"
    worst = worst_case(table, "m", planned.input_tokens, planned.max_tokens)
    call = Call(name, spec_id, number, "m", table.version, worst, daily_usd=None)
    try:
        async with stack.database.begin() as session:
            call_id = await budgets.begin_call(session, call)
    except Conflict:
        return Decimal(0)
    used = priced(table, "m", usage_of(planned))
    async with stack.database.begin() as session:
        match planned.ends:
            case "settled":
                await budgets.settle(session, call_id, used)
                await budgets.settle(session, call_id, used)  # a repeat changes nothing
                return used.cost_usd or Decimal(0)
            case "released":
                await budgets.release(session, call_id)
                return Decimal(0)
            case _:
                lost = await budgets.lose(session, name)
                assert [c.worst for c in lost] == [worst]
                return worst.usd or Decimal(0)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    price=PRICES,
    limit=st.decimals(min_value=0, max_value=5, places=2),
    users=st.lists(st.lists(CALLS, min_size=1, max_size=6), min_size=5, max_size=5),
)
async def test_five_users_never_spend_more_than_the_limit(
    stack: RunningStack, price: Price, limit: Decimal, users: list[list[Planned]]
) -> None:
    spec_id = SpecId(uuid4())
    table = PriceTable(version="t", prices={"m": price})
    async with stack.database.begin() as session:
        await budgets.set_limits(session, spec_id, BudgetLimits(usd=limit))

    async def use(user: int, calls: list[Planned]) -> Decimal:
        total = Decimal(0)
        for number, planned in enumerate(calls):
            total += await make_call(stack, spec_id, user, number, planned, table)
            seen = await state_of(stack, spec_id)
            assert seen.spent_usd + seen.lost_usd + seen.reserved_usd <= limit
        return total

    paid = await asyncio.gather(*(use(user, calls) for user, calls in enumerate(users)))
    end = await state_of(stack, spec_id)
    assert end.spent_usd + end.lost_usd == sum(paid) <= limit
    assert (end.reserved_usd, end.reserved_tokens) == (0, 0)
    lost = [c for calls in users for c in calls if c.ends == "lost"]
    assert end.lost_calls <= len(lost)


async def test_tokens_limit_a_model_without_a_price(stack: RunningStack) -> None:
    spec_id = SpecId(uuid4())
    async with stack.database.begin() as session:
        await budgets.set_limits(session, spec_id, BudgetLimits(tokens=1_000))
    fits = Call("a", spec_id, 1, "m", "t", Reservation(usd=None, tokens=900), daily_usd=None)
    async with stack.database.begin() as session:
        await budgets.begin_call(session, fits)
    with pytest.raises(Conflict) as refused:
        async with stack.database.begin() as session:
            await budgets.begin_call(session, fits)
    assert refused.value.stable_code == "budget-exhausted"


async def test_the_day_of_the_installation_is_a_wait_until_midnight(stack: RunningStack) -> None:
    worst = Reservation(usd=Decimal(1000000), tokens=10)
    spec_id = SpecId(uuid4())
    async with stack.database.begin() as session:
        await budgets.set_limits(session, spec_id, BudgetLimits(usd=None))
    call = Call("a", spec_id, 1, "m", "t", worst, daily_usd=Decimal(50))
    with pytest.raises(RateLimited) as caught:
        async with stack.database.begin() as session:
            await budgets.begin_call(session, call)
    assert caught.value.stable_code == "daily-budget-exhausted"
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after.total_seconds() <= 86_400
    assert (await state_of(stack, spec_id)).reserved_tokens == 0, "all or nothing"
