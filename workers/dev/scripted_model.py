"""The scripted model: a loopback server that speaks the Messages protocol, for the demo and tests.

It answers by the ``x-*`` headers of a call, logs every call as a JSON line, and makes nothing up:
the same call always gets the same answer. Wire format: Anthropic's Messages API, JSON and SSE.
"""

import argparse
import asyncio
import hashlib
import json
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from workers.dev.demo.documents import PHASE_TURNS
from workers.dev.demo.steps import TASK_TURNS

_CHARACTERS_PER_TOKEN: Final = 4


@dataclass(frozen=True)
class Call:
    """One call, as its headers tell."""

    spec_id: str
    phase: str
    task_id: str
    attempt: int
    turn: int
    purpose: str = ""

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> "Call":
        """Read the headers; missing ones are empty."""
        return cls(
            purpose=headers.get("x-purpose", ""),
            spec_id=headers.get("x-spec-id", ""),
            phase=headers.get("x-spec-phase", ""),
            task_id=headers.get("x-task-id", ""),
            attempt=int(headers.get("x-attempt", "0")),
            turn=int(headers.get("x-turn", "0")),
        )

    @property
    def key(self) -> str:
        """What makes two calls the same one."""
        about = f"{self.spec_id}/{self.phase or self.task_id}/{self.attempt}/{self.turn}"
        return f"{about}/{self.purpose}" if self.purpose else about


@dataclass
class Script:
    """Answers of the demo: by phase and attempt, or by task and round, the next turn's blocks."""

    latency_seconds: float = 0.0
    log: Path | None = None
    calls: list[str] = field(default_factory=list[str])

    def blocks(self, call: Call, *, afresh: bool) -> list[dict[str, Any]] | None:
        """The content of an answer; None when the script has no such turn.

        ``afresh``: the agent was told its whole task, so it begins with its first round.
        """
        turns = self._turns(call, afresh=afresh)
        if turns is None or not 1 <= call.turn <= len(turns):
            return None
        made: list[dict[str, Any]] = []
        for number, (name, value) in enumerate(turns[call.turn - 1]):
            if name == "text":
                made.append({"type": "text", "text": value})
                continue
            digest = hashlib.sha256(f"{call.key}/{number}".encode()).hexdigest()[:24]
            made.append({"type": "tool_use", "id": f"toolu_{digest}", "name": name, "input": value})
        return made

    def _turns(self, call: Call, *, afresh: bool) -> list[list[tuple[str, Any]]] | None:
        if call.purpose == "judge":
            return [[("verdict", {"passed": True, "score": 0.9, "doubts": []})]]
        if call.phase:
            attempts = PHASE_TURNS.get(call.phase, [])
            return attempts[min(call.attempt, len(attempts)) - 1] if attempts else None
        for local_id, rounds in TASK_TURNS.items():
            if str(uuid5(UUID(call.spec_id), local_id)) == call.task_id:
                return rounds[0 if afresh else min(call.attempt, len(rounds)) - 1]
        return None

    def note(self, call: Call) -> None:
        """Log a call, before it is answered."""
        self.calls.append(call.key)
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"call": call.key, "at": time.time()}) + "\n")


def _is_afresh(body: dict[str, Any]) -> bool:
    """True when the last opening of the conversation tells the task itself."""
    told = [message["content"] for message in body["messages"] if message["role"] == "user"]
    texts = [
        block["text"]
        for content in told
        for block in ([{"type": "text", "text": content}] if isinstance(content, str) else content)
        if block["type"] == "text" and block["text"].startswith("# ")
    ]
    return bool(texts) and texts[-1].startswith("# TSK-")


def _message(blocks: list[dict[str, Any]], body: dict[str, Any], call: Call) -> dict[str, Any]:
    asked = len(json.dumps(body)) // _CHARACTERS_PER_TOKEN
    answered = len(json.dumps(blocks)) // _CHARACTERS_PER_TOKEN
    uses_tool = any(block["type"] == "tool_use" for block in blocks)
    return {
        "id": "msg_" + hashlib.sha256(call.key.encode()).hexdigest()[:24],
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "scripted-model"),
        "content": blocks,
        "stop_reason": "tool_use" if uses_tool else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": asked,
            "output_tokens": answered,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }


def _sse(kind: str, **data: object) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"


async def stream_message(message: dict[str, Any]) -> AsyncGenerator[str]:
    """A message as the API streams it."""
    start: dict[str, Any] = {**message, "content": [], "stop_reason": None}
    yield _sse("message_start", message=start)
    for index, block in enumerate(message["content"]):
        opening: dict[str, Any]
        if block["type"] == "text":
            opening = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            opening = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield _sse("content_block_start", index=index, content_block=opening)
        yield _sse("content_block_delta", index=index, delta=delta)
        yield _sse("content_block_stop", index=index)
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _sse("message_delta", delta=ending, usage=message["usage"])
    yield _sse("message_stop")


def create_app(script: Script) -> Starlette:
    """The server; ``POST /v1/messages`` only."""

    async def messages(request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        call = Call.read(request.headers)
        script.note(call)
        await asyncio.sleep(script.latency_seconds)
        blocks = script.blocks(call, afresh=_is_afresh(body))
        if blocks is None:
            error = {"type": "not_found_error", "message": f"no script for {call.key}"}
            return JSONResponse({"type": "error", "error": error}, status_code=404)
        message = _message(blocks, body, call)
        if body.get("stream"):
            return StreamingResponse(stream_message(message), media_type="text/event-stream")
        return JSONResponse(message)

    async def count_tokens(request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        counted = len(json.dumps(body)) // _CHARACTERS_PER_TOKEN
        return JSONResponse({"input_tokens": counted})

    return Starlette(
        routes=[
            Route("/v1/messages", messages, methods=["POST"]),
            Route("/v1/messages/count_tokens", count_tokens, methods=["POST"]),
        ]
    )


def main() -> None:
    """Serve on loopback until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on loopback")
    parser.add_argument("--log", type=Path, help="append one JSON line a call to this file")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    arguments = parser.parse_args()
    script = Script(latency_seconds=arguments.latency, log=arguments.log)
    config = uvicorn.Config(
        create_app(script), host="127.0.0.1", port=arguments.port, log_level="warning"
    )
    uvicorn.Server(config).run()
    sys.exit(0)


if __name__ == "__main__":
    main()
