"""A slot: asked for, waited for, and given back once."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.slots import SlotActivities
    from models.contracts.base import ProjectId, TaskId, Timings
    from models.contracts.commands import SLOT_SIGNAL
    from models.contracts.facts import Waiting
    from models.contracts.plans import Priority
    from models.contracts.tasks import SlotRequest

    from workflows import options
    from workflows.cancellation import Cancellation
    from workflows.recorder import Recorder
    from workflows.signals import tell


class SlotHolder:
    """Holds at most one slot, or a place in the queue for one.

    A task's slot is its project's; without a project it is a spec's, of the installation.
    """

    def __init__(
        self,
        timings: Timings,
        recorder: Recorder,
        cancellation: Cancellation,
        *,
        project_id: ProjectId | None = None,
        task_id: TaskId | None = None,
        priority: Priority = "medium",
    ) -> None:
        self._timings = timings
        self._recorder = recorder
        self._cancellation = cancellation
        self._project_id = project_id
        self._task_id = task_id
        self._priority: Priority = priority
        self._woken = False
        self._holds = False

    def wake(self) -> None:
        """A slot may be free: ask again."""
        self._woken = True

    def _request(self) -> SlotRequest:
        return SlotRequest(
            project_id=self._project_id,
            holder=workflow.info().workflow_id,
            priority=self._priority,
        )

    async def take(self) -> None:
        """Ask, and wait to be woken; ask again after a while even if nobody wakes us."""
        self._holds = True  # a place in the queue must be given back too
        told = ""
        while True:
            self._woken = False
            answer = await workflow.execute_activity_method(
                SlotActivities.request_slot, self._request(), **options.slot(self._timings)
            )
            if answer.granted:
                return
            place = f"Waits for a slot: {answer.in_use} of {answer.limit}, place {answer.position}"
            if not answer.limit:
                place = "Waits: nothing new starts while the orchestrator is switched off"
            if place != told:
                told = place
                await self._recorder.say(Waiting(reason=told, task_id=self._task_id))
            await self._wait()

    async def _wait(self) -> None:
        try:
            await self._cancellation.wait(lambda: self._woken, self._timings.slot_recheck)
        except TimeoutError:
            return

    async def give_back(self) -> None:
        """Give the slot, or the place, back and wake who holds it now."""
        if not self._holds:
            return
        self._holds = False
        released = await workflow.execute_activity_method(
            SlotActivities.release_slot, self._request(), **options.slot(self._timings)
        )
        for workflow_id in released.woken:
            await tell(workflow_id, SLOT_SIGNAL)
