"""The edge: request ids, size limits, Host and Origin checks, security headers."""

import secrets
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api.errors import problem_response

BODY_LIMIT_BYTES: Final = 1024 * 1024
_TOO_LARGE: Final = f"A body holds at most {BODY_LIMIT_BYTES} bytes."
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_HTTP_PORT: Final = 80
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def content_security_policy(nonce: str) -> str:
    """Scripts only from us; styles from us or with this response's nonce."""
    return (
        "default-src 'none'; script-src 'self'; connect-src 'self'; font-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; manifest-src 'self'; "
        "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    )


def _is_ours(netloc: str, scope: Scope) -> bool:
    """True for a loopback name with the port that the connection came to."""
    try:
        parts = urlsplit(f"//{netloc}")
        host, port = parts.hostname or "", parts.port or _HTTP_PORT
    except ValueError:
        return False
    server = scope.get("server")
    return host in _LOOPBACK and (server is None or port == server[1])


def _is_same(origin: str, host: str | None) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


class Edge:
    """Checks what comes in and marks what goes out; pure ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket" and self._refusal(scope) is not None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # 403 before it is accepted
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = str(uuid7())
        scope["csp_nonce"] = secrets.token_urlsafe(16)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = scope["request_id"]
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "same-origin"
                headers.setdefault(
                    "content-security-policy", content_security_policy(scope["csp_nonce"])
                )
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            status, code, detail = refusal
            response = problem_response(Request(scope), status, code, detail)
            await response(scope, receive, marked)
            return
        try:
            await self._app(scope, _Limited(receive).receive, marked)
        except HTTPException as error:  # read before a route was chosen
            answer = problem_response(Request(scope), error.status_code, "too-large", error.detail)
            await answer(scope, receive, marked)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        if not _is_ours(headers.get("host", ""), scope):
            return 403, "host-not-allowed", "Local mode answers to loopback names only."
        origin = headers.get("origin")
        writes = scope.get("method") not in _SAFE_METHODS  # a socket writes too
        if writes and origin is not None and not _is_same(origin, headers.get("host")):
            return 403, "origin-not-allowed", "Writes from another origin are refused."
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT_BYTES:
            return 413, "too-large", _TOO_LARGE
        return None


class _Limited:
    """Refuses a body that turns out longer than it may be."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = BODY_LIMIT_BYTES

    async def receive(self) -> Message:
        """The next part.

        Raises:
            HTTPException: the body is too large; of this kind, because the framework lets it pass.
        """
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise HTTPException(413, _TOO_LARGE)
        return message
