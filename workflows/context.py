"""What every part of a spec's run shares."""

from collections.abc import Callable
from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.contracts.specs import SpecInput

    from workflows.cancellation import Cancellation
    from workflows.gates import Gatekeeper
    from workflows.recorder import Recorder


@dataclass(frozen=True)
class SpecContext:
    """One run of a spec: its input, its voice, its gates, and how it is held or ended.

    ``held`` is True while a pause or a spent wall clock lets nothing new begin. ``stop(by, reason)``
    ends the run as a person's cancel does.
    """

    launch: SpecInput
    recorder: Recorder
    gates: Gatekeeper
    cancellation: Cancellation
    held: Callable[[], bool]
    stop: Callable[[str, str], None]

    async def unheld(self) -> None:
        """Wait until new work may begin."""
        await self.cancellation.wait(lambda: not self.held())

    async def end(self, by: str, reason: str) -> None:
        """End the run for a person and wait for it.

        Raises:
            asyncio.CancelledError: always.
        """
        self.stop(by, reason)
        await self.cancellation.wait(lambda: False)
