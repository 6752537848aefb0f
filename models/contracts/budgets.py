"""Budgets: what a spec and an installation may use, and what of it is used."""

from datetime import timedelta
from decimal import Decimal
from typing import Literal

from pydantic import Field, StrictInt

from models.contracts.base import Payload, ProjectId, SpecId

WARN_AT = Decimal("0.8")


class BudgetLimits(Payload):
    """How much a spec may use; None is no limit. USD hold only for models with a known price."""

    usd: Decimal | None = Field(default=Decimal(10), ge=0, le=1_000_000, decimal_places=6)
    tokens: StrictInt | None = Field(default=None, ge=0, le=10**15)
    wall_clock: timedelta | None = Field(default=None, gt=timedelta(0), le=timedelta(days=364))


class BudgetState(Payload):
    """A spec's limits and what is used of them.

    ``reserved_*`` are the worst cases of calls under way, ``lost_*`` those of calls that were made
    but whose answer never came: they may have been paid, at most so much.
    """

    limits: BudgetLimits
    spent_usd: Decimal = Decimal(0)
    reserved_usd: Decimal = Decimal(0)
    lost_usd: Decimal = Decimal(0)
    spent_tokens: int = 0
    reserved_tokens: int = 0
    lost_tokens: int = 0
    lost_calls: int = 0


class Reservation(Payload):
    """The worst case of one call; ``usd`` is None for a model without a known price."""

    usd: Decimal | None
    tokens: int = Field(ge=0)


class SetBudget(Payload):
    """Put new limits in force for a spec."""

    project_id: ProjectId
    spec_id: SpecId
    limits: BudgetLimits


class Range(Payload):
    """The least and the most of something."""

    least: Decimal
    most: Decimal


class Estimate(Payload):
    """What a spec may cost, from the project's own history; None without any.

    ``specs`` is how many completed specs it was taken from.
    """

    usd: Range | None = None
    minutes: Range | None = None
    specs: int = 0
    source: Literal["history", "none"] = "none"
