"""The durable tool loop: every answer is stored before its tools run, and never asked for again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, cast

from pydantic import JsonValue

from activities.heartbeats import Progress
from activities.language.client import Answer, ModelClient
from models.contracts.base import ProjectId, SpecId
from models.contracts.conversations import ConversationState, StoredTurn, ToolResults
from models.contracts.events import EventSource, Fact, NewEvent, Waiting
from models.contracts.usage import Usage
from models.errors import Conflict, NotAllowed, RetryableError
from models.store import conversations, events
from models.store.database import Database

_MAX_TRIES: Final = 3
_SUMMARY: Final = 160
_TOOL_NAMES: Final = {"str_replace_based_edit_tool": "edit"}


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
    turn_fact: Callable[[int, str, str, Usage], Fact]
    earlier: Sequence[Mapping[str, JsonValue]] = ()
    nudge: str = "Use one of the tools."


@dataclass(frozen=True)
class Ended:
    """How a talk ended: with a value, stopped between turns, or out of turns."""

    value: object = None
    finished: bool = False
    stopped: bool = False
    turns: int = 0


class ToolLoop:
    """Holds conversations; a restarted one continues from its stored turns."""

    def __init__(self, database: Database, client: ModelClient) -> None:
        self._database = database
        self._client = client

    async def run(
        self,
        talk: Talk,
        toolbox: Toolbox,
        progress: Progress,
        should_stop: Callable[[], Awaitable[bool]],
    ) -> Ended:
        """Talk until a tool ends it, the turns are used up, or ``should_stop`` says so.

        Raises:
            Conflict: three tries in a row ended without a new stored turn.
            NotAllowed: the model refused.
            RetryableError: the provider is away; the try is not counted.
        """
        state = await self._open(talk)
        messages: list[Mapping[str, JsonValue]] = [
            *talk.earlier,
            {"role": "user", "content": state.opening},
        ]
        turns = list(state.turns)
        for turn in turns[:-1]:
            messages += _exchange(turn)
        number = len(turns)
        pending = turns[-1] if turns else None
        while True:
            if pending is not None:
                ended, results = await self._use_tools(talk, toolbox, pending, progress)
                if ended is not None:
                    return ended
                messages += _exchange(pending.model_copy(update={"results": results}))
            if number >= talk.max_turns:
                return Ended(turns=number)
            if await should_stop():
                return Ended(stopped=True, turns=number)
            number += 1
            pending = await self._ask(talk, toolbox, state, messages, number, progress)

    async def _open(self, talk: Talk) -> ConversationState:
        async with self._database.begin() as session:
            state = await conversations.open_conversation(
                session, talk.conversation_id, talk.spec_id, talk.opening
            )
        if state.tries_since_turn >= _MAX_TRIES:
            msg = f"{state.tries_since_turn} tries ended without an answer; the last one stands."
            raise Conflict(msg, code="agent-stuck")
        return state

    async def _ask(
        self,
        talk: Talk,
        toolbox: Toolbox,
        state: ConversationState,
        messages: Sequence[Mapping[str, JsonValue]],
        number: int,
        progress: Progress,
    ) -> StoredTurn:
        async with self._database.begin() as session:
            call_id = await conversations.begin_call(
                session, talk.conversation_id, talk.spec_id, number, talk.model
            )
        try:
            with progress.open_call():
                answer = await self._client.ask(
                    scripted=talk.scripted,
                    model=talk.model,
                    system=talk.system,
                    messages=messages,
                    tools=toolbox.definitions,
                    headers={**talk.headers, "x-turn": str(number)},
                    on_progress=progress.touch,
                )
        except RetryableError as error:
            await self._note_wait(talk, state, number, error)
            raise
        tool, summary = _summary(answer)
        turn = NewEvent(
            dedup_key=f"{talk.conversation_id}/{number}/turn",
            fact=talk.turn_fact(number, tool, summary, answer.usage),
            source=EventSource.AGENT,
        )
        async with self._database.begin() as session:
            await conversations.store_turn(
                session, state, number, call_id, answer.response, answer.usage
            )
            await events.append(session, talk.project_id, talk.spec_id, [turn])
        return StoredTurn(turn=number, response=answer.response, usage=answer.usage)

    async def _note_wait(
        self, talk: Talk, state: ConversationState, number: int, error: RetryableError
    ) -> None:
        until = datetime.now(UTC) + error.retry_after if error.retry_after else None
        when = f"; resumes at {until:%H:%M:%S} UTC" if until else ""
        waiting = NewEvent(
            dedup_key=f"{talk.conversation_id}/{number}/waiting/{state.fence}",
            fact=Waiting(until=until, reason=f"{error.detail}{when}"),
        )
        async with self._database.begin() as session:
            await conversations.forgive_try(session, talk.conversation_id)
            await events.append(session, talk.project_id, talk.spec_id, [waiting])

    async def _use_tools(
        self, talk: Talk, toolbox: Toolbox, turn: StoredTurn, progress: Progress
    ) -> tuple[Ended | None, ToolResults]:
        if turn.results is not None:
            return None, turn.results
        stop_reason = turn.response.get("stop_reason")
        if stop_reason == "refusal":
            msg = "The model refused to go on with this."
            raise NotAllowed(msg, code="model-refused")
        blocks: list[dict[str, JsonValue]] = []
        for use in _tool_uses(turn):
            if stop_reason == "max_tokens":
                reply = Reply("Your answer was cut off here; use smaller parts.", is_error=True)
            else:
                with progress.open_call():
                    reply = await toolbox.call(use)
            if reply.ends:
                return Ended(value=reply.value, finished=True, turns=turn.turn), ToolResults(
                    blocks=()
                )
            blocks.append(_result(use, reply))
        if not blocks:
            blocks.append({"type": "text", "text": talk.nudge})
        async with self._database.begin() as session:
            await conversations.store_results(
                session, talk.conversation_id, turn.turn, cast(list[JsonValue], blocks)
            )
        return None, ToolResults(blocks=tuple(blocks))


def _exchange(turn: StoredTurn) -> list[dict[str, JsonValue]]:
    results = cast(list[JsonValue], list(turn.results.blocks) if turn.results else [])
    return [
        {"role": "assistant", "content": turn.response["content"]},
        {"role": "user", "content": results},
    ]


def transcript(opening: str, turns: Sequence[StoredTurn]) -> list[dict[str, JsonValue]]:
    """The messages of a stored conversation, byte for byte as they were sent."""
    messages: list[dict[str, JsonValue]] = [{"role": "user", "content": opening}]
    for turn in turns:
        messages += _exchange(turn)
    return messages


def _tool_uses(turn: StoredTurn) -> list[ToolUse]:
    content = cast(list[dict[str, Any]], turn.response["content"])
    return [
        ToolUse(id=block["id"], name=block["name"], input=block.get("input") or {})
        for block in content
        if block["type"] == "tool_use"
    ]


def _result(use: ToolUse, reply: Reply) -> dict[str, JsonValue]:
    return {
        "type": "tool_result",
        "tool_use_id": use.id,
        "content": reply.content,
        "is_error": reply.is_error,
    }


def _summary(answer: Answer) -> tuple[str, str]:
    """The tools of an answer, and one line of what it says."""
    content = cast(list[dict[str, Any]], answer.response["content"])
    tools = [str(block["name"]) for block in content if block["type"] == "tool_use"]
    texts = [str(block["text"]) for block in content if block["type"] == "text" and block["text"]]
    line = texts[0] if texts else ""
    if not line and tools:
        first = next(block for block in content if block["type"] == "tool_use")
        told = cast(dict[str, Any], first.get("input") or {})
        line = str(told.get("command") or told.get("path") or told.get("summary") or tools[0])
    named = [_TOOL_NAMES.get(tool, tool) for tool in tools]
    return ", ".join(named) or "text", " ".join(line.split())[:_SUMMARY]
