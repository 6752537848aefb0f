"""Revision by people: documents saved while the spec runs, and changes of a running plan."""

import asyncio
from collections.abc import Coroutine

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.contracts.attempts import AcceptedDocument, SyncOutcome, SyncPlan
    from models.contracts.commands import CommandName, SavedDocument, SaveDocument, SpecCommand
    from models.contracts.evaluations import EvaluationSummary
    from models.contracts.facts import DocumentEdited, PlanEdited, Progress
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.phases import Phase
    from models.rules.gates import gate_opens, wanted_changes

    from workflows.attempts import Drafting
    from workflows.baselines import Baseline
    from workflows.context import SpecContext
    from workflows.course import Course
    from workflows.phases import PhaseRunner
    from workflows.schedule import Scheduler


class Revisions:
    """Takes a person's versions; ``rerun`` is called when a gate asks for changes of one."""

    def __init__(
        self,
        context: SpecContext,
        drafting: Drafting,
        phases: PhaseRunner,
        baseline: Baseline,
        schedule: Scheduler,
        course: Course,
    ) -> None:
        self._context = context
        self._drafting = drafting
        self._phases = phases
        self._baseline = baseline
        self._schedule = schedule
        self._course = course
        self._pending: set[asyncio.Task[None]] = set()

    def validate(self, command: SaveDocument) -> None:
        """Refuse a document of a phase that is not written yet, or that was changed meanwhile.

        Raises:
            ApplicationError: ``phase-not-written`` or ``stale-document``.
        """
        gate = self._context.gates.open
        at_gate = gate is not None and gate.kind == GateKind.PHASE and gate.phase == command.phase
        shown = gate.document if gate is not None and at_gate else None
        current = shown or self._drafting.documents.get(command.phase)
        if current is None:
            msg = f"{command.phase.value} has no document that could be edited yet."
            raise ApplicationError(msg, type="phase-not-written", non_retryable=True)
        if current.sha256 != command.based_on:
            msg = "The document has changed since you began to edit it; review it again."
            raise ApplicationError(msg, type="stale-document", non_retryable=True)

    async def save(self, command: SaveDocument) -> SavedDocument:
        """Judge a person's document and store it; then it is in force, or a gate asks about it.

        Raises:
            ApplicationError: a hard rule does not hold, or the running plan cannot become it.
        """
        verdict = await self._drafting.must_hold(command.phase, command.document)
        self.validate(command)
        running_plan = command.phase == Phase.TASKS and self._schedule.active
        if running_plan:
            refused = (await self._sync(command, dry_run=True)).blockers
            if refused:
                msg = "The running plan cannot be changed so.\n" + "\n".join(refused)[:3_000]
                raise ApplicationError(msg, type="plan-edit-refused", non_retryable=True)
        accepted = await self._drafting.accept(
            command.phase, f"edit-{command.id}", command.document, command.by, command.reason
        )
        gate = self._context.gates.open
        if gate is not None and gate.kind == GateKind.PHASE and gate.phase == command.phase:
            self._phases.markdown[command.phase] = accepted.version.markdown
            self._phases.scores[command.phase] = verdict.score
            brief = accepted.brief.model_copy(update={"doubts": verdict.doubts})
            await self._context.gates.replace(command.document, brief)
            return self._saved(verdict, accepted, in_force=False)
        if self._asks(command.phase, verdict):
            kind = GateKind.PLAN_EDIT if running_plan else GateKind.PHASE
            self._later(self._ask(command, accepted, verdict, kind))
            return self._saved(verdict, accepted, in_force=False)
        await self._apply(command, accepted, verdict)
        return self._saved(verdict, accepted, in_force=True)

    def _asks(self, phase: Phase, verdict: EvaluationSummary) -> bool:
        policy = self._context.launch.settings.gates[phase]
        return gate_opens(phase, policy, verdict.score, self._baseline.environment)

    def _saved(
        self, verdict: EvaluationSummary, accepted: AcceptedDocument, *, in_force: bool
    ) -> SavedDocument:
        return SavedDocument(
            evaluation=verdict, version=accepted.version.version, in_force=in_force
        )

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    def close(self) -> None:
        """Give up what still waits; the run is over."""
        for task in self._pending:
            task.cancel()

    async def _ask(
        self,
        command: SaveDocument,
        accepted: AcceptedDocument,
        verdict: EvaluationSummary,
        kind: GateKind,
    ) -> None:
        """Re-open the phase's gate for a person's version, while the spec goes on."""
        brief = accepted.brief.model_copy(update={"doubts": verdict.doubts})
        lines = [f"Approve the edited {command.phase.value}: {brief.says}", brief.changed]
        gate = await self._context.gates.ask(
            kind,
            "\n".join(line for line in lines if line),
            phase=command.phase,
            document=command.document,
            brief=brief,
            reason_code="edited",
        )
        decision = gate.decision
        if decision is None:
            return
        match decision.kind:
            case DecisionKind.APPROVE:
                await self._apply(command, accepted, verdict)
            case DecisionKind.EDIT if decision.document is not None:
                edited = command.model_copy(
                    update={"document": decision.document, "by": decision.by}
                )
                stored = await self._drafting.accept(
                    command.phase, f"gate-{gate.id}", decision.document, decision.by
                )
                await self._apply(edited, stored, verdict)
            case DecisionKind.REJECT if kind == GateKind.PHASE:
                await self._context.end(decision.by, decision.note or "the edit was rejected")
            case DecisionKind.REQUEST_CHANGES:
                self._course.rerun = SpecCommand(
                    id=f"gate-{gate.id}",
                    name=CommandName.RERUN_FROM,
                    by=decision.by,
                    reason=wanted_changes(decision),
                    from_phase=command.phase,
                )
                self._context.cancellation.request()
            case _:
                return

    async def _apply(
        self, command: SaveDocument, accepted: AcceptedDocument, verdict: EvaluationSummary
    ) -> None:
        """Put a person's version in force."""
        phase = command.phase
        if phase == Phase.TASKS and self._schedule.active:
            outcome = await self._sync(command, dry_run=False)
            if outcome.blockers:
                told = "The edited plan does not fit any more: " + "; ".join(outcome.blockers)
                await self._context.recorder.say(Progress(message=told[:2_000], phase=phase))
                return
            self._schedule.replan(outcome.nodes)
            await self._context.recorder.say(
                PlanEdited(
                    by=command.by,
                    added=outcome.changes.added,
                    changed=outcome.changes.changed,
                    dropped=outcome.changes.removed,
                )
            )
        self._drafting.documents[phase] = command.document
        self._phases.markdown[phase] = accepted.version.markdown
        self._phases.scores[phase] = verdict.score
        await self._context.recorder.say(
            DocumentEdited(phase=phase, version=accepted.version.version, by=command.by)
        )

    async def _sync(self, command: SaveDocument, *, dry_run: bool) -> SyncOutcome:
        launch = self._context.launch
        run = launch.start.run if launch.start is not None else 1
        return await self._course.sync_plan(
            SyncPlan(
                spec_id=launch.spec_id,
                project_id=launch.project_id,
                title=launch.title,
                documents={**self._drafting.documents, Phase.TASKS: command.document},
                fixed=self._schedule.begun(),
                keep_merged=True,
                dry_run=dry_run,
                run=run,
            )
        )
