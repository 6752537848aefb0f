"""Commands of people: each taken once, whatever way it came."""

from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import CommandName, GateCommand, SpecCommand
    from models.contracts.facts import SpecCommanded
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.specs import SpecStatus
    from models.rules.actions import command_refusal

    from workflows.attempts import Drafting
    from workflows.budgets import Budgeter
    from workflows.context import SpecContext
    from workflows.course import Course
    from workflows.schedule import Scheduler

_REMEMBERED = 200
_RETRY_AT = {
    GateKind.PHASE: DecisionKind.REQUEST_CHANGES,
    GateKind.FAILURE: DecisionKind.RETRY,
    GateKind.BASELINE: DecisionKind.RETRY,
}


class CommandDesk:
    """Takes commands; ``cancel`` is the one that ends the run, ``paused`` holds it."""

    def __init__(
        self,
        context: SpecContext,
        budgeter: Budgeter,
        drafting: Drafting,
        schedule: Scheduler,
        course: Course,
    ) -> None:
        self._context = context
        self._budgeter = budgeter
        self._drafting = drafting
        self._schedule = schedule
        self._course = course
        self.paused = False
        self.cancel: SpecCommand | None = None
        start = context.launch.start
        self.accepted: list[str] = list(start.accepted) if start is not None else []

    def knows(self, command_id: str) -> bool:
        """True for a command that was taken before, in this run or an earlier one."""
        return command_id in self.accepted

    def remember(self, command_id: str) -> None:
        """Keep the ids of the last 200 commands."""
        self.accepted = [*self.accepted[1 - _REMEMBERED :], command_id]

    def is_due(self, command: SpecCommand, status: SpecStatus) -> bool:
        """True for a new command that is allowed now."""
        refused = command_refusal(command.name, status, self._course.phase)
        return not self.knows(command.id) and refused is None

    def validate(self, command: SpecCommand, status: SpecStatus) -> None:
        """Refuse a new command that is not allowed now.

        Raises:
            ApplicationError: ``command-not-allowed`` with the reason, ``budget-missing`` or
                ``limit-missing``.
        """
        if self.knows(command.id):
            return
        reason = command_refusal(command.name, status, self._course.phase)
        if reason is not None:
            raise ApplicationError(reason, type="command-not-allowed", non_retryable=True)
        if command.name == CommandName.SET_BUDGET and command.budget is None:
            msg = "Say the new limits."
            raise ApplicationError(msg, type="budget-missing", non_retryable=True)
        if command.name == CommandName.SET_LIMITS and command.max_parallel_tasks is None:
            msg = "Say how many tasks may run at once."
            raise ApplicationError(msg, type="limit-missing", non_retryable=True)

    async def take(self, command: SpecCommand, status: Callable[[], SpecStatus]) -> SpecStatus:
        """Take a command once; returns the status after it."""
        if self.knows(command.id):
            return status()
        self.remember(command.id)
        await self._carry_out(command)
        return status()

    async def _carry_out(self, command: SpecCommand) -> None:
        match command.name:
            case CommandName.PAUSE | CommandName.RESUME:
                await self._hold(command)
            case CommandName.CANCEL:
                self.stop(command.by, command.reason)
            case CommandName.RERUN_FROM:
                self._course.rerun = command
                self._context.cancellation.request()
            case CommandName.RETRY_PHASE:
                self._retry(command)
            case CommandName.SET_BUDGET:
                await self._budgeter.take(command)
                await self._go_on()
            case CommandName.SET_LIMITS:
                self._schedule.set_limit(command.max_parallel_tasks)
            case CommandName.EXECUTE | CommandName.ARCHIVE:
                pass

    async def _hold(self, command: SpecCommand) -> None:
        if command.name == CommandName.PAUSE:
            self.paused = True
            await self.say("spec.paused", command.by, command.reason)
            return
        await self.say("spec.resumed", command.by, command.reason)
        self.paused = False
        await self._go_on()

    async def _go_on(self) -> None:
        self._schedule.wake()
        await self._schedule.resume_children()

    def stop(self, by: str, reason: str) -> None:
        """End the run for a person."""
        self.cancel = SpecCommand(id="", name=CommandName.CANCEL, by=by, reason=reason)
        self._context.cancellation.request()

    def _retry(self, command: SpecCommand) -> None:
        """Interrupt the attempt, or ask for changes at the gate that is open about it."""
        if self._drafting.interrupt(command.reason):
            return
        gate = self._context.gates.open
        kind = _RETRY_AT.get(gate.kind) if gate is not None and gate.phase is not None else None
        if gate is None or kind is None:
            msg = "The attempt is being evaluated; try again in a moment."
            raise ApplicationError(msg, type="command-not-allowed", non_retryable=True)
        self._context.gates.decide(
            GateCommand(
                id=command.id,
                gate_id=gate.id,
                kind=kind,
                by=command.by,
                note=command.reason,
                artifact_sha256=gate.document.sha256 if gate.document else None,
            )
        )

    async def say(self, event: str, by: str, reason: str) -> None:
        """Put a command on record."""
        fact = {"event_type": event, "by": by, "reason": reason}
        await self._context.recorder.say(SpecCommanded.model_validate(fact))
