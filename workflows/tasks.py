"""TaskWorkflow: slot, sandbox, agent slices, check, merge turn, tear-down."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.tasks import TaskActivities
    from models.contracts.checks import CheckEvidence
    from models.contracts.commands import (
        RELEASE_TURN_SIGNAL,
        REQUEST_TURN_SIGNAL,
        TaskCommand,
        TaskCommandName,
        spec_workflow_id,
    )
    from models.contracts.gates import GateDecision
    from models.contracts.questions import AnswerCommand, QuestionStatus
    from models.contracts.task_facts import TaskMoved
    from models.contracts.tasks import (
        AgentResult,
        PrepareWorkspace,
        TaskInput,
        TaskResult,
        TaskState,
    )

    from workflows import options
    from workflows.cancellation import Cancellation
    from workflows.conversations import AgentDesk
    from workflows.failures import Failure, TaskFailed, describe
    from workflows.landing import AGAIN, Landing
    from workflows.proofs import Proof
    from workflows.recorder import Recorder
    from workflows.rounds import Rounds
    from workflows.signals import tell
    from workflows.slots import SlotHolder

_MERGE_ROUNDS = 2


@workflow.defn
class TaskWorkflow:
    """Carries out one task of a spec, in a sandbox, until it is merged.

    Id ``task-{task_id}``, child of its spec. Updates, idempotent by their ids: ``answer_question``
    for a question of its agent, ``command_task`` for a message or a cancel. Signals:
    ``accept_answer`` and ``accept_task_command`` take the same when no worker was up;
    ``slot_granted`` wakes a wait for a slot, ``merge_turn_granted`` a wait for the merge turn,
    ``resume_task`` a paused agent, ``gate_decided`` one that waits for a decision. Query: ``state``. Ends merged, failed or cancelled; its sandbox
    is always torn down.
    """

    @workflow.init
    def __init__(self, task: TaskInput) -> None:
        """Build the state that handlers may touch before ``run``."""
        self._task = task
        self._recorder = Recorder(task.project_id, task.spec_id, task.timings)
        self._cancellation = Cancellation()
        self._slot = SlotHolder(
            task.timings,
            self._recorder,
            self._cancellation,
            project_id=task.project_id,
            task_id=task.task_id,
            priority=task.priority,
        )
        self._desk = AgentDesk(task, self._recorder)
        self._rounds = Rounds(task, self._slot, self._desk, self._cancellation, self._say)
        self._proof = Proof(task, self._move, self._rounds.wait_for)
        self._landing = Landing(task, self._proof.run)
        self._accepted: set[str] = set()
        self._cancelled_by: TaskCommand | None = None
        self._asked_for_turn = False
        self._has_turn = False
        self._round = task.first_round
        self._state = TaskState.QUEUED

    # Messages

    @workflow.signal
    def slot_granted(self) -> None:
        """A slot may be free: ask again."""
        self._slot.wake()

    @workflow.signal
    def merge_turn_granted(self) -> None:
        """It is this task's turn to merge."""
        self._has_turn = True

    @workflow.signal
    def resume_task(self) -> None:
        """The spec is not paused any more."""
        self._rounds.resume()

    @workflow.signal
    def gate_decided(self, decision: GateDecision) -> None:
        """A person decided what the task asked through its spec."""
        self._proof.decide(decision)

    @workflow.query
    def state(self) -> TaskState:
        """Where the task stands."""
        return self._state

    @workflow.update
    async def answer_question(self, command: AnswerCommand) -> QuestionStatus:
        """Take a person's answer to the agent's question."""
        return await self._answer(command)

    async def _answer(self, command: AnswerCommand) -> QuestionStatus:
        if command.id not in self._accepted:
            self._accepted.add(command.id)
            await self._desk.answer(command)
        return QuestionStatus.ANSWERED

    @answer_question.validator
    def _validate_answer(self, command: AnswerCommand) -> None:
        if command.id not in self._accepted:
            self._desk.validate(command)

    @workflow.signal
    async def accept_answer(self, command: AnswerCommand) -> None:
        """Take an answer given while no worker was up; one that comes too late is dropped."""
        try:
            await self._answer(command)
        except ApplicationError:
            workflow.logger.info("an answer came too late")

    @workflow.update
    async def command_task(self, command: TaskCommand) -> TaskState:
        """Take a message for the agent, or end the task."""
        await self._take(command)
        return self._state

    @command_task.validator
    def _validate_command(self, command: TaskCommand) -> None:
        if command.id not in self._accepted and self._cancellation.closed:
            msg = f"The task is {self._state.value}."
            raise ApplicationError(msg, type="command-not-allowed", non_retryable=True)

    @workflow.signal
    async def accept_task_command(self, command: TaskCommand) -> None:
        """Take a command that was given while no worker was up; one that is too late is dropped."""
        if not self._cancellation.closed:
            await self._take(command)

    async def _take(self, command: TaskCommand) -> None:
        if command.id in self._accepted:
            return
        self._accepted.add(command.id)
        if command.name == TaskCommandName.MESSAGE:
            await self._desk.post(command)
        elif command.name == TaskCommandName.EXTEND:
            self._rounds.extend()
        elif command.name in {TaskCommandName.CANCEL, TaskCommandName.STOP}:
            self._cancelled_by = command
            self._cancellation.request()

    # The process

    @workflow.run
    async def run(self, task: TaskInput) -> TaskResult:
        """Take a slot, work in rounds until merged, and tear down."""
        ending = asyncio.create_task(self._end(*await self._outcome(task)))
        while True:
            try:
                result = await asyncio.shield(ending)
                await workflow.wait_condition(workflow.all_handlers_finished)
            except asyncio.CancelledError:
                # What has ended has ended: a merged task is not cancelled any more.
                if ending.done():
                    raise
            else:
                return result

    async def _outcome(self, task: TaskInput) -> tuple[str, str | None, Failure | None]:
        """How the work ended: the fact's type, the merge commit, and what failed."""
        work = asyncio.create_task(self._work(task))
        try:
            await workflow.wait_condition(lambda: work.done() or self._cancellation.requested)
        except asyncio.CancelledError:
            workflow.logger.info("the task is cancelled")
        if not work.done():
            work.cancel()
        try:
            return "task.merged", await work, None
        except TaskFailed as failed:
            return "task.failed", None, failed.failure
        except ActivityError as error:
            if is_cancelled_exception(error):
                return "task.cancelled", None, self._why_cancelled()
            return "task.failed", None, describe(error)
        except asyncio.CancelledError:
            return "task.cancelled", None, self._why_cancelled()

    def _why_cancelled(self) -> Failure | None:
        command = self._cancelled_by
        if command is None:
            return None
        told = f"Cancelled by {command.by}" + (f": {command.text}" if command.text else "")
        return Failure(code="cancelled", message=told[:1_000])

    async def _end(self, event: str, commit: str | None, failure: Failure | None) -> TaskResult:
        """Give everything back, then say how it ended; nothing here is cut short by a cancel."""
        self._cancellation.closed = True
        await self._give_turn_back()
        await self._slot.give_back()
        await self._move(event, commit=commit, failure=failure)
        await self._tear_down()
        return TaskResult(
            state=self._state,
            rounds=self._round,
            commit=commit,
            reason=failure.message if failure else None,
            reason_code=failure.code if failure else None,
            tests=self._proof.tests,
        )

    async def _say(self, event: str, reason: str | None) -> None:
        await self._move(event, reason=reason)

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

    async def _work(self, task: TaskInput) -> str | None:
        """A slot, then rounds of agent, check and merge; the merge commit, None for no change."""
        await self._move("task.queued")
        await self._slot.take()
        await self._move("task.provisioning")
        workspace = await workflow.execute_activity_method(
            TaskActivities.prepare_workspace,
            PrepareWorkspace(
                sandbox=self._rounds.sandbox(),
                environment=task.settings.environment,
                working_directory=task.working_directory,
            ),
            **options.sandbox(task.timings, task.local_id),
        )
        base, feedback, restart = workspace.commit, self._first_feedback(), False
        reds = conflicts = 0
        while True:
            result = await self._rounds.run(self._round, base, feedback, restart=restart)
            restart = False
            red = await self._proof.of(result, base, self._round)
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
                    self._rounds.sandbox(),
                    **options.repository(task.timings),
                )
                base, feedback, restart = head.commit, merged.message, True
            self._round += 1

    def _first_feedback(self) -> str:
        """What the agent is told first; a retried task begins in a fresh workspace."""
        if self._task.first_round == 1:
            return self._task.note
        return (self._task.note or "A person asks you to try this task again.") + AGAIN

    async def _merge(self, result: AgentResult, base: str) -> str | Failure:
        """The merge commit on the forge, or why the agent must go on."""
        await self._take_turn()
        try:
            return await self._landing.land(result, base)
        finally:
            await self._give_turn_back()

    async def _take_turn(self) -> None:
        self._asked_for_turn = True
        await self._tell_spec(REQUEST_TURN_SIGNAL)
        await self._cancellation.wait(lambda: self._has_turn)

    async def _give_turn_back(self) -> None:
        if self._asked_for_turn:
            self._asked_for_turn = self._has_turn = False
            await self._tell_spec(RELEASE_TURN_SIGNAL)

    async def _tell_spec(self, signal: str) -> None:
        me = workflow.info().workflow_id
        await tell(spec_workflow_id(self._task.spec_id), signal, me)

    async def _tear_down(self) -> None:
        try:
            await workflow.execute_activity_method(
                TaskActivities.destroy_sandbox,
                self._rounds.sandbox(),
                **options.destroy(self._task.timings, self._task.local_id),
            )
        except ActivityError:
            workflow.logger.warning("the sandbox is left to the reaper")
