"""What a spec's workflow can be asked and told: its query, updates and signals."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import (
        GateCommand,
        ProposeDocument,
        SavedDocument,
        SaveDocument,
        SpecCommand,
        TaskCommand,
    )
    from models.contracts.gates import GateStatus
    from models.contracts.questions import AnswerCommand, QuestionStatus
    from models.contracts.specs import SpecState, SpecStatus
    from models.contracts.tasks import TaskGateAsk, TaskState
    from models.rules.actions import allowed_actions

    from workflows.attempts import Drafting
    from workflows.commands import CommandDesk
    from workflows.course import Course
    from workflows.gates import Gatekeeper
    from workflows.panel import Panel
    from workflows.phases import PhaseRunner
    from workflows.questions import QuestionDesk
    from workflows.recorder import Recorder
    from workflows.reruns import check_rerun
    from workflows.revisions import Revisions
    from workflows.schedule import Scheduler
    from workflows.slots import SlotHolder


class SpecMessages:
    """Handlers over the parts that ``SpecWorkflow`` builds; each takes a command id once."""

    _panel: Panel
    _recorder: Recorder
    _place: SlotHolder
    _gates: Gatekeeper
    _questions: QuestionDesk
    _drafting: Drafting
    _phases: PhaseRunner
    _schedule: Scheduler
    _course: Course
    _revisions: Revisions
    _commands: CommandDesk
    _ended: SpecStatus | None = None

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
        if self._ended is not None:  # nobody would look at it any more: the caller starts a new run
            msg = "This spec is not running."
            raise ApplicationError(msg, type="spec-not-running", non_retryable=True)
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

    @workflow.update
    async def set_limits(self, command: SpecCommand) -> SpecStatus:
        """Run more or fewer tasks at once."""
        return await self._commands.take(command, self._status)

    @set_limits.validator
    def _validate_limits(self, command: SpecCommand) -> None:
        self._commands.validate(command, self._status())

    @workflow.update
    async def propose_document(self, command: ProposeDocument) -> None:
        """Take a document from outside in the place of the one that is being written."""
        self._propose(command)

    def _propose(self, command: ProposeDocument) -> None:
        if not self._commands.knows(command.id):
            self._commands.remember(command.id)
            self._drafting.propose(command)

    @propose_document.validator
    def _validate_proposal(self, command: ProposeDocument) -> None:
        if not self._commands.knows(command.id):
            self._drafting.check_proposal(command, self._course.phase)

    @workflow.signal
    def accept_proposal(self, command: ProposeDocument) -> None:
        """Take a proposal made while no worker was up; one that comes too late is dropped."""
        try:
            self._drafting.check_proposal(command, self._course.phase)
        except ApplicationError:
            workflow.logger.info("a proposal came too late")
            return
        self._propose(command)

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
            self._schedule.validate(command, self._status())

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
