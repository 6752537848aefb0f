"""SpecWorkflow: from a sentence to a pull request."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import (
        GateCommand,
        SavedDocument,
        SaveDocument,
        SpecCommand,
        TaskCommand,
    )
    from models.contracts.gates import GateStatus
    from models.contracts.questions import AnswerCommand, QuestionStatus
    from models.contracts.specs import (
        SpecInput,
        SpecResult,
        SpecState,
        SpecStatus,
    )
    from models.contracts.tasks import TaskGateAsk, TaskState
    from models.rules.actions import allowed_actions

    from workflows.attempts import Drafting
    from workflows.baselines import Baseline
    from workflows.budgets import Budgeter
    from workflows.cancellation import Cancellation
    from workflows.commands import CommandDesk
    from workflows.context import SpecContext
    from workflows.course import Course
    from workflows.failures import EndedByPerson
    from workflows.gates import Gatekeeper
    from workflows.guards import Guard
    from workflows.panel import Panel
    from workflows.phases import PhaseRunner
    from workflows.questions import QuestionDesk
    from workflows.recorder import Recorder
    from workflows.reruns import check_rerun, next_run
    from workflows.revisions import Revisions
    from workflows.schedule import Scheduler
    from workflows.slots import SlotHolder


@workflow.defn
class SpecWorkflow:
    """Takes a feature request through its phases and tasks to a pull request.

    Id ``spec-{spec_id}``. Updates, each with a validator and idempotent by its command id:
    ``decide_gate``, ``answer_question``, ``save_document``, ``pause``, ``resume``, ``cancel``,
    ``retry_phase``, ``rerun_from``, ``set_budget``, ``command_task``. Signals: ``accept_command``,
    ``accept_answer`` and ``accept_task_command`` take the same when no worker was up; ``budget_hit`` and the merge turns come
    from tasks. Query: ``state``. Ends completed when the pull request exists, or cancelled by a
    person; ``rerun_from`` continues as a new run that keeps the earlier phases. Every failure in
    between opens a gate.
    """

    @workflow.init
    def __init__(self, launch: SpecInput) -> None:
        """Build the state that handlers may touch before ``run``."""
        self._launch = launch
        self._panel = Panel(launch)
        self._recorder = Recorder(
            launch.project_id, launch.spec_id, launch.timings, after=self._show
        )
        self._cancellation = Cancellation()
        self._place = SlotHolder(launch.timings, self._recorder, self._cancellation)
        self._gates = Gatekeeper(launch, self._recorder, self._cancellation, self._place)
        context = SpecContext(
            launch,
            self._recorder,
            self._gates,
            self._cancellation,
            held=lambda: self._commands.paused or self._budgeter.over,
            stop=self._stop,
        )
        self._budgeter = Budgeter(context)
        guard = Guard(context, self._budgeter)
        self._questions = QuestionDesk(context)
        self._baseline = Baseline(context, guard)
        self._drafting = Drafting(context, guard, self._baseline, self._questions)
        self._phases = PhaseRunner(context, guard, self._drafting, self._baseline, self._questions)
        self._schedule = Scheduler(context, self._budgeter, self._baseline)
        self._course = Course(
            context,
            self._place,
            guard,
            self._drafting,
            self._phases,
            self._baseline,
            self._schedule,
        )
        self._revisions = Revisions(
            context, self._drafting, self._phases, self._baseline, self._schedule, self._course
        )
        self._commands = CommandDesk(
            context, self._budgeter, self._drafting, self._schedule, self._course
        )
        self._ended: SpecStatus | None = None

    # Queries and commands

    @workflow.query
    def state(self) -> SpecState:
        """What is going on, what it waits for, and what may be done."""
        status, phase = self._status(), self._course.phase
        gate = self._gates.open
        return SpecState(
            status=status,
            current_phase=phase,
            attempt=self._phases.attempt_of(phase) if phase else 0,
            gate=gate,
            paused=self._commands.paused,
            cancelling=self._commands.cancel is not None,
            questions=self._questions.open,
            waiting_reason=self._waiting_reason(),
            tasks=self._schedule.states(),
            allowed_actions=allowed_actions(status, phase),
            as_of_seq=self._recorder.last_seq,
        )

    @workflow.update
    async def decide_gate(self, command: GateCommand) -> GateStatus:
        """Take a person's decision on the gate that is open."""
        if not self._commands.knows(command.id):
            await self._phases.judge_edit(command)
            self._gates.decide(command)
            self._commands.remember(command.id)
        return GateStatus.DECIDED

    @decide_gate.validator
    def _validate_decision(self, command: GateCommand) -> None:
        if not self._commands.knows(command.id):
            self._gates.validate(command)

    @workflow.update
    async def answer_question(self, command: AnswerCommand) -> QuestionStatus:
        """Take a person's answer to an open question."""
        return await self._answer(command)

    async def _answer(self, command: AnswerCommand) -> QuestionStatus:
        if not self._commands.knows(command.id):
            self._commands.remember(command.id)
            await self._questions.answer(command)
        return QuestionStatus.ANSWERED

    @answer_question.validator
    def _validate_answer(self, command: AnswerCommand) -> None:
        if not self._commands.knows(command.id):
            self._questions.validate(command)

    @workflow.signal
    async def accept_answer(self, command: AnswerCommand) -> None:
        """Take an answer given while no worker was up; one that comes too late is dropped."""
        if self._commands.knows(command.id):
            return
        try:
            await self._answer(command)
        except ApplicationError:
            workflow.logger.info("an answer came too late")

    @workflow.update
    async def save_document(self, command: SaveDocument) -> SavedDocument:
        """Store a person's version of a document; it is in force, or a gate asks about it."""
        return await self._revisions.save(command)

    @save_document.validator
    def _validate_save(self, command: SaveDocument) -> None:
        self._revisions.validate(command)

    @workflow.update
    async def pause(self, command: SpecCommand) -> SpecStatus:
        """Start no new phase or task; running agents stop at their next turn."""
        return await self._commands.take(command, self._status)

    @pause.validator
    def _validate_pause(self, command: SpecCommand) -> None:
        self._commands.validate(command, self._status())

    @workflow.update
    async def resume(self, command: SpecCommand) -> SpecStatus:
        """Go on after a pause."""
        return await self._commands.take(command, self._status)

    @resume.validator
    def _validate_resume(self, command: SpecCommand) -> None:
        self._commands.validate(command, self._status())

    @workflow.update
    async def cancel(self, command: SpecCommand) -> SpecStatus:
        """End the spec: sandboxes are torn down, the branch is kept."""
        return await self._commands.take(command, self._status)

    @cancel.validator
    def _validate_cancel(self, command: SpecCommand) -> None:
        self._commands.validate(command, self._status())

    @workflow.update
    async def retry_phase(self, command: SpecCommand) -> SpecStatus:
        """Give the present attempt up and begin another, with a note."""
        return await self._commands.take(command, self._status)

    @retry_phase.validator
    def _validate_retry(self, command: SpecCommand) -> None:
        self._commands.validate(command, self._status())

    @workflow.update
    async def rerun_from(self, command: SpecCommand) -> SpecStatus:
        """Begin again from a phase, keeping the earlier ones."""
        return await self._commands.take(command, self._status)

    @rerun_from.validator
    def _validate_rerun(self, command: SpecCommand) -> None:
        self._commands.validate(command, self._status())
        if not self._commands.knows(command.id):
            check_rerun(command, self._drafting)

    @workflow.update
    async def set_budget(self, command: SpecCommand) -> SpecStatus:
        """Put new limits in force."""
        return await self._commands.take(command, self._status)

    @set_budget.validator
    def _validate_budget(self, command: SpecCommand) -> None:
        self._commands.validate(command, self._status())

    @workflow.signal
    async def accept_command(self, command: SpecCommand) -> None:
        """Take a command that was given while no worker was up; one not allowed now is dropped."""
        if self._commands.is_due(command, self._status()):
            await self._commands.take(command, self._status)

    @workflow.update
    async def command_task(self, command: TaskCommand) -> TaskState:
        """Retry, leave out or mark complete one task that failed or is blocked."""
        if self._commands.knows(command.id):
            return TaskState.QUEUED
        self._commands.remember(command.id)
        return await self._schedule.take(command, self._status())

    @command_task.validator
    def _validate_task_command(self, command: TaskCommand) -> None:
        if not self._commands.knows(command.id):
            self._schedule.setbacks.validate(command, self._status())

    @workflow.signal
    async def accept_task_command(self, command: TaskCommand) -> None:
        """Take a task's command given while no worker was up; one not allowed now is dropped."""
        if self._commands.knows(command.id):
            return
        self._commands.remember(command.id)
        try:
            await self._schedule.take(command, self._status())
        except ApplicationError:
            workflow.logger.info("a task's command came too late")

    @workflow.signal
    async def budget_hit(self, message: str) -> None:
        """A task found the budget used up."""
        self._schedule.budget_hit(message)

    @workflow.signal
    def slot_granted(self) -> None:
        """The spec may run: ask again."""
        self._place.wake()

    @workflow.signal
    async def ask_task_gate(self, asked: TaskGateAsk) -> None:
        """A task needs a person's decision."""
        self._schedule.ask_gate(asked)

    @workflow.signal
    async def request_merge_turn(self, workflow_id: str) -> None:
        """A task wants to merge."""
        await self._schedule.turns.request(workflow_id)

    @workflow.signal
    async def release_merge_turn(self, workflow_id: str) -> None:
        """A task has merged, or gives its turn back."""
        await self._schedule.turns.release(workflow_id)

    # State

    def _status(self) -> SpecStatus:
        if self._ended is not None:
            return self._ended
        if self._commands.paused:
            return SpecStatus.PAUSED
        return SpecStatus.WAITING if self._gates.open else SpecStatus.EXECUTING

    def _waiting_reason(self) -> str | None:
        if self._commands.paused:
            return "Paused"
        gate = self._gates.open
        return gate.summary.splitlines()[0] if gate else None

    def _stop(self, by: str, reason: str) -> None:
        self._commands.stop(by, reason)

    def _show(self) -> None:
        self._panel.show(self.state(), self._phases, self._recorder.cost_usd)

    # The process

    @workflow.run
    async def run(self, launch: SpecInput) -> SpecResult:
        """Run to the pull request, unless a person or an operator ends it before."""
        flow = asyncio.create_task(self._course.run())
        clock = asyncio.create_task(self._budgeter.watch())
        result = None
        try:
            await workflow.wait_condition(lambda: flow.done() or self._is_ending())
            if self._is_ending():
                flow.cancel()
            result = await flow
            self._ended = SpecStatus.COMPLETED
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            flow.cancel()
            await _ended(flow)
        except EndedByPerson as ended:
            self._commands.stop(ended.by, ended.reason)
        clock.cancel()
        self._revisions.close()
        rerun = self._course.rerun
        if rerun is not None and self._commands.cancel is None and not self._is_cancelled():
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(
                next_run(
                    self._launch,
                    rerun,
                    self._drafting,
                    self._phases,
                    self._baseline,
                    self._questions,
                    self._commands.accepted,
                )
            )
        await self._place.give_back()
        if result is None:
            result = await self._end_cancelled()
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    @staticmethod
    def _is_cancelled() -> bool:
        """True when an operator cancels the run in Temporal."""
        return workflow.cancellation_reason() is not None

    def _is_ending(self) -> bool:
        return self._commands.cancel is not None or self._course.rerun is not None

    async def _end_cancelled(self) -> SpecResult:
        told = self._commands.cancel
        by, reason = "an operator", "cancelled in Temporal"
        if told is not None:
            by, reason = told.by, told.reason
        self._cancellation.closed = True
        self._ended = SpecStatus.CANCELLED
        await self._commands.say("spec.cancelled", by, reason)
        return SpecResult(status=SpecStatus.CANCELLED, reason=reason)


async def _ended(flow: "asyncio.Task[SpecResult]") -> None:
    """Wait until a cancelled flow, and every child of it, has cleaned up."""
    try:
        await flow
    except EndedByPerson:
        return
    except (
        asyncio.CancelledError,
        FailureError,
    ) as error:  # an activity's cancel is a FailureError
        if not is_cancelled_exception(error):
            raise
