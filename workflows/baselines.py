"""The baseline: set-up and check on the base commit, before anything is built on them."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.checks import CheckActivities
    from activities.evaluator import EvaluatorActivities
    from activities.records import RecordActivities
    from models.contracts.artifacts import ArtifactRef
    from models.contracts.checks import CheckEvidence, CheckPurpose, RunCheck
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.phases import Phase
    from models.contracts.projects import ConfirmEnvironment, Environment

    from workflows import options
    from workflows.context import SpecContext
    from workflows.failures import EndedByPerson
    from workflows.guards import Guard


class Baseline:
    """How this project proves itself; ``evidence`` is of the last exploration that was proven."""

    def __init__(self, context: SpecContext, guard: Guard) -> None:
        self._context = context
        self._guard = guard
        start = context.launch.start
        kept = start.environment if start is not None else None
        self.environment: Environment = kept or context.launch.settings.environment
        self.evidence: CheckEvidence | None = None
        self.accepted = False

    async def prove(
        self, attempt: int, document: ArtifactRef | None, base_commit: str
    ) -> str | None:
        """Run set-up and check; None when they are green or accepted, else what must change."""
        self.accepted = False
        self.evidence = await self._run(attempt, document, base_commit)
        if self.evidence is not None and self.evidence.passed:
            return None
        return await self._ask(attempt, self.evidence)

    async def _run(
        self, attempt: int, document: ArtifactRef | None, base_commit: str
    ) -> CheckEvidence | None:
        launch = self._context.launch
        if not self.environment.confirmed and document is not None:
            proposed = await workflow.execute_activity_method(
                EvaluatorActivities.read_commands, document, **options.record(launch.timings)
            )
            self.environment = self.environment.model_copy(
                update={
                    "setup_command": proposed.setup_command,
                    "check_command": proposed.check_command,
                }
            )
        if not self.environment.check_command:
            return None
        run = launch.start.run if launch.start is not None else 1
        request = RunCheck(
            key=f"{launch.spec_id}/baseline/{run}/{attempt}",
            project_id=launch.project_id,
            spec_id=launch.spec_id,
            purpose=CheckPurpose.BASELINE,
            commit=base_commit,
            environment=self.environment,
            working_directory=launch.working_directory,
        )
        return await self._guard.run(
            Phase.EXPLORE,
            lambda: workflow.execute_activity_method(
                CheckActivities.run_check,
                request,
                **options.check(launch.timings, "prove baseline"),
            ),
        )

    async def _ask(self, attempt: int, evidence: CheckEvidence | None) -> str | None:
        if evidence is not None and evidence.setup_failed:
            told = f"The set-up command failed.\n{evidence.tail}"
            decided = await self._guard.ask_after_failure(Phase.EXPLORE, told, "setup-failed")
            return f"{told}\n\n{decided.note}"
        told = "No check command was found." if evidence is None else evidence.tail
        head = "The check is red on the base commit." if evidence is not None else told
        gate = await self._context.gates.ask(
            GateKind.BASELINE,
            f"{head}\n{told}",
            phase=Phase.EXPLORE,
            attempt=attempt,
            reason_code="no-check-command" if evidence is None else "baseline-red",
        )
        decision = gate.decision
        if decision is None or decision.kind == DecisionKind.CANCEL:
            by, note = (decision.by, decision.note) if decision else ("", "")
            raise EndedByPerson(by, note or head)
        if decision.kind == DecisionKind.ACCEPT:
            self.accepted = True
            return None
        return f"{head}\n{told}\n\n{decision.note}"

    async def confirm(self) -> None:
        """Make the commands that a person accepted the project's own."""
        if self.environment.confirmed:
            return
        self.environment = self.environment.model_copy(update={"confirmed": True})
        launch = self._context.launch
        await workflow.execute_activity_method(
            RecordActivities.confirm_environment,
            ConfirmEnvironment(project_id=launch.project_id, environment=self.environment),
            **options.record(launch.timings),
        )
