"""The DAG loop: ready set, child starts, failure policy."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import (
        GATE_DECIDED_SIGNAL,
        RESUME_SIGNAL,
        TaskCommand,
        task_workflow_id,
    )
    from models.contracts.phases import Phase
    from models.contracts.specs import SpecStatus
    from models.contracts.tasks import TaskGateAsk, TaskInput, TaskNode, TaskResult, TaskState
    from models.rules.dag import ready_tasks

    from workflows.baselines import Baseline
    from workflows.board import Board
    from workflows.budgets import Budgeter
    from workflows.context import SpecContext
    from workflows.merges import MergeTurns
    from workflows.setbacks import Setbacks
    from workflows.signals import tell
    from workflows.tasks import TaskWorkflow

_CANCEL_AGAIN = timedelta(seconds=10)
_CLOSING = timedelta(seconds=5)


class Scheduler:
    """Runs a plan's tasks as child workflows, at most ``max_parallel_tasks`` at a time.

    States are kept by local id, so that a running plan can be changed.
    """

    def __init__(self, context: SpecContext, budgeter: Budgeter, baseline: Baseline) -> None:
        self._context = context
        self._launch = context.launch
        self._recorder = context.recorder
        self._budgeter = budgeter
        self._board = Board()
        self.setbacks = Setbacks(context, self._board)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._changed = False
        self._baseline = baseline
        self._tests: int | None = None
        self._gates: dict[str, asyncio.Task[None]] = {}
        self.active = False
        self.turns = MergeTurns()
        self._parallel = context.launch.settings.max_parallel_tasks

    def states(self) -> dict[str, str]:
        """The state of each task by its local id; ``queued`` before it starts."""
        return {n: (state or TaskState.QUEUED).value for n, state in self._board.states.items()}

    def begun(self) -> tuple[str, ...]:
        """Local ids of tasks that have started, and so cannot be planned anew."""
        return self._board.begun()

    def validate(self, command: TaskCommand, status: SpecStatus) -> None:
        """Refuse a command that is not allowed now; one on a task that is still closing waits.

        Raises:
            ApplicationError: ``command-not-allowed`` or ``commit-missing``, with the reason.
        """
        if not self._runs(command):
            self.setbacks.validate(command, status)

    def _runs(self, command: TaskCommand) -> bool:
        return self._board.name_of(command.task_id) in self._running

    async def take(self, command: TaskCommand, status: SpecStatus) -> TaskState:
        """Carry out a person's command on one task, and go on with the plan.

        People read that a task has ended a moment before its workflow closes, so that is waited for.
        """
        if self._runs(command):
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: not self._runs(command), timeout=_CLOSING)
        state = await self.setbacks.take(command, status)
        self._changed = True
        return state

    def set_limit(self, parallel: int | None) -> None:
        """Run at most so many tasks at once from now on; what runs goes on."""
        self._parallel = parallel or self._parallel
        self.wake()

    def wake(self) -> None:
        """Something outside changed, such as a pause that ended."""
        self._changed = True

    async def resume_children(self) -> None:
        """Tell running tasks that what they wait for may have ended."""
        for name in list(self._running):
            task_id = self._board.node(name).task_id
            handle = workflow.get_external_workflow_handle(task_workflow_id(task_id))
            try:
                await handle.signal(RESUME_SIGNAL)
            except FailureError:
                workflow.logger.info("a task ended while it was told to resume")

    def budget_hit(self, message: str) -> None:
        """A task found the budget used up: ask once, and let all of them go on after."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_for_budget(message))

    def ask_gate(self, asked: TaskGateAsk) -> None:
        """A task needs a person's decision: ask, and bring it the answer."""
        if asked.local_id not in self._gates:
            self._gates[asked.local_id] = asyncio.create_task(self._ask_for_task(asked))

    async def _ask_for_task(self, asked: TaskGateAsk) -> None:
        gate = await self._context.gates.ask(
            asked.kind,
            asked.summary,
            reason_code=asked.reason_code,
            task_ids=(asked.local_id,),
            by_person=True,
        )
        self._gates.pop(asked.local_id, None)
        await tell(task_workflow_id(asked.task_id), GATE_DECIDED_SIGNAL, gate.decision)

    async def _ask_for_budget(self, message: str) -> None:
        await self._budgeter.ask(message)
        await self.resume_children()

    async def run(self, nodes: tuple[TaskNode, ...]) -> None:
        """Run every task; returns when all are merged or skipped.

        Raises:
            EndedByPerson: at the failure gate.
        """
        evidence = self._baseline.evidence
        self._tests = evidence.tests if evidence is not None else None
        self._board.lay(nodes)
        await self._go(self._loop())

    async def run_also(self, node: TaskNode) -> None:
        """Run one more task after the plan; returns when it has ended, well or not."""
        await self._context.unheld()
        self._board.add(node)
        self._board.states[node.local_id] = TaskState.QUEUED
        await self._go(self._one(node))

    async def _one(self, node: TaskNode) -> None:
        self._running[node.local_id] = asyncio.create_task(self._run_child(node))
        await self._context.cancellation.wait(lambda: not self._running)

    async def _go(self, work: Coroutine[None, None, None]) -> None:
        self.active = True
        try:
            await work
        except asyncio.CancelledError:
            await self._stop_children()
            raise
        finally:
            self.active = False
            if self._asking is not None:
                self._asking.cancel()

    def replan(self, nodes: tuple[TaskNode, ...]) -> None:
        """Go on with a changed plan: tasks that have begun stay, others are as planned now."""
        self._board.replan(nodes)
        self._changed = True

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
            if not self._running and not self._context.held():
                if not await self.setbacks.settle():
                    return
                continue
            await self._context.cancellation.wait(lambda: self._changed)

    def _start_ready(self) -> None:
        if self._context.held():
            return
        room = self._parallel - len(self._running)
        for index in ready_tasks(self._board.nodes, self._board.listed())[: max(0, room)]:
            node = self._board.nodes[index]
            self._board.states[node.local_id] = TaskState.QUEUED
            self._running[node.local_id] = asyncio.create_task(self._run_child(node))

    async def _run_child(self, node: TaskNode) -> None:
        name, workflow_id = node.local_id, task_workflow_id(node.task_id)
        try:
            result = await workflow.execute_child_workflow(
                TaskWorkflow.run,
                self._input(node),
                id=workflow_id,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                static_summary=f"{name}: {node.title}",
            )
        except ChildWorkflowError as error:
            state = TaskState.CANCELLED if is_cancelled_exception(error) else TaskState.FAILED
            result = TaskResult(state=state, rounds=self._board.rounds[name])
        finally:
            self._running.pop(name, None)
            self._changed = True
            asking = self._gates.pop(name, None)
            if asking is not None:  # who asked is gone
                asking.cancel()
        if result.state == TaskState.MERGED and result.tests is not None:
            self._tests = max(self._tests or 0, result.tests)
        self._board.states[name] = result.state
        self._board.rounds[name] = result.rounds
        await self.turns.release(workflow_id)

    def _input(self, node: TaskNode) -> TaskInput:
        launch = self._launch
        settings = launch.settings.model_copy(
            update={
                "environment": self._baseline.environment,
                "agent_model": launch.agent_model,
            }
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
            first_round=self._board.rounds[node.local_id],
            context_from=node.first_round,
            note=self._board.notes.get(node.local_id, ""),
            plan_approved=launch.settings.gates[Phase.TASKS].mode == "ask",
            baseline_accepted=self._baseline.accepted,
            tests_before=self._tests,
            settings=settings,
            timings=launch.timings,
        )
