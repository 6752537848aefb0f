"""The Messages API: one streamed call, its errors mapped once.

Source: Anthropic's Messages API reference and its Python SDK 2.x (``max_retries=0``: Temporal
retries; a mid-stream error has status 200 and is told by its type).
"""

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import httpx2
from pydantic import JsonValue

from models.contracts.usage import PriceTable, Usage
from models.errors import (
    AppError,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from models.rules.prices import price_table, priced
from models.rules.texts import storable
from models.settings import LanguageSettings

if TYPE_CHECKING:
    from anthropic import APIError, AsyncAnthropic

MAX_TOKENS: Final = 16_000
WINDOW_TOKENS: Final = 200_000
_CALL_SECONDS: Final = 600.0
_DAY: Final = 86_400


@dataclass(frozen=True)
class Answer:
    """One answer: content blocks and stop reason as the API gave them, and what it used."""

    response: dict[str, JsonValue]
    usage: Usage


class ModelClient:
    """Calls a model; the demo project goes to the scripted server, all others to the provider."""

    def __init__(self, settings: LanguageSettings) -> None:
        self._settings = settings
        self.prices: PriceTable = price_table(settings.model_prices)
        self._clients: dict[bool, AsyncAnthropic] = {}

    def _client(self, *, scripted: bool) -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic  # noqa: PLC0415 - takes 1.6 s, workers only

        if scripted not in self._clients:
            key = self._settings.anthropic_api_key
            base_url = self._settings.anthropic_base_url
            if scripted:
                base_url = self._settings.scripted_model_url
            secret = "scripted" if scripted else key.get_secret_value() if key else ""
            if not secret or (scripted and base_url is None):
                msg = "No model is configured: set ANTHROPIC_API_KEY and restart the worker."
                raise Conflict(msg, code="model-not-configured")
            self._clients[scripted] = AsyncAnthropic(
                api_key=secret, base_url=base_url, max_retries=0, timeout=_CALL_SECONDS
            )
        return self._clients[scripted]

    async def prepare(self) -> None:
        """Load the SDK beside the event loop: it takes 1.6 s, in which heartbeats must go on."""
        await asyncio.to_thread(importlib.import_module, "anthropic")

    async def ask(
        self,
        *,
        scripted: bool,
        model: str,
        system: str,
        messages: Sequence[Mapping[str, JsonValue]],
        tools: Sequence[Mapping[str, JsonValue]],
        headers: Mapping[str, str],
        on_progress: Callable[[], None],
    ) -> Answer:
        """Make one streamed call; ``on_progress`` is called once it is accepted, and for every event.

        Raises:
            Unauthenticated, NotAllowed, NotFound, InvalidInput: the call can never succeed.
            RateLimited, Unavailable: it may later; ``retry_after`` when the provider said when.
        """
        import anthropic  # noqa: PLC0415 - takes 1.6 s, workers only

        client = self._client(scripted=scripted)
        request: dict[str, Any] = {
            "model": model,
            "max_tokens": MAX_TOKENS,
            **_cached(system, messages, tools),
            "extra_headers": dict(headers),
        }
        try:
            async with client.messages.stream(**request) as stream:
                on_progress()
                async for _ in stream:
                    on_progress()
                final = await stream.get_final_message()
        except anthropic.APIError as error:
            raise explained(error) from error
        except (AssertionError, ValueError, httpx2.HTTPError) as error:
            # What the SDK lets through when a stream is cut before or inside an event.
            raise _cut() from error
        if final.stop_reason is None:
            raise _cut()
        raw = cast(dict[str, JsonValue], final.model_dump(mode="json", exclude_none=True))
        used = final.usage
        usage = Usage(
            calls=1,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cache_read_tokens=used.cache_read_input_tokens or 0,
            cache_write_tokens=used.cache_creation_input_tokens or 0,
        )
        content = cast(list[dict[str, JsonValue]], raw["content"])
        blocks: list[JsonValue] = [storable(_input_block(block)) for block in content]
        response: dict[str, JsonValue] = {"content": blocks, "stop_reason": raw.get("stop_reason")}
        return Answer(response=response, usage=priced(self.prices, model, usage))

    async def count(
        self,
        *,
        scripted: bool,
        model: str,
        system: str,
        messages: Sequence[Mapping[str, JsonValue]],
        tools: Sequence[Mapping[str, JsonValue]],
    ) -> int:
        """How many input tokens a call would have, as the provider counts them.

        Raises:
            the same errors as ``ask``.
        """
        import anthropic  # noqa: PLC0415 - takes 1.6 s, workers only

        request: dict[str, Any] = {"model": model, **_cached(system, messages, tools)}
        try:
            counted = await self._client(scripted=scripted).messages.count_tokens(**request)
        except anthropic.APIError as error:
            raise explained(error) from error
        return counted.input_tokens

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.close()


_CACHE: Final[dict[str, JsonValue]] = {"cache_control": {"type": "ephemeral"}}


def _cached(
    system: str,
    messages: Sequence[Mapping[str, JsonValue]],
    tools: Sequence[Mapping[str, JsonValue]],
) -> dict[str, Any]:
    """What is sent, with the system prompt and the last message marked as ends of cached prefixes."""
    *before, last = messages
    content = last["content"]
    blocks: list[JsonValue] = (
        [{"type": "text", "text": content}]
        if isinstance(content, str)
        else list(cast(list[JsonValue], content))
    )
    if blocks and isinstance(blocks[-1], dict):
        blocks[-1] = {**blocks[-1], **_CACHE}
    return {
        "system": [{"type": "text", "text": system, **_CACHE}],
        "messages": [*before, {**last, "content": blocks}],
        "tools": list(tools),
    }


def _cut() -> Unavailable:
    return Unavailable("The model's answer was cut off.", code="model-unavailable")


_KEPT: Final[dict[str, tuple[str, ...]]] = {
    "text": ("type", "text"),
    "tool_use": ("type", "id", "name", "input"),
    "thinking": ("type", "thinking", "signature"),
    "redacted_thinking": ("type", "data"),
}


def _input_block(block: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A content block as it may be sent back: without what only answers carry."""
    kept = _KEPT.get(str(block.get("type")))
    return {key: block[key] for key in kept if key in block} if kept else block


def _retry_after(error: "APIError") -> timedelta | None:
    response = getattr(error, "response", None)
    told = response.headers.get("retry-after") if response is not None else None
    try:
        seconds = float(told) if told else None
    except ValueError:
        return None
    return timedelta(seconds=seconds) if seconds is not None and 0 <= seconds <= _DAY else None


_BY_STATUS: Final[dict[int, tuple[type[AppError], str]]] = {
    400: (InvalidInput, "model-bad-request"),
    401: (Unauthenticated, "model-unauthenticated"),
    402: (NotAllowed, "model-payment-required"),
    403: (NotAllowed, "model-not-allowed"),
    404: (NotFound, "model-not-found"),
    413: (InvalidInput, "model-request-too-large"),
    422: (InvalidInput, "model-bad-request"),
}


def explained(error: "APIError") -> AppError:
    """The provider's error as one of ours."""
    told = f"The model provider says: {error.message[:300]}"
    kind = getattr(error, "type", None)
    status = getattr(error, "status_code", None)
    if kind == "rate_limit_error" or status == 429:  # noqa: PLR2004 - HTTP's number
        return RateLimited(told, code="model-rate-limited", retry_after=_retry_after(error))
    if kind != "overloaded_error" and status in _BY_STATUS:
        made, code = _BY_STATUS[status]
        return made(told, code=code)
    return Unavailable(told, code="model-unavailable", retry_after=_retry_after(error))
