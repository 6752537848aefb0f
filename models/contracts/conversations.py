"""Conversations with a model as they are stored."""

from pydantic import Field, JsonValue

from models.contracts.base import Payload, SpecId
from models.contracts.usage import Usage


class ToolResults(Payload):
    """``tool_result`` blocks in the order of the ``tool_use`` blocks they answer."""

    blocks: tuple[dict[str, JsonValue], ...]


class StoredTurn(Payload):
    """A model's answer; ``results`` is None until its tools have run.

    ``response`` holds ``content`` and ``stop_reason`` as the Messages API gave them.
    """

    turn: int
    response: dict[str, JsonValue]
    results: ToolResults | None = None
    usage: Usage = Usage()


class ConversationState(Payload):
    """A conversation as its newest try found it."""

    id: str
    spec_id: SpecId
    opening: str
    fence: int
    tries_since_turn: int = Field(ge=0)
    turns: tuple[StoredTurn, ...] = ()
