"""Merge turns: one task of a spec merges at a time, first come, first served."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import TURN_SIGNAL


class MergeTurns:
    """Grants the turn to one child workflow, the next when it is given back."""

    def __init__(self) -> None:
        self._queue: list[str] = []
        self._holder: str | None = None

    async def request(self, workflow_id: str) -> None:
        """A child asks for the turn; asking twice changes nothing."""
        if workflow_id != self._holder and workflow_id not in self._queue:
            self._queue.append(workflow_id)
        await self._grant()

    async def release(self, workflow_id: str) -> None:
        """A child gives the turn back, or has ended."""
        if workflow_id in self._queue:
            self._queue.remove(workflow_id)
        if workflow_id == self._holder:
            self._holder = None
        await self._grant()

    async def _grant(self) -> None:
        while self._holder is None and self._queue:
            chosen = self._holder = self._queue.pop(0)
            try:
                await workflow.get_external_workflow_handle(chosen).signal(TURN_SIGNAL)
            except FailureError:  # the child has ended; the next one gets the turn
                if self._holder == chosen:
                    self._holder = None
