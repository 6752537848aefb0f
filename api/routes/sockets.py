"""The WebSocket: events of all projects through a filter that the client may change."""

import asyncio
from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from pydantic import Field, JsonValue, ValidationError

from api.deps import Services
from api.feeds import Line, ended
from api.streams import Positions, read_positions, write_message
from models.contracts.base import Request
from models.errors import AppError
from models.rules.aliases import EventFilter

router = APIRouter(tags=["events"])
_Names = Annotated[list[str], Field(max_length=200)]
_POLICY, _SLOW, _RESTART = 1008, 4008, 1012


class Subscribe(Request):
    """A client's message: which events it wants from now on."""

    type: Literal["subscribe"]
    event_types: _Names = Field(default_factory=list[str])
    entity_types: _Names = Field(default_factory=list[str])
    entity_ids: _Names = Field(default_factory=list[str])

    def filter(self) -> EventFilter:
        """The filter that it asks for."""
        return EventFilter(
            frozenset(self.event_types), frozenset(self.entity_types), frozenset(self.entity_ids)
        )


@router.websocket("/ws/events")
async def follow_events(
    socket: WebSocket,
    event_types: Annotated[list[str] | None, Query()] = None,
    entity_types: Annotated[list[str] | None, Query()] = None,
    entity_ids: Annotated[list[str] | None, Query()] = None,
    since: str | None = None,
) -> None:
    """Events live, as ``{type: "event", …}``; lists may be repeated or separated by commas.

    ``since`` is the last ``position`` seen; without one it begins now. Closes with 4008 when the
    client is too slow and with 1012 when the server stops: connect again with ``since``.
    """
    services: Services = socket.app.state.services
    try:
        positions = read_positions(since)
        asked = Subscribe(
            type="subscribe",
            event_types=_listed(event_types),
            entity_types=_listed(entity_types),
            entity_ids=_listed(entity_ids),
        )
    except (AppError, ValidationError) as error:
        await socket.accept()
        await _refuse(socket, error)
        await socket.close(_POLICY)
        return
    await socket.accept()
    await _Conversation(socket, services, positions, asked.filter()).run()


def _listed(given: list[str] | None) -> list[str]:
    return [name for part in given or [] for name in part.split(",") if name]


async def _refuse(socket: WebSocket, error: AppError | ValidationError) -> None:
    code = error.stable_code if isinstance(error, AppError) else "validation-failed"
    detail = error.detail if isinstance(error, AppError) else "This is not a message of ours."
    told: dict[str, JsonValue] = {"type": "error", "code": code, "detail": detail}
    await socket.send_json(told)


class _Conversation:
    """One socket: what it wants, and where it stands."""

    def __init__(
        self, socket: WebSocket, services: Services, positions: Positions, wanted: EventFilter
    ) -> None:
        self._socket = socket
        self._live = services.live
        self._slow_seconds = services.api.slow_client_seconds
        self._positions = positions
        self._wanted = wanted

    async def run(self) -> None:
        """Send until the client goes, is too slow, or the server stops."""
        listening = asyncio.create_task(self._listen())
        sending = asyncio.create_task(self._send())
        try:
            await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
            code = _RESTART
            if sending.done() and isinstance(sending.exception(), TimeoutError):
                code = _SLOW
            if not listening.done():
                with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                    async with asyncio.timeout(1):
                        await self._socket.close(code)
        finally:
            for task in (listening, sending):
                with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                    await ended(task)

    async def _listen(self) -> None:
        """Take the client's messages; returns when it has gone."""
        with suppress(WebSocketDisconnect):
            while True:
                text = await self._socket.receive_text()
                try:
                    self._wanted = Subscribe.model_validate_json(text).filter()
                    await self._say('{"type": "subscribed"}')
                except ValidationError as error:
                    await _refuse(self._socket, error)

    async def _say(self, text: str) -> None:
        async with asyncio.timeout(self._slow_seconds):
            await self._socket.send_text(text)

    async def _send(self) -> None:
        async for batch in self._live.follow_all(self._positions.given):
            if batch is None:
                await self._say('{"type": "ping"}')
                continue
            await self._send_lines(batch)

    async def _send_lines(self, lines: list[Line]) -> None:
        passed: str | None = None
        for line in lines:
            if self._wanted.takes(line.subject):
                await self._say(write_message(line, self._positions))
                passed = None
            else:
                passed = self._positions.move(line)
        if passed is not None:  # what was filtered out need not be read again after a reconnect
            await self._say(f'{{"type": "position", "position": {passed}}}')
