"""One phase: generate, evaluate, repair with feedback, and ask at the gate."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.checks import CheckActivities
    from activities.evaluator import EvaluatorActivities
    from activities.planner import PlannerActivities
    from activities.records import RecordActivities
    from models.contracts.artifacts import ArtifactRef
    from models.contracts.attempts import (
        AcceptDocument,
        EvaluateDocument,
        EvaluationSummary,
        PhaseDraft,
        RunPhase,
    )
    from models.contracts.checks import CheckEvidence, CheckPurpose, RunCheck
    from models.contracts.events import PhaseCompleted, PhaseFailed, PhaseRetry, PhaseStarted
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.phases import Phase
    from models.contracts.projects import ConfirmEnvironment, Environment
    from models.contracts.specs import SpecInput
    from models.rules.gates import gate_opens

    from workflows import options
    from workflows.cancellation import Cancellation
    from workflows.failures import EndedByPerson, describe
    from workflows.gates import Gatekeeper
    from workflows.recorder import Recorder

T = TypeVar("T")


class PhaseRunner:
    """Runs phases of one spec; ``documents`` holds what is approved so far."""

    def __init__(
        self,
        launch: SpecInput,
        recorder: Recorder,
        gates: Gatekeeper,
        cancellation: Cancellation,
        paused: Callable[[], bool],
    ) -> None:
        self._launch = launch
        self._cancellation = cancellation
        self._paused = paused
        self._recorder = recorder
        self._gates = gates
        self._attempts: dict[Phase, int] = {}
        self.environment = launch.settings.environment
        self.base_commit = ""
        self.documents: dict[Phase, ArtifactRef] = {}
        self.markdown: dict[Phase, ArtifactRef] = {}
        self.scores: dict[Phase, float] = {}

    def attempt_of(self, phase: Phase) -> int:
        """The number of the latest attempt, 0 before the first."""
        return self._attempts.get(phase, 0)

    async def guarded(self, phase: Phase | None, call: Callable[[], Awaitable[T]]) -> T:
        """Do something that may fail for good: then a person retries or ends the spec.

        Raises:
            EndedByPerson: the person ended it.
        """
        while True:
            try:
                done = await call()
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                failure = describe(error)
                if phase is not None:
                    await self._recorder.say(
                        PhaseFailed(phase=phase, reason=failure.code, error=failure.message)
                    )
                await self._ask_after_failure(phase, failure.message, failure.code)
            else:
                self._cancellation.check()
                return done

    async def _ask_after_failure(self, phase: Phase | None, message: str, code: str) -> str:
        decision = await self._gates.ask(
            GateKind.FAILURE,
            message,
            phase=phase,
            reason_code=code,
            options=(DecisionKind.RETRY, DecisionKind.CANCEL),
        )
        if decision.kind == DecisionKind.CANCEL:
            raise EndedByPerson(decision.by, decision.note or message)
        return decision.note

    async def run(self, phase: Phase, *, feedback: str = "") -> None:
        """Bring one phase to an approved document; ``feedback`` sends it back to work."""
        started = workflow.now()
        failures = retries = 0
        previous = self.documents.get(phase)
        while True:
            await self._cancellation.wait(lambda: not self._paused())
            attempt = self._attempts[phase] = self.attempt_of(phase) + 1
            await self._recorder.say(PhaseStarted(phase=phase, attempt=attempt))
            draft = await self._generate(phase, attempt, previous, feedback)
            previous = draft.document
            evaluation, unproven = await self._evaluate(phase, attempt, draft)
            if unproven is not None:
                feedback, retries = unproven, retries + 1
                continue
            if not evaluation.passed:
                failures, retries = failures + 1, retries + 1
                feedback = evaluation.feedback
                if failures < self._launch.settings.max_attempts:
                    await self._say_retry(phase, retries, feedback)
                    continue
                feedback += await self._give_up(phase, feedback)
                failures = 0
                continue
            version = await self._accept(phase, attempt, draft)
            changes = await self._approve(phase, attempt, draft, evaluation)
            if changes is not None:
                failures, retries, feedback = 0, retries + 1, changes
                await self._say_retry(phase, retries, changes)
                continue
            self.documents[phase] = draft.document
            self.scores[phase] = evaluation.score
            await self._recorder.say(
                PhaseCompleted(
                    phase=phase,
                    eval_score=evaluation.score,
                    duration_seconds=(workflow.now() - started).total_seconds(),
                    retry_count=retries,
                    version=version,
                )
            )
            return

    async def _say_retry(self, phase: Phase, retries: int, reason: str) -> None:
        await self._recorder.say(
            PhaseRetry(
                phase=phase,
                retry_count=retries,
                max_retries=self._launch.settings.max_attempts,
                reason=reason[:2_000],
            )
        )

    async def _give_up(self, phase: Phase, feedback: str) -> str:
        reason = "No attempt passed its evaluation."
        await self._recorder.say(
            PhaseFailed(phase=phase, reason=reason, eval_feedback=feedback[:2_000])
        )
        note = await self._ask_after_failure(phase, f"{reason}\n{feedback}", "evaluation-failed")
        return f"\n\nA person adds: {note}" if note else ""

    async def _generate(
        self, phase: Phase, attempt: int, previous: ArtifactRef | None, feedback: str
    ) -> PhaseDraft:
        launch = self._launch
        request = RunPhase(
            spec_id=launch.spec_id,
            project_id=launch.project_id,
            phase=phase,
            attempt=attempt,
            title=launch.title,
            description=launch.description,
            base_commit=self.base_commit,
            working_directory=launch.working_directory,
            model=launch.planner_model,
            documents=self.documents,
            previous=previous,
            feedback=feedback,
        )
        return await self.guarded(
            phase,
            lambda: workflow.execute_activity_method(
                PlannerActivities.run_phase,
                request,
                **options.planner(launch.timings, f"{phase} attempt {attempt}"),
            ),
        )

    async def _evaluate(
        self, phase: Phase, attempt: int, draft: PhaseDraft
    ) -> tuple[EvaluationSummary, str | None]:
        """The verdict; for explore also why the commands must be found again, else None."""
        baseline: CheckEvidence | None = None
        accepted = False
        if phase == Phase.EXPLORE:
            baseline = await self._prove_baseline(attempt, draft)
            if baseline is None or not baseline.passed:
                unproven = await self._ask_about_baseline(attempt, baseline)
                if unproven is not None:
                    return EvaluationSummary(passed=False, score=0, feedback=unproven), unproven
                accepted = True
        launch = self._launch
        request = EvaluateDocument(
            spec_id=launch.spec_id,
            project_id=launch.project_id,
            phase=phase,
            attempt=attempt,
            document=draft.document,
            documents=self.documents,
            base_commit=self.base_commit,
            threshold=launch.settings.threshold,
            baseline=baseline,
            baseline_accepted=accepted,
        )
        verdict = await self.guarded(
            phase,
            lambda: workflow.execute_activity_method(
                EvaluatorActivities.evaluate,
                request,
                **options.evaluate(launch.timings, f"{phase} attempt {attempt}"),
            ),
        )
        return verdict, None

    async def _prove_baseline(self, attempt: int, draft: PhaseDraft) -> CheckEvidence | None:
        launch = self._launch
        if not launch.settings.environment.confirmed:
            proposed = await workflow.execute_activity_method(
                EvaluatorActivities.read_commands,
                draft.document,
                **options.record(launch.timings),
            )
            self.environment = Environment(
                setup_command=proposed.setup_command, check_command=proposed.check_command
            )
        if not self.environment.check_command:
            return None
        request = RunCheck(
            key=f"{launch.spec_id}/baseline/{attempt}",
            project_id=launch.project_id,
            spec_id=launch.spec_id,
            purpose=CheckPurpose.BASELINE,
            commit=self.base_commit,
            setup_command=self.environment.setup_command,
            check_command=self.environment.check_command,
            working_directory=launch.working_directory,
        )
        return await self.guarded(
            Phase.EXPLORE,
            lambda: workflow.execute_activity_method(
                CheckActivities.run_check,
                request,
                **options.check(launch.timings, "prove baseline"),
            ),
        )

    async def _ask_about_baseline(self, attempt: int, baseline: CheckEvidence | None) -> str | None:
        """None when a person accepts the baseline as it is, else what must change."""
        if baseline is not None and baseline.setup_failed:
            told = f"The set-up command failed.\n{baseline.tail}"
            note = await self._ask_after_failure(Phase.EXPLORE, told, "setup-failed")
            return f"{told}\n\n{note}"
        told = "No check command was found." if baseline is None else baseline.tail
        head = "The check is red on the base commit." if baseline is not None else told
        decision = await self._gates.ask(
            GateKind.BASELINE,
            f"{head}\n{told}",
            phase=Phase.EXPLORE,
            attempt=attempt,
            reason_code="no-check-command" if baseline is None else "baseline-red",
        )
        if decision.kind == DecisionKind.CANCEL:
            raise EndedByPerson(decision.by, decision.note or head)
        if decision.kind == DecisionKind.ACCEPT:
            return None
        return f"{head}\n{told}\n\n{decision.note}"

    async def _accept(self, phase: Phase, attempt: int, draft: PhaseDraft) -> int:
        launch = self._launch
        version = await self.guarded(
            phase,
            lambda: workflow.execute_activity_method(
                EvaluatorActivities.accept_document,
                AcceptDocument(
                    spec_id=launch.spec_id,
                    project_id=launch.project_id,
                    phase=phase,
                    attempt=attempt,
                    document=draft.document,
                    author=launch.planner_model,
                    title=launch.title,
                ),
                **options.evaluate(launch.timings),
            ),
        )
        self.markdown[phase] = version.markdown
        return version.version

    async def _approve(
        self, phase: Phase, attempt: int, draft: PhaseDraft, evaluation: EvaluationSummary
    ) -> str | None:
        """None when approved, by a person or by policy; else the changes that a person wants."""
        launch = self._launch
        policy = launch.settings.gates[phase]
        if not gate_opens(phase, policy, evaluation.score, launch.settings.environment):
            return None
        lines = [f"Approve {phase.value}: {draft.summary}", f"Score {evaluation.score:.2f}"]
        if phase == Phase.EXPLORE:
            lines.append(f"Set-up: {self.environment.setup_command or 'nothing to do'}")
            lines.append(f"Check: {self.environment.check_command or 'none'}")
        if evaluation.feedback:
            lines.append(evaluation.feedback)
        decision = await self._gates.ask(
            GateKind.PHASE,
            "\n".join(lines),
            phase=phase,
            attempt=attempt,
            document=draft.document,
        )
        if decision.kind == DecisionKind.REJECT:
            raise EndedByPerson(decision.by, decision.note or f"{phase.value} was rejected")
        if decision.kind == DecisionKind.REQUEST_CHANGES:
            return decision.note or "A person asked for changes."
        if phase == Phase.EXPLORE and not launch.settings.environment.confirmed:
            await self._confirm_environment()
        return None

    async def _confirm_environment(self) -> None:
        self.environment = self.environment.model_copy(update={"confirmed": True})
        await workflow.execute_activity_method(
            RecordActivities.confirm_environment,
            ConfirmEnvironment(project_id=self._launch.project_id, environment=self.environment),
            **options.record(self._launch.timings),
        )
