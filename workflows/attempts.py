"""What one attempt of a phase asks of activities: generate, evaluate, accept."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.documents import DocumentActivities
    from activities.evaluator import EvaluatorActivities
    from activities.planner import PlannerActivities
    from models.contracts.artifacts import ArtifactRef
    from models.contracts.attempts import (
        AcceptDocument,
        AcceptedDocument,
        EvaluateDocument,
        PhaseDraft,
        PhaseProgress,
        RunPhase,
    )
    from models.contracts.commands import ProposeDocument
    from models.contracts.evaluations import EvaluationSummary
    from models.contracts.phases import Phase

    from workflows import options
    from workflows.baselines import Baseline
    from workflows.context import SpecContext
    from workflows.guards import Guard
    from workflows.questions import QuestionDesk


class Drafting:
    """Generates and judges documents; ``documents`` are the approved ones so far."""

    def __init__(
        self, context: SpecContext, guard: Guard, baseline: Baseline, questions: QuestionDesk
    ) -> None:
        self._context = context
        self._guard = guard
        self._baseline = baseline
        self._questions = questions
        self._generating: asyncio.Task[PhaseProgress] | None = None
        self._retry_note: str | None = None
        self._proposal: ProposeDocument | None = None
        start = context.launch.start
        self.base_commit = (start.base_commit if start is not None else None) or ""
        kept = start.documents if start is not None else {}
        self.documents: dict[Phase, ArtifactRef] = {p: kept[p].document for p in kept}

    def model_of(self, phase: Phase) -> str:
        """The model that writes this phase."""
        launch = self._context.launch
        return launch.settings.models.get(phase, launch.planner_model)

    def interrupt(self, note: str) -> bool:
        """Give the attempt that is being written up; False when none is."""
        if self._generating is None or self._generating.done():
            return False
        self._retry_note = note
        self._generating.cancel()
        return True

    def check_proposal(self, command: ProposeDocument, running: Phase | None) -> None:
        """Refuse a document for a phase that is not being written.

        Raises:
            ApplicationError: ``phase-not-running``.
        """
        writing = self._generating is not None and not self._generating.done()
        if command.phase != running or not writing:
            msg = f"{command.phase.value} is not being written now."
            raise ApplicationError(msg, type="phase-not-running", non_retryable=True)

    def propose(self, command: ProposeDocument) -> None:
        """Take a document from outside: the attempt that is being written is given up."""
        if self.interrupt(f"{command.by} proposes a document."):
            self._proposal = command

    def taken_proposal(self) -> ProposeDocument | None:
        """What was proposed in the place of the last attempt."""
        proposal, self._proposal = self._proposal, None
        if proposal is not None:
            self._retry_note = None
        return proposal

    def taken_note(self) -> str:
        """The note with which a person interrupted the last attempt."""
        note, self._retry_note = self._retry_note or "", None
        return note

    async def generate(
        self, phase: Phase, attempt: int, previous: ArtifactRef | None, feedback: str
    ) -> PhaseDraft | None:
        """One document; None when a person interrupted it."""
        launch = self._context.launch
        request = RunPhase(
            spec_id=launch.spec_id,
            project_id=launch.project_id,
            phase=phase,
            attempt=attempt,
            title=launch.title,
            description=launch.description,
            base_commit=self.base_commit,
            working_directory=launch.working_directory,
            model=self.model_of(phase),
            documents=self.before(phase),
            previous=previous,
            feedback=feedback[:20_000],
            answers=self._questions.answers(),
            steering=launch.settings.steering,
        )
        while True:
            progress = await self._guard.run(phase, lambda: self._slice(request))
            if progress.draft is not None:
                return progress.draft
            if self._retry_note is not None:
                return None
            await self._context.unheld()

    async def _slice(self, request: RunPhase) -> PhaseProgress:
        """A try of the planner; without a draft when it was paused or interrupted."""
        summary = f"{request.phase} attempt {request.attempt}"
        self._generating = asyncio.create_task(
            self._call(request, options.planner(self._context.launch.timings, summary))
        )
        try:
            return await self._generating
        except (asyncio.CancelledError, ActivityError) as error:
            if self._retry_note is None or not is_cancelled_exception(error):
                raise
            self._context.cancellation.check()
            return PhaseProgress()
        finally:
            self._generating.cancel()

    async def _call(self, request: RunPhase, config: workflow.ActivityConfig) -> PhaseProgress:
        return await workflow.execute_activity_method(
            PlannerActivities.run_phase, request, **config
        )

    def before(self, phase: Phase) -> dict[Phase, ArtifactRef]:
        """The approved documents of earlier phases."""
        order = list(Phase)
        return {p: ref for p, ref in self.documents.items() if order.index(p) < order.index(phase)}

    async def evaluate(
        self, phase: Phase, attempt: int, document: ArtifactRef
    ) -> EvaluationSummary:
        """The rules' verdict, and the judge's where one is asked; attempt 0 is a person's."""
        launch = self._context.launch
        settings = launch.settings
        request = EvaluateDocument(
            spec_id=launch.spec_id,
            project_id=launch.project_id,
            phase=phase,
            attempt=attempt,
            document=document,
            documents=self.before(phase),
            base_commit=self.base_commit,
            working_directory=launch.working_directory,
            threshold=settings.threshold_of(phase),
            baseline=self._baseline.evidence,
            baseline_accepted=self._baseline.accepted,
            limits=settings.limits,
            judge=settings.judge,
            model=self.model_of(phase),
        )
        summary = f"{phase} attempt {attempt}" if attempt else f"{phase} by a person"
        verdict = await self._guard.run(
            phase,
            lambda: workflow.execute_activity_method(
                EvaluatorActivities.evaluate,
                request,
                **options.evaluate(launch.timings, summary),
            ),
        )
        if not attempt or settings.judge == "off" or not verdict.holds:
            return verdict
        return await self._guard.run(
            phase,
            lambda: workflow.execute_activity_method(
                EvaluatorActivities.judge,
                request,
                **options.planner(launch.timings, f"judge {summary}"),
            ),
        )

    async def must_hold(self, phase: Phase, document: ArtifactRef) -> EvaluationSummary:
        """The evaluation of a person's document.

        Raises:
            ApplicationError: a hard rule does not hold; ``evaluation-failed`` with the findings.
        """
        verdict = await self.evaluate(phase, 0, document)
        if not verdict.holds:
            msg = f"The document breaks rules that must hold.\n{verdict.feedback[:3_000]}"
            raise ApplicationError(msg, type="evaluation-failed", non_retryable=True)
        return verdict

    async def accept(
        self, phase: Phase, source_key: str, document: ArtifactRef, author: str, reason: str = ""
    ) -> AcceptedDocument:
        """Store a judged document as the phase's next version."""
        return await self._guard.run(
            phase,
            lambda: workflow.execute_activity_method(
                DocumentActivities.accept_document,
                self._accept_request(phase, source_key, document, author, reason),
                **options.evaluate(self._context.launch.timings),
            ),
        )

    async def render(self, phase: Phase, document: ArtifactRef) -> ArtifactRef:
        """The Markdown of a document with the answers that stand now."""
        return await workflow.execute_activity_method(
            DocumentActivities.render_document,
            self._accept_request(phase, "", document, ""),
            **options.evaluate(self._context.launch.timings),
        )

    def _accept_request(
        self, phase: Phase, source_key: str, document: ArtifactRef, author: str, reason: str = ""
    ) -> AcceptDocument:
        launch = self._context.launch
        return AcceptDocument(
            spec_id=launch.spec_id,
            project_id=launch.project_id,
            phase=phase,
            source_key=source_key,
            document=document,
            author=author,
            reason=reason[:500],
            title=launch.title,
            answers=self._questions.answers() if phase == Phase.EXPLORE else (),
        )
