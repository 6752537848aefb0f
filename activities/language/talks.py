"""What a conversation with a model is: who talks, with which tools, and how it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.phases import Phase
from models.store.database import Session


@dataclass(frozen=True)
class ToolUse:
    """A tool call as the model made it."""

    id: str
    name: str
    input: Mapping[str, JsonValue]


@dataclass(frozen=True)
class Reply:
    """What a tool call gives back; ``ends`` ends the conversation with its ``value``."""

    content: str
    is_error: bool = False
    ends: bool = False
    value: object = None


class Toolbox(Protocol):
    """The tools of a conversation."""

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        """The tools as the Messages API takes them."""
        ...

    async def call(self, use: ToolUse) -> Reply:
        """Run one call; a fault of the model's comes back as an error reply."""
        ...


class Inbox(Protocol):
    """What people said while a conversation went on."""

    async def take(self, session: Session, turn: int) -> Sequence[str]:
        """Hand over what has come since; told with the results of ``turn``, in one transaction."""
        ...


@dataclass(frozen=True)
class Talk:
    """One conversation to hold: whom it is about, how it opens, and when it ends."""

    conversation_id: str
    project_id: ProjectId
    spec_id: SpecId
    scripted: bool
    model: str
    system: str
    opening: str
    headers: Mapping[str, str]
    max_turns: int
    phase: Phase | None = None
    task_id: TaskId | None = None
    round: int | None = None
    earlier: Sequence[Mapping[str, JsonValue]] = ()
    nudge: str = "Use one of the tools."


@dataclass(frozen=True)
class Ended:
    """How a talk ended: with a value, stopped between turns, or out of turns."""

    value: object = None
    finished: bool = False
    stopped: bool = False
    turns: int = 0
