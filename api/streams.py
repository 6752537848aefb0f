"""Server-sent events and the WebSocket's messages, out of batches of lines."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Final

from fastapi.responses import Response, StreamingResponse
from pydantic import JsonValue, TypeAdapter, ValidationError
from starlette.types import Message, Send

from api.feeds import Line
from models.contracts.base import ProjectId
from models.errors import InvalidInput
from models.rules.aliases import ALIASES
from models.store.event_lines import EventLines

_POSITIONS: Final[TypeAdapter[dict[ProjectId, int]]] = TypeAdapter(dict[ProjectId, int])
Batches = AsyncGenerator[list[Line] | None]


class EventStream(StreamingResponse):
    """Server-sent events; a client that takes nothing for so long is dropped, and resumes.

    The format: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    media_type = "text/event-stream"

    def __init__(self, content: AsyncGenerator[str], slow_seconds: float) -> None:
        self._slow_seconds = slow_seconds
        super().__init__(content, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def stream_response(self, send: Send) -> None:
        """Send, but never wait longer than the bound for a slow client."""

        async def bounded(message: Message) -> None:
            try:
                async with asyncio.timeout(self._slow_seconds):
                    await send(message)
            except TimeoutError as error:
                msg = "a slow client is dropped"
                raise OSError(msg) from error

        await super().stream_response(bounded)


def send_page(page: EventLines) -> Response:
    """A page of events, as it was written by the store."""
    return Response(page.json(), media_type="application/json")


async def write_sse(
    batches: Batches,
    identify: Callable[[Line], str],
    takes: Callable[[Line], bool] = lambda _: True,
) -> AsyncGenerator[str]:
    """Messages with ``id`` and ``data``, one an event; a comment every 15 s of silence."""
    yield "retry: 1000\n\n"
    async for batch in batches:
        if batch is None:
            yield ": ping\n\n"
            continue
        told = [f"id: {identify(line)}\ndata: {line.json}\n\n" for line in batch if takes(line)]
        if told:
            yield "".join(told)


class Positions:
    """Where a follower of many projects stands, as it is handed out and taken back."""

    def __init__(self, given: dict[ProjectId, int] | None = None) -> None:
        self.given = given
        self._now: dict[str, int] = {str(key): value for key, value in (given or {}).items()}

    def move(self, line: Line) -> str:
        """The positions after a line, as JSON."""
        self._now[str(line.subject.project_id)] = line.position
        return json.dumps(self._now, separators=(",", ":"))


def read_positions(text: str | None) -> Positions:
    """Positions by project.

    Raises:
        InvalidInput: not an object of positions (``invalid-position``).
    """
    if text is None:
        return Positions()
    try:
        found = _POSITIONS.validate_json(text)
    except ValidationError as error:
        msg = "A position is a JSON object of project ids and numbers."
        raise InvalidInput(msg, code="invalid-position") from error
    if any(value < 0 or value >= 2**31 for value in found.values()):
        msg = "A position is a number from 0 to 2147483647."
        raise InvalidInput(msg, code="invalid-position")
    return Positions(found)


def read_last_id(last_event_id: str | None, since: int) -> int:
    """Where a stream of one number begins.

    Raises:
        InvalidInput: the header is not a number that a stream gave out.
    """
    if last_event_id is None:
        return since
    if re.fullmatch("[0-9]{1,9}", last_event_id) is None:
        msg = "Last-Event-ID must be a seq."
        raise InvalidInput(msg, code="invalid-last-event-id")
    return int(last_event_id)


def write_message(line: Line, positions: Positions) -> str:
    """An event as the WebSocket sends it; ``alias`` is its name of the seeds."""
    head: dict[str, JsonValue] = {
        "type": "event",
        "event_type": line.subject.event_type,
        "alias": ALIASES.get(line.subject.event_type),
        "entity_type": line.subject.kind,
        "entity_id": line.subject.entity_id,
    }
    written = json.dumps(head)[:-1]
    return f'{written}, "event": {line.json}, "position": {positions.move(line)}}}'
