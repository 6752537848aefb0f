"""The DAG loop: ready set, child starts, failure policy."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import RESUME_SIGNAL, task_workflow_id
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.projects import Environment
    from models.contracts.task_facts import TaskMoved
    from models.contracts.tasks import TaskInput, TaskNode, TaskResult, TaskState
    from models.rules.dag import blocked_by, ready_tasks

    from workflows.budgets import Budgeter
    from workflows.context import SpecContext
    from workflows.failures import EndedByPerson
    from workflows.merges import MergeTurns
    from workflows.tasks import TaskWorkflow

_CANCEL_AGAIN = timedelta(seconds=10)
_BAD = (TaskState.FAILED, TaskState.CANCELLED)


class Scheduler:
    """Runs a plan's tasks as child workflows, at most ``max_parallel_tasks`` at a time.

    States are kept by local id, so that a running plan can be changed.
    """

    def __init__(self, context: SpecContext, budgeter: Budgeter) -> None:
        self._context = context
        self._launch = context.launch
        self._recorder = context.recorder
        self._budgeter = budgeter
        self._nodes: tuple[TaskNode, ...] = ()
        self._states: dict[str, TaskState | None] = {}
        self._rounds: dict[str, int] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._changed = False
        self._notes: dict[str, str] = {}
        self._environment = context.launch.settings.environment
        self.active = False
        self.turns = MergeTurns()

    def states(self) -> dict[str, str]:
        """The state of each task by its local id; ``queued`` before it starts."""
        return {name: (state or TaskState.QUEUED).value for name, state in self._states.items()}

    def begun(self) -> tuple[str, ...]:
        """Local ids of tasks that have started, and so cannot be planned anew."""
        idle = {None, TaskState.BLOCKED}
        return tuple(name for name, state in self._states.items() if state not in idle)

    def wake(self) -> None:
        """Something outside changed, such as a pause that ended."""
        self._changed = True

    async def resume_children(self) -> None:
        """Tell running tasks that what they wait for may have ended."""
        for name in list(self._running):
            node = next(node for node in self._nodes if node.local_id == name)
            handle = workflow.get_external_workflow_handle(task_workflow_id(node.task_id))
            try:
                await handle.signal(RESUME_SIGNAL)
            except FailureError:
                workflow.logger.info("a task ended while it was told to resume")

    def budget_hit(self, message: str) -> None:
        """A task found the budget used up: ask once, and let all of them go on after."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_for_budget(message))

    async def _ask_for_budget(self, message: str) -> None:
        await self._budgeter.ask(message)
        await self.resume_children()

    async def run(self, nodes: tuple[TaskNode, ...], environment: Environment) -> None:
        """Run every task; returns when all are merged or skipped.

        Raises:
            EndedByPerson: at the failure gate.
        """
        self._environment = environment
        self._rounds = {node.local_id: node.first_round for node in nodes}
        self._states = {node.local_id: TaskState.MERGED if node.merged else None for node in nodes}
        self._nodes = nodes
        self.active = True
        try:
            await self._loop()
        except asyncio.CancelledError:
            await self._stop_children()
            raise
        finally:
            self.active = False
            if self._asking is not None:
                self._asking.cancel()

    def replan(self, nodes: tuple[TaskNode, ...]) -> None:
        """Go on with a changed plan: tasks that have begun stay, others are as planned now."""
        self._states = {node.local_id: self._states.get(node.local_id) for node in nodes}
        self._rounds = {
            node.local_id: self._rounds.get(node.local_id, node.first_round) for node in nodes
        }
        self._states = {
            name: None if state == TaskState.BLOCKED else state
            for name, state in self._states.items()
        }
        self._nodes = nodes
        self._changed = True

    def _listed(self) -> list[TaskState | None]:
        """The states in the order of the nodes."""
        return [self._states[node.local_id] for node in self._nodes]

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
                if not await self._settle():
                    return
                continue
            await self._context.cancellation.wait(lambda: self._changed)

    def _start_ready(self) -> None:
        if self._context.held():
            return
        room = self._launch.settings.max_parallel_tasks - len(self._running)
        for index in ready_tasks(self._nodes, self._listed())[: max(0, room)]:
            node = self._nodes[index]
            self._states[node.local_id] = TaskState.QUEUED
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
            result = TaskResult(state=state, rounds=self._rounds[name])
        finally:
            self._running.pop(name, None)
            self._changed = True
        self._states[name] = result.state
        self._rounds[name] = result.rounds
        await self.turns.release(workflow_id)

    def _input(self, node: TaskNode) -> TaskInput:
        launch = self._launch
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
            first_round=self._rounds[node.local_id],
            context_from=node.first_round,
            note=self._notes.get(node.local_id, ""),
            settings=settings,
            timings=launch.timings,
        )

    async def _settle(self) -> bool:
        """Nothing runs: True when some tasks were sent back, False when all is done.

        Raises:
            EndedByPerson: a person ended the spec.
        """
        nodes = self._nodes
        failed = [node.local_id for node in nodes if self._states[node.local_id] in _BAD]
        if not failed:
            return False
        blocked = await self._block(blocked_by(nodes, self._listed()))
        names = ", ".join(failed)
        gate = await self._context.gates.ask(
            GateKind.FAILURE,
            f"{names} failed; {len(blocked)} more cannot start",
            reason_code="task-failed",
            task_ids=tuple(failed),
            options=(DecisionKind.RETRY, DecisionKind.SKIP, DecisionKind.CANCEL),
        )
        decision = gate.decision
        if decision is None or decision.kind == DecisionKind.CANCEL:
            by, note = (decision.by, decision.note) if decision else ("", "")
            raise EndedByPerson(by, note or f"{names} failed")
        retry = decision.kind == DecisionKind.RETRY
        self._notes = dict.fromkeys(failed, decision.note) if retry else {}
        await self._send_back(failed, blocked, retry=retry)
        return True

    async def _block(self, reasons: dict[int, tuple[int, ...]]) -> list[str]:
        """Say which tasks cannot start; returns their local ids."""
        facts: list[TaskMoved] = []
        for index, causes in reasons.items():
            name = self._nodes[index].local_id
            if self._states[name] is None:
                self._states[name] = TaskState.BLOCKED
                told = ", ".join(self._nodes[cause].local_id for cause in causes)
                facts.append(self._fact("task.blocked", name, f"Waits for {told}, which failed"))
        if facts:
            await self._recorder.say(*facts)
        return [self._nodes[index].local_id for index in reasons]

    async def _send_back(self, failed: list[str], blocked: list[str], *, retry: bool) -> None:
        facts: list[TaskMoved] = []
        for name in (name for name in failed if name in self._states):
            self._states[name] = None if retry else TaskState.SKIPPED
            self._rounds[name] += 1
            facts.append(self._fact("task.retried" if retry else "task.skipped", name, None))
        for name in (name for name in blocked if name in self._states):
            self._states[name] = None
            facts.append(self._fact("task.retried", name, None))
        if facts:
            await self._recorder.say(*facts)

    def _fact(self, event: str, name: str, reason: str | None) -> TaskMoved:
        node = next(node for node in self._nodes if node.local_id == name)
        return TaskMoved.model_validate(
            {
                "event_type": event,
                "task_id": node.task_id,
                "local_id": name,
                "round": self._rounds[name],
                "reason": reason,
            }
        )
