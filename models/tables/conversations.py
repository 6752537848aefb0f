"""Conversations with models: their turns, and every call with its cost."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from models.tables.columns import Json, Row, json_column, now_column


class ConversationRow(Row, table=True):
    """One attempt of a phase, or one round of a task; ``fence`` is the newest try's token."""

    table_name = "conversations"

    id: str = Field(primary_key=True)
    spec_id: UUID = Field(index=True, foreign_key="specs.id")
    opening: str
    fence: int = 0
    tries_since_turn: int = 0
    created_at: datetime = now_column()


class TurnRow(Row, table=True):
    """A model's answer, stored before its tools run; ``results`` follow after."""

    table_name = "agent_turns"

    conversation_id: str = Field(primary_key=True, foreign_key="conversations.id")
    turn: int = Field(primary_key=True)
    fence: int
    response: Json = json_column()
    results: Json | None = json_column(nullable=True)
    usage: Json = json_column()
    created_at: datetime = now_column()


class ModelCallRow(Row, table=True):
    """A call, committed before it is made and settled after.

    ``state``: ``open`` while under way, ``settled`` with an answer, ``released`` when it cannot
    have been paid, ``lost`` when its answer never came. ``day`` is the installation's budget that
    its worst case was reserved in.
    """

    table_name = "model_calls"

    id: UUID = Field(primary_key=True)
    conversation_id: str = Field(index=True)
    spec_id: UUID = Field(index=True)
    turn: int
    model: str
    state: str = "open"
    day: str = ""
    price_version: str = ""
    reserved_usd: Decimal | None = None
    reserved_tokens: int = Field(default=0, sa_type=BigInteger)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None
    created_at: datetime = now_column()


class BudgetRow(Row, table=True):
    """What one scope may use and has used: ``spec/{id}``, or ``day/{date}`` for all of them."""

    table_name = "budgets"

    scope: str = Field(primary_key=True)
    limit_usd: Decimal | None = None
    limit_tokens: int | None = Field(default=None, sa_type=BigInteger)
    wall_clock_seconds: float | None = None
    spent_usd: Decimal = Decimal(0)
    reserved_usd: Decimal = Decimal(0)
    lost_usd: Decimal = Decimal(0)
    spent_tokens: int = Field(default=0, sa_type=BigInteger)
    reserved_tokens: int = Field(default=0, sa_type=BigInteger)
    lost_tokens: int = Field(default=0, sa_type=BigInteger)
    lost_calls: int = 0
