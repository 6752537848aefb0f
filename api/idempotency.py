"""Idempotency-Key on every write: the same key gets the same answer, another body is refused.

After https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/. Only answers of
success are kept, so that what failed may be sent again with its key.
"""

import asyncio
import hashlib
import json
from collections import Counter
from contextlib import suppress
from typing import Final, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.deps import Services
from api.errors import problem_response
from models.store import idempotency
from models.store.idempotency import KnownAnswer

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LONGEST: Final = 200
_SUCCESS: Final = range(200, 300)
_OWN: Final = "/events"  # a sandbox's events carry keys of their own


class Idempotency:
    """Remembers answers by caller, method, path and key; one request of a key at a time."""

    def __init__(self, app: ASGIApp, api: FastAPI) -> None:
        self._app = app
        self._api = api
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._users: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        key = self._key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        if not 1 <= len(key) <= _LONGEST:
            detail = f"An Idempotency-Key has 1 to {_LONGEST} characters."
            answer = problem_response(Request(scope), 422, "validation-failed", detail)
            await answer(scope, receive, send)
            return
        body = await _read(receive)
        where = f"owner {scope['method']} {scope['path']}"
        digest = hashlib.sha256(body).hexdigest()
        named = (where, key)
        lock = self._locks.setdefault(named, asyncio.Lock())
        self._users[named] += 1
        try:
            async with lock:
                await self._answer(scope, body, send, (where, key, digest))
        finally:
            self._users[named] -= 1
            if not self._users[named]:
                del self._users[named], self._locks[named]

    def _key(self, scope: Scope) -> str | None:
        if scope["type"] != "http" or scope["method"] not in _WRITES:
            return None
        key = Headers(scope=scope).get("idempotency-key")
        own = scope["path"].endswith(_OWN) or not scope["path"].startswith("/api/")
        return None if own else key

    async def _answer(
        self, scope: Scope, body: bytes, send: Send, named: tuple[str, str, str]
    ) -> None:
        where, key, digest = named
        services = cast(Services, self._api.state.services)
        try:
            async with services.database.begin() as session:
                known = await idempotency.find(session, where, key)
        except DBAPIError:
            known = None  # the route says that the database is away
        if known is not None:
            response = _again(Request(scope), known, digest)
            await response(scope, _replay(b""), send)
            return
        taken = _Taken(send)
        await self._app(scope, _replay(body), taken.send)
        if taken.status in _SUCCESS:
            answer = KnownAnswer(body_sha256=digest, status=taken.status, answer=taken.answer())
            with suppress(DBAPIError):  # the work is done; the command's own id still holds
                async with services.database.begin() as session:
                    await idempotency.keep(session, where, key, answer)
        await taken.end()


def _again(request: Request, known: KnownAnswer, digest: str) -> Response:
    if known.body_sha256 != digest:
        detail = "This Idempotency-Key was used with another body."
        return problem_response(request, 422, "idempotency-key-reused", detail)
    if known.answer is None:
        return Response(status_code=known.status)
    return JSONResponse(known.answer, status_code=known.status)


async def _read(receive: Receive) -> bytes:
    """The whole body; the edge has limited it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes) -> Receive:
    """A body that was read, to be read again."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    return receive


class _Taken:
    """An answer on its way out; its last part waits until the answer is kept."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._parts: list[bytes] = []
        self._last: Message | None = None
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
        if message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._last = message
                return
        await self._send(message)

    def answer(self) -> JsonValue:
        """The body of the answer."""
        content = b"".join(self._parts)
        return json.loads(content) if content else None

    async def end(self) -> None:
        """Let the last part go."""
        if self._last is not None:
            await self._send(self._last)
