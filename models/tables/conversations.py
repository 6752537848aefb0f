"""Conversations with models: their turns, and every call with its cost."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

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
    """A call, committed before it is made and settled after; unsettled ones were lost."""

    table_name = "model_calls"

    id: UUID = Field(primary_key=True)
    conversation_id: str = Field(index=True)
    spec_id: UUID = Field(index=True)
    turn: int
    model: str
    settled: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None
    created_at: datetime = now_column()
