"""A model at the wire: a real HTTP server on loopback whose faults are chosen by model name."""

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from tests.support.faults import BY_NAME, ModelFault
from workers.dev.scripted_model import Call, Script, stream_message
from workers.dev.scripted_model import create_app as scripted_app


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def message(content: list[dict[str, Any]], stop_reason: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "fake",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def _sse(chunks: list[str]) -> Response:
    return StreamingResponse(iter(chunks), media_type="text/event-stream")


async def _first_only() -> AsyncGenerator[str]:
    async for chunk in stream_message(message([], "end_turn")):
        yield chunk
        return


async def _bad_json() -> AsyncGenerator[str]:
    """A tool call whose input is no JSON."""
    tool: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "submit", "input": {}}
    async for chunk in stream_message(message([tool], "tool_use")):
        yield chunk.replace('"partial_json": "{}"', '"partial_json": "{\\"a\\": nope"')


class FakeModel:
    """Counts calls by model.

    ``answers`` holds tool calls by model name, for tests to plant; ``scripts`` holds whole scripts.
    ``script`` is the demo's own. ``holds`` keep an agent's turn of a model back until they are set.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.script = Script()
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.counted = 0
        self.scripts: dict[str, Script] = {}
        self.holds: dict[tuple[str, int], threading.Event] = {}
        self.url = ""

    async def _messages(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        model = str(body["model"])
        self.calls[model] += 1
        self.bodies.append(body)
        fault = BY_NAME.get(model)
        if fault is not None:
            return self._faulty(fault, self.calls[model])
        if model in self.scripts:
            script, call = self.scripts[model], Call.read(request.headers)
            script.note(call)
            await asyncio.sleep(script.latency_seconds)
            hold = self.holds.get((model, call.turn)) if call.task_id else None
            if hold is not None:
                await asyncio.to_thread(hold.wait, 60)
            return self._stream(message(script.blocks(call, afresh=False) or [], "tool_use"))
        if model in self.answers:
            return self._stream(message(self.answers[model], "tool_use"))
        return JSONResponse({"type": "error", "error": {"type": "x", "message": model}}, 404)

    def _faulty(self, fault: ModelFault, number: int) -> Response:
        match fault.shape:
            case "status":
                error = {"type": fault.kind, "message": f"told {fault.kind}"}
                return JSONResponse(
                    {"type": "error", "error": error},
                    status_code=fault.status,
                    headers=fault.headers,
                )
            case "cut":
                return _sse(["event: message_start\ndata: {"])
            case "cut-late":
                return StreamingResponse(_first_only(), media_type="text/event-stream")
            case "error-in-stream":
                error = '{"type":"error","error":{"type":"overloaded_error","message":"m"}}'
                return _sse([f"event: error\ndata: {error}\n\n"])
            case "bad-json":
                return StreamingResponse(_bad_json(), media_type="text/event-stream")
            case "message":
                content = [
                    {**block, "id": f"toolu_{number}"} if block["type"] == "tool_use" else block
                    for block in fault.content
                ]
                return self._stream(message(content, fault.stop_reason))

    async def _count(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        self.counted += 1
        return JSONResponse({"input_tokens": len(json.dumps(body)) // 4})

    def _stream(self, answer: dict[str, Any]) -> Response:
        return StreamingResponse(stream_message(answer), media_type="text/event-stream")

    @contextmanager
    def serve(self) -> Generator["FakeModel"]:
        app = Starlette(
            routes=[
                Mount("/scripted", scripted_app(self.script)),
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", self._count, methods=["POST"]),
            ]
        )
        with serving(app) as self.url:
            yield self


@contextmanager
def serving(app: Starlette, port: int | None = None) -> Generator[str]:
    """The application on loopback, in a thread of its own; its address."""
    port = port or free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:  # the thread has no event of its own to wait on
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class Receiver:
    """Takes posts and keeps them; answers with the given statuses in turn, then with the last."""

    def __init__(self, *statuses: int, answer: dict[str, Any] | None = None) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self._statuses = list(statuses) or [200]
        self._answer = answer or {}
        self._arrived = threading.Condition()

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        with self._arrived:
            self.posts.append((dict(request.headers), body))
            self._arrived.notify_all()
        return JSONResponse(self._answer, status_code=status)

    def app(self) -> Starlette:
        """To be served."""
        return Starlette(routes=[Route("/{path:path}", self._take, methods=["POST"])])

    async def until(self, count: int, seconds: float = 30) -> None:
        """Until so many posts have come."""

        def wait() -> bool:
            with self._arrived:
                return self._arrived.wait_for(lambda: len(self.posts) >= count, seconds)

        assert await asyncio.to_thread(wait), f"{len(self.posts)} posts of {count} came"
