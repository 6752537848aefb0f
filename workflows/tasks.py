"""TaskWorkflow: slot, sandbox, agent slices, check, merge turn, tear-down."""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.agents import AgentActivities
    from activities.checks import CheckActivities
    from activities.slots import SlotActivities
    from activities.tasks import TaskActivities
    from models.contracts.checks import CheckEvidence, CheckPurpose, RunCheck
    from models.contracts.commands import (
        RELEASE_TURN_SIGNAL,
        REQUEST_TURN_SIGNAL,
        SLOT_SIGNAL,
        spec_workflow_id,
    )
    from models.contracts.events import TaskMoved, Waiting
    from models.contracts.tasks import (
        AgentResult,
        PrepareWorkspace,
        RunAgent,
        SandboxRequest,
        SlotRequest,
        TaskInput,
        TaskResult,
        TaskState,
    )

    from workflows import options
    from workflows.cancellation import Cancellation
    from workflows.failures import Failure, TaskFailed, describe
    from workflows.landing import AGAIN, Landing
    from workflows.recorder import Recorder

_MERGE_ROUNDS = 2


@workflow.defn
class TaskWorkflow:
    """Carries out one task of a spec, in a sandbox, until it is merged.

    Id ``task-{task_id}``, child of its spec. Signals: ``slot_granted`` wakes a wait for a slot,
    ``merge_turn_granted`` a wait for the merge turn, ``resume_task`` a paused agent. Query:
    ``state``. Ends merged, failed or cancelled; its sandbox is always torn down.
    """

    @workflow.init
    def __init__(self, task: TaskInput) -> None:
        """Build the state that handlers may touch before ``run``."""
        self._task = task
        self._recorder = Recorder(task.project_id, task.spec_id, task.timings)
        self._cancellation = Cancellation()
        self._landing = Landing(task, self._run_check)
        self._slot_wake = False
        self._resumed = 0
        self._asked_for_turn = False
        self._has_turn = False
        self._holds_slot = False
        self._round = task.first_round
        self._state = TaskState.QUEUED

    @workflow.signal
    def slot_granted(self) -> None:
        """A slot may be free: ask again."""
        self._slot_wake = True

    @workflow.signal
    def merge_turn_granted(self) -> None:
        """It is this task's turn to merge."""
        self._has_turn = True

    @workflow.signal
    def resume_task(self) -> None:
        """The spec is not paused any more."""
        self._resumed += 1

    @workflow.query
    def state(self) -> TaskState:
        """Where the task stands."""
        return self._state

    @workflow.run
    async def run(self, task: TaskInput) -> TaskResult:
        """Take a slot, work in rounds until merged, and tear down."""
        try:
            await self._move("task.queued")
            await self._take_slot()
            commit = await self._work(task)
            return await self._end("task.merged", commit=commit)
        except TaskFailed as failed:
            return await self._end("task.failed", failure=failed.failure)
        except ActivityError as error:
            if is_cancelled_exception(error):
                return await self._end("task.cancelled")
            return await self._end("task.failed", failure=describe(error))
        except asyncio.CancelledError:
            return await self._end("task.cancelled")

    async def _end(
        self, event: str, *, commit: str | None = None, failure: Failure | None = None
    ) -> TaskResult:
        """Give everything back, then say how it ended; nothing here is cut short by a cancel."""
        self._cancellation.closed = True
        await self._give_turn_back()
        await self._give_slot_back()
        await self._move(event, commit=commit, failure=failure)
        await self._tear_down()
        return TaskResult(
            state=self._state,
            rounds=self._round,
            commit=commit,
            reason=failure.message if failure else None,
            reason_code=failure.code if failure else None,
        )

    async def _move(
        self,
        event: str,
        *,
        commit: str | None = None,
        failure: Failure | None = None,
        check: CheckEvidence | None = None,
        reason: str | None = None,
    ) -> None:
        fact = TaskMoved.model_validate(
            {
                "event_type": event,
                "task_id": self._task.task_id,
                "local_id": self._task.local_id,
                "round": self._round,
                "reason": failure.message if failure else reason,
                "reason_code": failure.code if failure else None,
                "commit": commit,
                "check": check,
            }
        )
        name = event.removeprefix("task.")
        if name in set(TaskState):
            self._state = TaskState(name)
        await self._recorder.say(fact)
        self._cancellation.check()

    def _slot(self) -> SlotRequest:
        return SlotRequest(
            project_id=self._task.project_id,
            holder=workflow.info().workflow_id,
            priority=self._task.priority,
        )

    async def _take_slot(self) -> None:
        """Ask, and wait to be woken; ask again after a while even if nobody wakes us."""
        self._holds_slot = True  # a place in the queue must be given back too
        while True:
            self._slot_wake = False
            answer = await workflow.execute_activity_method(
                SlotActivities.request_slot, self._slot(), **options.slot(self._task.timings)
            )
            if answer.granted:
                return
            told = f"Waits for a slot: {answer.in_use} of {answer.limit}, place {answer.position}"
            await self._recorder.say(Waiting(reason=told, task_id=self._task.task_id))
            await self._wait_for(lambda: self._slot_wake)

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        try:
            await self._cancellation.wait(condition, self._task.timings.slot_recheck)
        except TimeoutError:
            return

    async def _give_slot_back(self) -> None:
        if not self._holds_slot:
            return
        self._holds_slot = False
        released = await workflow.execute_activity_method(
            SlotActivities.release_slot, self._slot(), **options.slot(self._task.timings)
        )
        for workflow_id in released.woken:
            await _tell(workflow_id, SLOT_SIGNAL)

    def _sandbox(self) -> SandboxRequest:
        task = self._task
        return SandboxRequest(
            name=f"task-{task.task_id}-g{task.first_round}",
            project_id=task.project_id,
            spec_id=task.spec_id,
            task_id=task.task_id,
            branch=task.branch,
        )

    async def _work(self, task: TaskInput) -> str | None:
        """Rounds of agent, check and merge; returns the merge commit, None for no change."""
        await self._move("task.provisioning")
        workspace = await workflow.execute_activity_method(
            TaskActivities.prepare_workspace,
            PrepareWorkspace(sandbox=self._sandbox()),
            **options.sandbox(task.timings, task.local_id),
        )
        base, feedback, restart = workspace.commit, self._first_feedback(), False
        reds = conflicts = 0
        while True:
            result = await self._run_agent(base, feedback, restart=restart)
            restart = False
            red = await self._check(result)
            if red is not None:
                reds += 1
                if reds >= task.settings.max_rounds:
                    raise TaskFailed(Failure(code="check-red", message=red))
                feedback = red
            elif result.work is None or result.head is None:
                return None
            else:
                await self._move("task.merging")
                merged = await self._merge(result, base)
                if isinstance(merged, str):
                    return merged
                conflicts += 1
                if conflicts > _MERGE_ROUNDS:
                    raise TaskFailed(Failure(code="merge-conflict", message=merged.message))
                await self._move("task.conflict", reason=merged.message)
                head = await workflow.execute_activity_method(
                    TaskActivities.find_head,
                    self._sandbox(),
                    **options.repository(task.timings),
                )
                base, feedback, restart = head.commit, merged.message, True
            self._round += 1

    def _first_feedback(self) -> str:
        """What the agent is told first; a retried task begins in a fresh workspace."""
        if self._task.first_round == 1:
            return self._task.note
        return (self._task.note or "A person asks you to try this task again.") + AGAIN

    async def _run_agent(self, base: str, feedback: str, *, restart: bool) -> AgentResult:
        """Slices of one round until the agent finishes."""
        task = self._task
        request = RunAgent(
            task_id=task.task_id,
            spec_id=task.spec_id,
            project_id=task.project_id,
            local_id=task.local_id,
            round=self._round,
            branch=task.branch,
            sandbox=self._sandbox().name,
            base_commit=base,
            model=task.settings.agent_model or "",
            max_turns=task.settings.max_turns,
            feedback=feedback,
            restart_workspace=restart,
            working_directory=task.working_directory,
        )
        await self._move("task.working", reason=feedback[:300] or None)
        while True:
            seen = self._resumed
            result = await workflow.execute_activity_method(
                AgentActivities.run_agent,
                request,
                **options.agent(task.timings, f"{task.local_id} round {self._round}"),
            )
            self._cancellation.check()
            match result.outcome:
                case "finished":
                    return result
                case "yielded":
                    continue
                case "paused":
                    await self._wait_while_paused(seen)
                case "out_of_turns" | "asked":
                    told = f"The agent used all of its {task.settings.max_turns} turns."
                    raise TaskFailed(Failure(code="out-of-turns", message=told))

    async def _wait_while_paused(self, seen: int) -> None:
        await self._move("task.waiting", reason="The spec is paused.")
        await self._give_slot_back()
        try:
            await self._cancellation.wait(
                lambda: self._resumed > seen, self._task.timings.pause_recheck
            )
        except TimeoutError:
            workflow.logger.info("asking again whether the spec is still paused")
        await self._take_slot()
        await self._move("task.working")

    async def _check(self, result: AgentResult) -> str | None:
        """None when the work may be merged, else what the agent must mend."""
        task = self._task
        if result.work is None or result.head is None:
            if task.expects_changes:
                told = "Nothing was changed, but the plan promises files."
                await self._move("task.check_failed", reason=told)
                return told
            return None
        if not task.settings.environment.check_command:
            return None
        await self._move("task.checking")
        request = RunCheck(
            key=f"{task.task_id}/r{self._round}/{result.head}",
            project_id=task.project_id,
            spec_id=task.spec_id,
            task_id=task.task_id,
            purpose=CheckPurpose.TASK,
            commit=result.head,
            bundle=result.work,
            setup_command=task.settings.environment.setup_command,
            check_command=task.settings.environment.check_command,
            extra_command=task.extra_check,
            working_directory=task.working_directory,
        )
        evidence = await self._run_check(request)
        if evidence.passed:
            await self._move("task.checking", check=evidence)
            return None
        await self._move("task.check_failed", check=evidence, reason="The check is red.")
        return f"The check `{evidence.command}` is red:\n\n{evidence.tail}"

    async def _run_check(self, request: RunCheck) -> CheckEvidence:
        return await workflow.execute_activity_method(
            CheckActivities.run_check,
            request,
            **options.check(self._task.timings, f"{self._task.local_id} {request.purpose}"),
        )

    async def _merge(self, result: AgentResult, base: str) -> str | Failure:
        """The merge commit on the forge, or why the agent must go on."""
        await self._take_turn()
        try:
            return await self._landing.land(result, base)
        finally:
            await self._give_turn_back()

    async def _take_turn(self) -> None:
        self._asked_for_turn = True
        await _tell(spec_workflow_id(self._task.spec_id), REQUEST_TURN_SIGNAL)
        await self._cancellation.wait(lambda: self._has_turn)

    async def _give_turn_back(self) -> None:
        if self._asked_for_turn:
            self._asked_for_turn = self._has_turn = False
            await _tell(spec_workflow_id(self._task.spec_id), RELEASE_TURN_SIGNAL)

    async def _tear_down(self) -> None:
        try:
            await workflow.execute_activity_method(
                TaskActivities.destroy_sandbox,
                self._sandbox(),
                **options.destroy(self._task.timings, self._task.local_id),
            )
        except ActivityError:
            workflow.logger.warning("the sandbox is left to the reaper")


async def _tell(workflow_id: str, signal: str) -> None:
    """Signal another workflow; one that has ended needs no telling."""
    arguments = [workflow.info().workflow_id] if signal.endswith("merge_turn") else []
    try:
        handle = workflow.get_external_workflow_handle(workflow_id)
        await handle.signal(signal, args=arguments)
    except FailureError:
        workflow.logger.info("the workflow to tell has ended", extra={"target": workflow_id})
