"""The DAG loop: ready set, child starts, failure policy."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import RESUME_SIGNAL, task_workflow_id
    from models.contracts.events import TaskMoved
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.projects import Environment
    from models.contracts.specs import SpecInput
    from models.contracts.tasks import TaskInput, TaskNode, TaskResult, TaskState
    from models.rules.dag import blocked_by, ready_tasks

    from workflows.cancellation import Cancellation
    from workflows.failures import EndedByPerson
    from workflows.gates import Gatekeeper
    from workflows.merges import MergeTurns
    from workflows.recorder import Recorder
    from workflows.tasks import TaskWorkflow

_CANCEL_AGAIN = timedelta(seconds=10)


class Scheduler:
    """Runs a plan's tasks as child workflows, at most ``max_parallel_tasks`` at a time."""

    def __init__(
        self,
        launch: SpecInput,
        recorder: Recorder,
        gates: Gatekeeper,
        cancellation: Cancellation,
        paused: Callable[[], bool],
    ) -> None:
        self._launch = launch
        self._recorder = recorder
        self._gates = gates
        self._cancellation = cancellation
        self._paused = paused
        self._nodes: tuple[TaskNode, ...] = ()
        self._states: list[TaskState | None] = []
        self._rounds: list[int] = []
        self._running: dict[int, asyncio.Task[None]] = {}
        self._changed = False
        self._notes: dict[int, str] = {}
        self._environment = launch.settings.environment
        self.turns = MergeTurns()

    def states(self) -> dict[str, str]:
        """The state of each task by its local id; ``queued`` before it starts."""
        return {
            node.local_id: (state or TaskState.QUEUED).value
            for node, state in zip(self._nodes, self._states, strict=True)
        }

    def wake(self) -> None:
        """Something outside changed, such as a pause that ended."""
        self._changed = True

    async def resume_children(self) -> None:
        """Tell running tasks that the spec is not paused any more."""
        for index in list(self._running):
            handle = workflow.get_external_workflow_handle(
                task_workflow_id(self._nodes[index].task_id)
            )
            try:
                await handle.signal(RESUME_SIGNAL)
            except FailureError:
                workflow.logger.info("a task ended while it was told to resume")

    async def run(self, nodes: tuple[TaskNode, ...], environment: Environment) -> None:
        """Run every task; returns when all are merged or skipped.

        Raises:
            EndedByPerson: at the failure gate.
        """
        self._nodes, self._environment = nodes, environment
        self._states = [None] * len(nodes)
        self._rounds = [1] * len(nodes)
        try:
            await self._loop()
        except asyncio.CancelledError:
            await self._stop_children()
            raise

    async def _stop_children(self) -> None:
        """Cancel what runs and wait until it has cleaned up; a lost cancel is sent again."""
        while self._running:
            for running in self._running.values():
                running.cancel()
            try:
                await workflow.wait_condition(lambda: not self._running, timeout=_CANCEL_AGAIN)
            except TimeoutError:
                workflow.logger.info("cancelling tasks again")

    async def _loop(self) -> None:
        while True:
            self._changed = False
            self._start_ready()
            if not self._running and not self._paused():
                if not await self._settle():
                    return
                continue
            await self._cancellation.wait(lambda: self._changed)

    def _start_ready(self) -> None:
        if self._paused():
            return
        room = self._launch.settings.max_parallel_tasks - len(self._running)
        for index in ready_tasks(self._nodes, self._states)[: max(0, room)]:
            self._states[index] = TaskState.QUEUED
            self._running[index] = asyncio.create_task(self._run_child(index))

    async def _run_child(self, index: int) -> None:
        node = self._nodes[index]
        workflow_id = task_workflow_id(node.task_id)
        try:
            result = await workflow.execute_child_workflow(
                TaskWorkflow.run,
                self._input(index),
                id=workflow_id,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                static_summary=f"{node.local_id}: {node.title}",
            )
        except ChildWorkflowError as error:
            state = TaskState.CANCELLED if is_cancelled_exception(error) else TaskState.FAILED
            result = TaskResult(state=state, rounds=self._rounds[index])
        finally:
            self._running.pop(index, None)
            self._changed = True
        self._states[index] = result.state
        self._rounds[index] = result.rounds
        await self.turns.release(workflow_id)

    def _input(self, index: int) -> TaskInput:
        launch, node = self._launch, self._nodes[index]
        settings = launch.settings.model_copy(
            update={"environment": self._environment, "agent_model": launch.agent_model}
        )
        return TaskInput(
            task_id=node.task_id,
            spec_id=launch.spec_id,
            project_id=launch.project_id,
            local_id=node.local_id,
            title=node.title,
            priority=node.priority,
            branch=launch.branch,
            working_directory=launch.working_directory,
            extra_check=node.extra_check,
            expects_changes=node.expects_changes,
            first_round=self._rounds[index],
            note=self._notes.get(index, ""),
            settings=settings,
            timings=launch.timings,
        )

    async def _settle(self) -> bool:
        """Nothing runs: True when a person sent some tasks back, False when all is done.

        Raises:
            EndedByPerson: a person ended the spec.
        """
        blocked = blocked_by(self._nodes, self._states)
        failed = [
            index
            for index, state in enumerate(self._states)
            if state in {TaskState.FAILED, TaskState.CANCELLED}
        ]
        if not failed:
            return False
        facts: list[TaskMoved] = []
        for index, causes in blocked.items():
            if self._states[index] is None:
                self._states[index] = TaskState.BLOCKED
                told = ", ".join(self._nodes[cause].local_id for cause in causes)
                facts.append(self._fact("task.blocked", index, f"Waits for {told}, which failed"))
        if facts:
            await self._recorder.say(*facts)
        names = tuple(self._nodes[index].local_id for index in failed)
        decision = await self._gates.ask(
            GateKind.FAILURE,
            f"{', '.join(names)} failed; {len(blocked)} more cannot start",
            reason_code="task-failed",
            task_ids=names,
            options=(DecisionKind.RETRY, DecisionKind.SKIP, DecisionKind.CANCEL),
        )
        if decision.kind == DecisionKind.CANCEL:
            raise EndedByPerson(decision.by, decision.note or f"{', '.join(names)} failed")
        retry = decision.kind == DecisionKind.RETRY
        self._notes = dict.fromkeys(failed, decision.note) if retry else {}
        await self._send_back(failed, list(blocked), retry=retry)
        return True

    async def _send_back(self, failed: list[int], blocked: list[int], *, retry: bool) -> None:
        facts: list[TaskMoved] = []
        for index in failed:
            self._states[index] = None if retry else TaskState.SKIPPED
            self._rounds[index] += 1
            facts.append(self._fact("task.retried" if retry else "task.skipped", index, None))
        for index in blocked:
            self._states[index] = None
            facts.append(self._fact("task.retried", index, None))
        await self._recorder.say(*facts)

    def _fact(self, event: str, index: int, reason: str | None) -> TaskMoved:
        node = self._nodes[index]
        return TaskMoved.model_validate(
            {
                "event_type": event,
                "task_id": node.task_id,
                "local_id": node.local_id,
                "round": self._rounds[index],
                "reason": reason,
            }
        )
