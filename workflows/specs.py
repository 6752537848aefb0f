"""SpecWorkflow: from a sentence to a pull request."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.bridge import BridgeActivities
    from activities.repositories import RepositoryActivities
    from models import wire
    from models.contracts.attempts import SyncOutcome, SyncPlan
    from models.contracts.commands import CommandName, GateCommand, SpecCommand
    from models.contracts.events import (
        ExecutionStarted,
        PhaseCompleted,
        PhaseRetry,
        PhaseStarted,
        SpecCommanded,
    )
    from models.contracts.gates import GateStatus
    from models.contracts.phases import GENERATED_PHASES, PHASES, Phase
    from models.contracts.repositories import (
        EnsureMirror,
    )
    from models.contracts.specs import SpecInput, SpecResult, SpecState, SpecStatus
    from models.rules.actions import allowed_actions, command_refusal

    from workflows import options
    from workflows.cancellation import Cancellation
    from workflows.delivery import Delivery
    from workflows.failures import EndedByPerson
    from workflows.gates import Gatekeeper
    from workflows.phases import PhaseRunner
    from workflows.recorder import Recorder
    from workflows.schedule import Scheduler

_REMEMBERED_COMMANDS = 200


@workflow.defn
class SpecWorkflow:
    """Takes a feature request through its phases and tasks to a pull request.

    Id ``spec-{spec_id}``. Updates: ``decide_gate``, ``pause``, ``resume``, ``cancel``, each with a
    validator and idempotent by its command id. Signal: ``accept_command`` takes the same commands
    when no worker was up. Query: ``state``. Ends completed when the pull request exists, or
    cancelled by a person; every failure in between opens a gate.
    """

    @workflow.init
    def __init__(self, launch: SpecInput) -> None:
        """Build the state that handlers may touch before ``run``."""
        self._launch = launch
        self._shown = ""
        self._recorder = Recorder(
            launch.project_id, launch.spec_id, launch.timings, after=self._show
        )
        self._cancellation = Cancellation()
        self._gates = Gatekeeper(launch.spec_id, self._recorder, self._cancellation)
        self._phases = PhaseRunner(
            launch, self._recorder, self._gates, self._cancellation, self._is_paused
        )
        self._schedule = Scheduler(
            launch, self._recorder, self._gates, self._cancellation, self._is_paused
        )
        self._delivery = Delivery(launch, self._recorder, self._gates, self._phases)
        self._phase: Phase | None = None
        self._ended: SpecStatus | None = None
        self._paused = False
        self._cancel: SpecCommand | None = None
        self._accepted: list[str] = []

    # Queries and commands

    @workflow.query
    def state(self) -> SpecState:
        """What is going on, what it waits for, and what may be done."""
        status = self._status()
        gate = self._gates.open
        return SpecState(
            status=status,
            current_phase=self._phase,
            attempt=self._phases.attempt_of(self._phase) if self._phase else 0,
            gate=gate,
            paused=self._paused,
            cancelling=self._cancel is not None,
            waiting_reason=self._waiting_reason(),
            tasks=self._schedule.states(),
            allowed_actions=allowed_actions(status),
            as_of_seq=self._recorder.last_seq,
        )

    @workflow.update
    async def decide_gate(self, command: GateCommand) -> GateStatus:
        """Take a person's decision on the gate that is open."""
        if self._is_new(command.id):
            self._gates.decide(command)
        return GateStatus.DECIDED

    @decide_gate.validator
    def _validate_decision(self, command: GateCommand) -> None:
        if command.id not in self._accepted:
            self._gates.validate(command)

    @workflow.update
    async def pause(self, command: SpecCommand) -> SpecStatus:
        """Start no new phase or task; running agents stop at their next turn."""
        return await self._take(command)

    @pause.validator
    def _validate_pause(self, command: SpecCommand) -> None:
        self._validate(command)

    @workflow.update
    async def resume(self, command: SpecCommand) -> SpecStatus:
        """Go on after a pause."""
        return await self._take(command)

    @resume.validator
    def _validate_resume(self, command: SpecCommand) -> None:
        self._validate(command)

    @workflow.update
    async def cancel(self, command: SpecCommand) -> SpecStatus:
        """End the spec: sandboxes are torn down, the branch is kept."""
        return await self._take(command)

    @cancel.validator
    def _validate_cancel(self, command: SpecCommand) -> None:
        self._validate(command)

    @workflow.signal
    async def accept_command(self, command: SpecCommand) -> None:
        """Take a command that was given while no worker was up; one not allowed now is dropped."""
        if command.id in self._accepted or command_refusal(command.name, self._status()):
            return
        await self._take(command)

    @workflow.signal
    async def request_merge_turn(self, workflow_id: str) -> None:
        """A task wants to merge."""
        await self._schedule.turns.request(workflow_id)

    @workflow.signal
    async def release_merge_turn(self, workflow_id: str) -> None:
        """A task has merged, or gives its turn back."""
        await self._schedule.turns.release(workflow_id)

    def _validate(self, command: SpecCommand) -> None:
        reason = command_refusal(command.name, self._status())
        if command.id not in self._accepted and reason is not None:
            raise ApplicationError(reason, type="command-not-allowed", non_retryable=True)

    def _is_new(self, command_id: str) -> bool:
        if command_id in self._accepted:
            return False
        self._accepted = [*self._accepted[1 - _REMEMBERED_COMMANDS :], command_id]
        return True

    async def _take(self, command: SpecCommand) -> SpecStatus:
        if not self._is_new(command.id):
            return self._status()
        match command.name:
            case CommandName.PAUSE:
                self._paused = True
                await self._say_command("spec.paused", command.by, command.reason)
            case CommandName.RESUME:
                await self._say_command("spec.resumed", command.by, command.reason)
                self._paused = False
                self._schedule.wake()
                await self._schedule.resume_children()
            case CommandName.CANCEL:
                self._cancel = command
                self._cancellation.request()
            case CommandName.EXECUTE:
                pass
        return self._status()

    async def _say_command(self, event: str, by: str, reason: str) -> None:
        fact = {"event_type": event, "by": by, "reason": reason}
        await self._recorder.say(SpecCommanded.model_validate(fact))

    # State

    def _status(self) -> SpecStatus:
        if self._ended is not None:
            return self._ended
        if self._paused:
            return SpecStatus.PAUSED
        return SpecStatus.WAITING if self._gates.open else SpecStatus.EXECUTING

    def _waiting_reason(self) -> str | None:
        if self._paused:
            return "Paused"
        gate = self._gates.open
        return gate.summary.splitlines()[0] if gate else None

    def _is_paused(self) -> bool:
        return self._paused

    def _show(self) -> None:
        """Bring search attributes and the Temporal Web UI's panel up to date."""
        phase = self._phase.value if self._phase else "none"
        status = self._status()
        needs_decision = self._gates.open is not None
        if (shown := f"{status} {phase} {needs_decision}") != self._shown:
            self._shown = shown
            updates: list[SearchAttributeUpdate[Any]] = [
                wire.SPEC_STATUS.value_set(status.value),
                wire.SPEC_PHASE.value_set(phase),
                wire.NEEDS_DECISION.value_set(needs_decision),
            ]
            if self._recorder.cost_usd is not None:
                updates.append(wire.COST_USD.value_set(self._recorder.cost_usd))
            # The SDK leaves the value type of an update open.
            workflow.upsert_search_attributes(updates)  # pyright: ignore[reportUnknownMemberType]
        rows = [
            f"| {p.value} | {self._phases.attempt_of(p)} | {self._phases.scores.get(p, '—')} |"
            for p in PHASES
        ]
        tasks = [f"- {name}: {state}" for name, state in self._schedule.states().items()]
        page = f"/projects/{self._launch.project_id}/specs/{self._launch.spec_id}"
        lines = [
            f"**{status.value}** in *{phase}*",
            self._waiting_reason() or "",
            "| phase | attempt | score |\n|---|---|---|\n" + "\n".join(rows),
            "\n".join(tasks),
            f"Spec page: `{page}`",
        ]
        workflow.set_current_details("\n\n".join(line for line in lines if line))

    # The process

    @workflow.run
    async def run(self, launch: SpecInput) -> SpecResult:
        """Run to the pull request, unless a person or an operator ends it before."""
        flow = asyncio.create_task(self._flow())
        try:
            await workflow.wait_condition(lambda: flow.done() or self._cancel is not None)
            if self._cancel is not None:
                flow.cancel()
            result = await flow
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            flow.cancel()
            await _ended(flow)
            by, reason = "an operator", "cancelled in Temporal"
            if self._cancel is not None:
                by, reason = self._cancel.by, self._cancel.reason
            result = await self._end_cancelled(by, reason)
        except EndedByPerson as ended:
            result = await self._end_cancelled(ended.by, ended.reason)
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _end_cancelled(self, by: str, reason: str) -> SpecResult:
        self._cancellation.closed = True
        self._ended = SpecStatus.CANCELLED
        self._gates.open = None
        await self._say_command("spec.cancelled", by, reason)
        return SpecResult(status=SpecStatus.CANCELLED, reason=reason)

    async def _flow(self) -> SpecResult:
        launch = self._launch
        await self._recorder.say(
            ExecutionStarted(
                title=launch.title, description=launch.description[:2_000], phases=PHASES
            )
        )
        mirror = await self._phases.guarded(
            None,
            lambda: workflow.execute_activity_method(
                RepositoryActivities.ensure_mirror,
                EnsureMirror(project_id=launch.project_id, base_branch=launch.base_branch),
                **options.repository(launch.timings),
            ),
        )
        self._phases.base_commit = mirror.base_commit
        for phase in GENERATED_PHASES:
            await self._run_phase(phase)
        plan = await self._sync()
        await self._delivery.publish_branch(mirror.base_commit)
        await self._schedule.run(plan.nodes, self._phases.environment)
        await self._cancellation.wait(lambda: not self._paused)
        head = await self._delivery.prove_head()
        made = await self._delivery.open_pull_request(head)
        self._phase, self._ended = None, SpecStatus.COMPLETED
        self._cancellation.closed = True
        await self._recorder.say(self._delivery.completed(len(plan.nodes)))
        return SpecResult(status=SpecStatus.COMPLETED, pull_request=made.number)

    async def _run_phase(self, phase: Phase, feedback: str = "") -> None:
        self._phase = phase
        await self._phases.run(phase, feedback=feedback)

    async def _sync(self) -> SyncOutcome:
        """Compute the report; with blockers the plan goes back to ``tasks``."""
        launch = self._launch
        started, attempt = workflow.now(), 0
        while True:
            attempt += 1
            self._phase = Phase.SYNC
            await self._recorder.say(PhaseStarted(phase=Phase.SYNC, attempt=attempt))
            outcome = await self._phases.guarded(
                Phase.SYNC,
                lambda: workflow.execute_activity_method(
                    BridgeActivities.sync_plan,
                    SyncPlan(
                        spec_id=launch.spec_id,
                        project_id=launch.project_id,
                        title=launch.title,
                        documents=self._phases.documents,
                    ),
                    **options.evaluate(launch.timings),
                ),
            )
            if not outcome.blockers:
                await self._recorder.say(
                    PhaseCompleted(
                        phase=Phase.SYNC,
                        eval_score=outcome.coverage,
                        duration_seconds=(workflow.now() - started).total_seconds(),
                        retry_count=attempt - 1,
                    )
                )
                return outcome
            told = "\n".join(outcome.blockers)[:2_000]
            await self._recorder.say(
                PhaseRetry(
                    phase=Phase.TASKS,
                    retry_count=attempt,
                    max_retries=launch.settings.max_attempts,
                    reason=told,
                )
            )
            await self._run_phase(Phase.TASKS, told)


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
