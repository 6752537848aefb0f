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

    @property
    def call_ids(self) -> tuple[str, ...]:
        """Ids of the tool calls that the answer makes."""
        content = self.response.get("content")
        blocks = content if isinstance(content, list) else []
        return tuple(
            str(block["id"])
            for block in blocks
            if isinstance(block, dict) and block.get("type") == "tool_use"
        )


class ConversationState(Payload):
    """A conversation as its newest try found it."""

    id: str
    spec_id: SpecId
    opening: str
    fence: int
    tries_since_turn: int = Field(ge=0)
    turns: tuple[StoredTurn, ...] = ()
