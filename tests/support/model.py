"""A model at the wire: a real HTTP server on loopback whose faults are chosen by model name."""

import socket
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from workers.dev.scripted_model import Script, stream_message
from workers.dev.scripted_model import create_app as scripted_app

STATUSES = {
    "answer-400": (400, "invalid_request_error"),
    "answer-401": (401, "authentication_error"),
    "answer-403": (403, "permission_error"),
    "answer-404": (404, "not_found_error"),
    "answer-429": (429, "rate_limit_error"),
    "answer-500": (500, "api_error"),
    "answer-529": (529, "overloaded_error"),
}


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


class FakeModel:
    """Counts calls by model; ``script`` answers every name that is not a fault."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.script = Script()
        self.url = ""

    async def _messages(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        model = str(body["model"])
        self.calls[model] += 1
        self.bodies.append(body)
        if model in STATUSES:
            status, kind = STATUSES[model]
            error = {"type": "error", "error": {"type": kind, "message": f"told {kind}"}}
            headers = {"retry-after": "7"} if status == 429 else {}
            return JSONResponse(error, status_code=status, headers=headers)
        if model == "overloaded-in-stream":
            text = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"m"}}\n\n'
            return StreamingResponse(iter([text]), media_type="text/event-stream")
        if model == "cut-stream":
            return StreamingResponse(
                iter(["event: message_start\ndata: {"]), media_type="text/event-stream"
            )
        if model == "cut-late":
            whole = [chunk async for chunk in stream_message(message([], "end_turn"))]
            return StreamingResponse(iter(whole[:1]), media_type="text/event-stream")
        if model == "refuses":
            return self._stream(message([{"type": "text", "text": "No."}], "refusal"))
        if model == "only-talks":
            return self._stream(message([{"type": "text", "text": "Hm."}], "end_turn"))
        if model == "unknown-tool":
            tool: dict[str, Any] = {
                "type": "tool_use",
                "id": f"toolu_{self.calls[model]}",
                "name": "rm_rf",
                "input": {},
            }
            return self._stream(message([tool], "tool_use"))
        return JSONResponse({"type": "error", "error": {"type": "x", "message": model}}, 404)

    def _stream(self, answer: dict[str, Any]) -> Response:
        return StreamingResponse(stream_message(answer), media_type="text/event-stream")

    @contextmanager
    def serve(self) -> Generator["FakeModel"]:
        port = free_port()
        app = Starlette(
            routes=[
                Mount("/scripted", scripted_app(self.script)),
                Route("/v1/messages", self._messages, methods=["POST"]),
            ]
        )
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:  # the thread has no event of its own to wait on
            thread.join(0.01)
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(10)
