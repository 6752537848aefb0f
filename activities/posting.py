"""The reporter that posts: events of a sandbox go to the API in order, each once, none dropped."""

import asyncio
import hashlib
import logging
import random
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx2

from models.contracts.base import ProjectId, SpecId
from models.contracts.events import NewEvent
from models.contracts.sandboxes import POSTED_LIMIT, PostedEvent
from models.errors import NotAllowed, Unavailable

_LOGGER: Final = logging.getLogger(__name__)
_KEY_LIMIT: Final = 200
_BODY_BYTES: Final = 900_000
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 10.0
_AGAIN: Final = frozenset({408, 425, 429})
_SHUT: Final = frozenset({401, 403, 404, 409})
_FIRST_ERROR, _FIRST_SERVER_ERROR = 400, 500


class Spool:
    """Lines on disk, first in first out; a crash leaves a line too many rather than one too few."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._left = len(self._lines())
        if self._left:
            self.put_back(())  # without a torn line at the end
        else:
            self.settle()

    def __len__(self) -> int:
        return self._left

    def _lines(self) -> list[str]:
        if not self._path.exists():
            return []
        whole, _, _ = self._path.read_text(encoding="utf-8").rpartition("\n")  # not a torn line
        return whole.split("\n") if whole else []

    def put(self, lines: Sequence[str]) -> None:
        """Add lines at the end."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        self._left += len(lines)

    def take(self, count: int) -> list[str]:
        """The next lines, in order."""
        found = self._lines()[self._read : self._read + count]
        self._read += len(found)
        self._left -= len(found)
        return found

    def settle(self) -> None:
        """What was taken has arrived: forget it, when nothing is left."""
        if not self._left:
            self._path.unlink(missing_ok=True)
            self._read = 0

    def put_back(self, lines: Sequence[str]) -> None:
        """Put lines before all others, whole or not at all."""
        rest = self._lines()[self._read :]
        everything = [*lines, *rest]
        self._read, self._left = 0, len(everything)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in everything), encoding="utf-8")
        fresh.replace(self._path)


