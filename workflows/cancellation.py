"""Whether a run is to end, asked after every wait.

A cancellation can be lost when what was awaited completes in the same workflow task (SDK 1.35,
logic flag 2 is off), so no run relies on the exception alone.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow


class Cancellation:
    """Set by a person's command or by Temporal; ``closed`` once the run is ending anyway."""

    def __init__(self) -> None:
        self._commanded = False
        self.closed = False

    @property
    def requested(self) -> bool:
        """True when the run is to end and has not begun to."""
        return not self.closed and (self._commanded or workflow.cancellation_reason() is not None)

    def request(self) -> None:
        """A person wants it to end."""
        self._commanded = True

    def check(self) -> None:
        """Stop here when the run is to end.

        Raises:
            asyncio.CancelledError: it is.
        """
        if self.requested:
            raise asyncio.CancelledError

    async def wait(self, condition: Callable[[], bool], timeout: timedelta | None = None) -> None:  # noqa: ASYNC109 - Temporal's own parameter
        """Wait for a condition or the end of the run.

        Raises:
            asyncio.CancelledError: the run is to end.
            TimeoutError: the condition did not come true in time.
        """
        await workflow.wait_condition(lambda: condition() or self.requested, timeout=timeout)
        self.check()
