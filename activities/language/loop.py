"""The durable tool loop: every answer is stored before its tools run, and never asked for again."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast

from pydantic import JsonValue

from activities.heartbeats import Progress
from activities.language.calls import CallBook
from activities.language.client import Answer, ModelClient
from activities.language.talks import Ended, Inbox, Reply, Talk, Toolbox, ToolUse
from models.contracts.conversations import ConversationState, StoredTurn, ToolResults
from models.contracts.events import EventSource, NewEvent
from models.contracts.task_facts import AgentTurn
from models.errors import AppError, Conflict, NotAllowed
from models.rules.contexts import STUB, stubbed_before
from models.rules.texts import storable_text
from models.store import conversations, events
from models.store.database import Database

_MAX_TRIES: Final = 3
_ROOM_BYTES: Final = 400_000  # some 130,000 tokens, two thirds of the window
_SUMMARY: Final = 160
_TOOL_NAMES: Final = {"str_replace_based_edit_tool": "edit"}


class ToolLoop:
    """Holds conversations; a restarted one continues from its stored turns."""

    def __init__(self, database: Database, client: ModelClient, book: CallBook) -> None:
        self._database = database
        self._client = client
        self._book = book

    async def run(
        self,
        talk: Talk,
        toolbox: Toolbox,
        progress: Progress,
        should_stop: Callable[[], Awaitable[bool]],
        inbox: Inbox | None = None,
    ) -> Ended:
        """Talk until a tool ends it, the turns are used up, or ``should_stop`` says so.

        What is in the ``inbox`` is told with the results of a turn's tools.

        Raises:
            Conflict: three tries in a row ended without a new stored turn, the budget does not hold
                another call, or the conversation does not fit into the model's window.
            NotAllowed: the model refused.
            RetryableError: the provider is away; the try is not counted.
        """
        await self._client.prepare()
        state = await self._open(talk)
        turns = list(state.turns)
        while True:
            if turns and turns[-1].results is None:
                ended, results = await self._use_tools(talk, toolbox, turns[-1], progress, inbox)
                if ended is not None:
                    return ended
                turns[-1] = turns[-1].model_copy(update={"results": results})
            if len(turns) >= talk.max_turns:
                return Ended(turns=len(turns))
            if await should_stop():
                return Ended(stopped=True, turns=len(turns))
            messages = _messages(talk, state.opening, turns)
            turns.append(await self._ask(talk, toolbox, state, messages, len(turns) + 1, progress))

    async def _open(self, talk: Talk) -> ConversationState:
        """Take the conversation over; calls that an earlier try left open are lost."""
        async with self._database.begin() as session:
            state = await conversations.open_conversation(
                session, talk.conversation_id, talk.spec_id, talk.opening
            )
            await self._book.count_lost(session, talk)
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
        call_id = None
        begun = False

        def on_progress() -> None:
            nonlocal begun
            begun = True
            progress.touch()

        try:
            call_id = await self._book.reserve(talk, toolbox, messages, number)
            with progress.open_call():
                answer = await self._client.ask(
                    scripted=talk.scripted,
                    model=talk.model,
                    system=talk.system,
                    messages=messages,
                    tools=toolbox.definitions,
                    headers={**talk.headers, "x-turn": str(number)},
                    on_progress=on_progress,
                )
        except AppError as error:
            # An answer that had begun may be paid: its call stays open, and the next try counts
            # it as lost. One that never began costs nothing.
            await self._book.give_up(talk, number, error, None if begun else call_id)
            raise
        except asyncio.CancelledError:
            async with self._database.begin() as session:
                await self._book.count_lost(session, talk)
            raise
        async with self._database.begin() as session:
            await conversations.store_turn(
                session, state, number, call_id, answer.response, answer.usage
            )
            told = _turn_event(talk, number, answer)
            await events.append(session, talk.project_id, talk.spec_id, [told])
        return StoredTurn(turn=number, response=answer.response, usage=answer.usage)

    async def _use_tools(
        self,
        talk: Talk,
        toolbox: Toolbox,
        turn: StoredTurn,
        progress: Progress,
        inbox: Inbox | None,
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
            said = await inbox.take(session, turn.turn) if inbox is not None else ()
            for line in said:
                blocks.append({"type": "text", "text": storable_text(line)})  # noqa: PERF401 - typed so
            await conversations.store_results(
                session, talk.conversation_id, turn.turn, cast(list[JsonValue], blocks)
            )
        return None, ToolResults(blocks=tuple(blocks))


def _turn_event(talk: Talk, number: int, answer: Answer) -> NewEvent:
    tool, summary = _summary(answer)
    turn = AgentTurn(
        turn=number,
        tool=tool,
        summary=summary,
        usage=answer.usage,
        phase=talk.phase,
        task_id=talk.task_id,
        round=talk.round,
    )
    key = f"{talk.conversation_id}/{number}/turn"
    return NewEvent(dedup_key=key, fact=turn, source=EventSource.AGENT)


def _messages(
    talk: Talk, opening: str, turns: Sequence[StoredTurn]
) -> list[Mapping[str, JsonValue]]:
    """The conversation so far; old results become stubs where the window would not hold all."""
    fixed = len(json.dumps([talk.system, opening, list(talk.earlier)]))
    sizes = [len(turn.model_dump_json()) for turn in turns]
    stubbed = stubbed_before(sizes, fixed, _ROOM_BYTES)
    messages: list[Mapping[str, JsonValue]] = [
        *talk.earlier,
        {"role": "user", "content": opening},
    ]
    for position, turn in enumerate(turns):
        messages += _exchange(_stub(turn) if position < stubbed else turn)
    return messages


def _stub(turn: StoredTurn) -> StoredTurn:
    if turn.results is None:
        return turn
    blocks = tuple(
        {**block, "content": STUB} if block.get("type") == "tool_result" else block
        for block in turn.results.blocks
    )
    return turn.model_copy(update={"results": ToolResults(blocks=blocks)})


def _exchange(turn: StoredTurn) -> list[dict[str, JsonValue]]:
    results = cast(list[JsonValue], list(turn.results.blocks) if turn.results else [])
    nothing: JsonValue = [{"type": "text", "text": "(nothing)"}]  # the API takes no empty message
    return [
        {"role": "assistant", "content": turn.response["content"] or nothing},
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
        "content": storable_text(reply.content),
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
        words = (told.get(name) for name in ("command", "path", "summary", "question"))
        line = str(next((word for word in words if word), tools[0]))
    named = [_TOOL_NAMES.get(tool, tool) for tool in tools]
    return ", ".join(named) or "text", " ".join(line.split())[:_SUMMARY]
