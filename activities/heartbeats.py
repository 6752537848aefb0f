"""A heartbeat that knows progress: idle work stops beating, so its time-out ends the try."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta

from temporalio import activity

_LONGEST_PAUSE = timedelta(seconds=5)


class Progress:
    """Notes progress; work is idle when nothing moved and no call is open for the threshold."""

    def __init__(self, idle_threshold: timedelta) -> None:
        self._threshold = idle_threshold.total_seconds()
        self._open_calls = 0
        self._last = asyncio.get_running_loop().time()

    def touch(self) -> None:
        """A token, a tool result or output arrived."""
        self._last = asyncio.get_running_loop().time()

    @contextmanager
    def open_call(self) -> Generator[None]:
        """A call with its own time-out is under way, which is not idleness."""
        self._open_calls += 1
        try:
            yield
        finally:
            self._open_calls -= 1
            self.touch()

    @property
    def idle(self) -> bool:
        """True when the work has been silent for the threshold."""
        silent = asyncio.get_running_loop().time() - self._last
        return self._open_calls == 0 and silent > self._threshold


@asynccontextmanager
async def heartbeating(
    idle_threshold: timedelta = timedelta(minutes=10),
) -> AsyncGenerator[Progress]:
    """Beat in the background at a third of the activity's heartbeat time-out, at most every 5 s."""
    progress = Progress(idle_threshold)
    timeout = activity.info().heartbeat_timeout or _LONGEST_PAUSE * 3
    beating = asyncio.create_task(_beat(progress, min(timeout / 3, _LONGEST_PAUSE)))
    try:
        yield progress
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat(progress: Progress, pause: timedelta) -> None:
    while not progress.idle:
        activity.heartbeat()
        await asyncio.sleep(pause.total_seconds())