class HTTPReporter:
    """Posts events with a sandbox's token; use it as an async context.

    Sends when ``size`` events wait, or the oldest has waited ``seconds``; tries again with growing
    waits while the API is away. Over ``most`` events in memory, and at the end, the rest goes to the
    ``spool`` file and is sent first next time. An event that is refused for itself is kept in the
    file beside it that ends in ``.refused``.
    """

    def __init__(
        self,
        url: str,
        sandbox_id: str,
        token: str,
        spool: Path,
        *,
        size: int = 100,
        seconds: float = 1.0,
        most: int = 1_000,
    ) -> None:
        self._url = f"{url}/api/v1/sandboxes/{sandbox_id}/events"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._size, self._seconds, self._most = min(size, POSTED_LIMIT), seconds, most
        self._spool = Spool(spool)
        self._refused_path = spool.with_name(spool.name + ".refused")
        self._waiting: deque[str] = deque()
        self._due = 0.0
        self._flushing = False
        self._wake = asyncio.Condition()
        self._shut: NotAllowed | None = None
        self._http = httpx2.AsyncClient(timeout=30)
        self._sender: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._due = time.monotonic()
        self._sender = asyncio.create_task(self._send_always())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        if self._waiting:
            await asyncio.to_thread(self._spool.put_back, list(self._waiting))
        await self._http.aclose()

    async def report(
        self, project_id: ProjectId, spec_id: SpecId, facts: Sequence[NewEvent]
    ) -> int:
        """Take the facts; they are on their way, or on disk, when it returns."""
        del project_id
        lines = [_line(spec_id, fact) for fact in facts]
        async with self._wake:
            if not self._waiting and not len(self._spool):
                self._due = time.monotonic() + self._seconds
            if len(self._spool) or len(self._waiting) + len(lines) > self._most:
                await asyncio.to_thread(self._spool.put, lines)
            else:
                self._waiting += lines
            self._wake.notify_all()
        return 0

    async def flush(self) -> None:
        """Wait until everything is taken by the API.

        Raises:
            NotAllowed: the API takes nothing more of this sandbox; what is left stays on disk.
        """
        async with self._wake:
            self._flushing = True
            self._wake.notify_all()
            await self._wake.wait_for(lambda: self._is_empty() or self._shut is not None)
            self._flushing = False
            if self._shut is not None:
                raise self._shut

    def _is_empty(self) -> bool:
        return not self._waiting and not len(self._spool)

    def _is_due(self) -> bool:
        if self._is_empty():
            return False
        full = len(self._waiting) + len(self._spool) >= self._size
        return full or self._flushing or time.monotonic() >= self._due

    async def _send_always(self) -> None:
        wait = _FIRST_WAIT
        while self._shut is None:
            batch = await self._next_batch()
            try:
                await self._send(batch)
                wait = _FIRST_WAIT
            except Unavailable as error:
                _LOGGER.warning("events wait", extra={"error": error.detail, "waiting": len(batch)})
                least = error.retry_after.total_seconds() if error.retry_after else 0.0
                await asyncio.sleep(max(least, wait * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads load
                wait = min(wait * 2, _LONGEST_WAIT)
                continue
            except NotAllowed as error:
                self._shut = error
            async with self._wake:
                if self._shut is None:
                    await self._forget(len(batch))
                self._wake.notify_all()

    async def _forget(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
        if not self._waiting:
            await asyncio.to_thread(self._spool.settle)

    async def _next_batch(self) -> list[str]:
        """What to send next; it stays in memory until it is taken."""
        async with self._wake:
            while not self._is_due():
                left = None if self._is_empty() else max(0.0, self._due - time.monotonic())
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._wake.wait()
            if not self._waiting:
                self._waiting += await asyncio.to_thread(self._spool.take, self._most)
            return self._cut()

    def _cut(self) -> list[str]:
        batch: list[str] = []
        room = _BODY_BYTES
        for line in self._waiting:
            room -= len(line.encode()) + 1
            if batch and (room < 0 or len(batch) >= self._size):
                break
            batch.append(line)
        return batch

    async def _send(self, batch: list[str]) -> None:
        """Post a batch; one that is refused is sent one by one, to find which event is at fault.

        Raises:
            Unavailable: try again later.
            NotAllowed: nothing more is taken of this sandbox.
        """
        answer = await self._post(batch)
        if answer.status_code < _FIRST_ERROR:
            return
        if len(batch) > 1:
            for line in batch:
                await self._send([line])
            return
        _LOGGER.error("an event was refused", extra={"answer": answer.text[:300]})
        await asyncio.to_thread(Spool(self._refused_path).put, batch)

    async def _post(self, batch: list[str]) -> httpx2.Response:
        body = f'{{"events": [{",".join(batch)}]}}'
        try:
            answer = await self._http.post(self._url, content=body.encode(), headers=self._headers)
        except httpx2.TransportError as error:
            msg = f"The API cannot be reached: {type(error).__name__}."
            raise Unavailable(msg, code="api-away") from error
        status = answer.status_code
        if status in _AGAIN or status >= _FIRST_SERVER_ERROR:
            asked = answer.headers.get("retry-after", "")
            after = timedelta(seconds=int(asked)) if asked.isdecimal() else None
            msg = f"The API answered {status}."
            raise Unavailable(msg, code="api-away", retry_after=after)
        if status in _SHUT:
            msg = f"The API takes no events of this sandbox: {answer.text[:300]}"
            raise NotAllowed(msg, code="sandbox-not-heard")
        return answer


def _line(spec_id: SpecId, fact: NewEvent) -> str:
    """One event as it is posted."""
    data = fact.fact.model_dump(mode="json", exclude_none=True, exclude={"event_type", "phase"})
    key = fact.dedup_key
    if len(key) > _KEY_LIMIT:
        key = hashlib.sha256(key.encode()).hexdigest()
    phase = getattr(fact.fact, "phase", None)
    event = PostedEvent(
        event_type=fact.fact.event_type,
        timestamp=fact.occurred_at or datetime.now(UTC),
        spec_id=spec_id,
        phase=str(phase) if phase is not None else None,
        data=data,
        dedup_key=key,
    )
    return event.model_dump_json(exclude_none=True)
