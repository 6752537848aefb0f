"""From the plan to the pull request: branch, final check, pull request."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.checks import CheckActivities
    from activities.pull_requests import PullRequestActivities
    from activities.repairs import RepairActivities
    from activities.repositories import RepositoryActivities
    from activities.tasks import TaskActivities
    from models.contracts.attempts import AddRepair
    from models.contracts.checks import CheckEvidence, CheckPurpose, RunCheck
    from models.contracts.facts import BranchCreated, ExecutionCompleted, FinalChecked
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.phases import GENERATED_PHASES, PHASES, Phase
    from models.contracts.repositories import OpenPullRequest, PublishBranch, PullRequest
    from models.contracts.tasks import SandboxRequest, Workspace
    from models.rules.markdown import FILE_NAMES, spec_folder

    from workflows import options
    from workflows.baselines import Baseline
    from workflows.context import SpecContext
    from workflows.failures import EndedByPerson
    from workflows.guards import Guard
    from workflows.phases import PhaseRunner
    from workflows.schedule import Scheduler

_REPAIRS = 2


class Delivery:
    """The spec's branch, its proof and its pull request."""

    def __init__(
        self,
        context: SpecContext,
        guard: Guard,
        phases: PhaseRunner,
        baseline: Baseline,
        schedule: Scheduler,
    ) -> None:
        self._schedule = schedule
        self._launch = context.launch
        self._recorder = context.recorder
        self._gates = context.gates
        self._guard = guard
        self._phases = phases
        self._baseline = baseline
        self._run = context.launch.start.run if context.launch.start is not None else 1
        self._keeps_branch = context.launch.start is not None and context.launch.start.keep_merged
        self._checks = 0
        self._repairs = 0

    async def publish_branch(self, base_commit: str) -> None:
        """Make the branch on the forge; the documents are its first commit."""
        launch = self._launch
        folder = spec_folder(launch.title, launch.spec_id)
        files = {
            f"{folder}/{FILE_NAMES[phase]}": ref for phase, ref in self._phases.markdown.items()
        }
        branch = await self._guard.run(
            Phase.SYNC,
            lambda: workflow.execute_activity_method(
                RepositoryActivities.publish_branch,
                PublishBranch(
                    project_id=launch.project_id,
                    spec_id=launch.spec_id,
                    branch=launch.branch,
                    base_commit=base_commit,
                    title=launch.title,
                    files=files,
                    update=self._keeps_branch,
                ),
                **options.repository(launch.timings, launch.branch),
            ),
        )
        await self._recorder.say(BranchCreated(branch_name=branch.branch, head=branch.head))

    async def prove_head(self) -> str:
        """Check the branch's head in a fresh sandbox; red is repaired. Returns the head."""
        while True:
            head = await self._guard.run(None, self._find_head)
            if not self._baseline.environment.check_command:
                return head.commit
            self._checks += 1
            evidence = await self._guard.run(
                None, lambda commit=head.commit: self._check_head(commit)
            )
            await self._recorder.say(FinalChecked(check=evidence))
            if evidence.passed:
                return head.commit
            if not await self._mend(evidence):
                return head.commit

    async def _mend(self, evidence: CheckEvidence) -> bool:
        """Repair a red head, twice by itself, then as a person says; False to accept it as it is.

        Raises:
            EndedByPerson: the person ends the spec.
        """
        note = ""
        if self._repairs >= _REPAIRS:
            gate = await self._gates.ask(
                GateKind.FINAL,
                f"The final check is red on {self._launch.branch}\n{evidence.tail}",
                reason_code="final-check-red",
            )
            decision = gate.decision
            if decision is None or decision.kind == DecisionKind.CANCEL:
                by, note = (decision.by, decision.note) if decision else ("", "")
                raise EndedByPerson(by, note or "the final check is red")
            if decision.kind == DecisionKind.ACCEPT:
                return False
            note = decision.note
        self._repairs += 1
        node = await workflow.execute_activity_method(
            RepairActivities.add_repair,
            AddRepair(
                spec_id=self._launch.spec_id,
                project_id=self._launch.project_id,
                number=self._run * 100 + self._repairs,
                command=evidence.command,
                tail=evidence.tail,
                note=note,
            ),
            **options.record(self._launch.timings),
        )
        await self._schedule.run_also(node)
        return True

    async def _find_head(self) -> Workspace:
        launch = self._launch
        request = SandboxRequest(
            name=f"final-{launch.spec_id}-head",
            project_id=launch.project_id,
            spec_id=launch.spec_id,
            branch=launch.branch,
        )
        return await workflow.execute_activity_method(
            TaskActivities.find_head, request, **options.repository(launch.timings)
        )

    async def _check_head(self, commit: str) -> CheckEvidence:
        launch, environment = self._launch, self._baseline.environment
        request = RunCheck(
            key=f"{launch.spec_id}/final/{self._run}/{commit}/{self._checks}",
            project_id=launch.project_id,
            spec_id=launch.spec_id,
            purpose=CheckPurpose.FINAL,
            commit=commit,
            environment=environment,
            baseline_accepted=self._baseline.accepted,
            working_directory=launch.working_directory,
        )
        return await workflow.execute_activity_method(
            CheckActivities.run_check, request, **options.check(launch.timings, "final check")
        )

    async def open_pull_request(self, head: str) -> PullRequest:
        """Make the pull request, or find the one that exists."""
        launch = self._launch
        return await self._guard.run(
            None,
            lambda: workflow.execute_activity_method(
                PullRequestActivities.open_pull_request,
                OpenPullRequest(
                    project_id=launch.project_id,
                    spec_id=launch.spec_id,
                    branch=launch.branch,
                    base_branch=launch.base_branch,
                    title=launch.title,
                    head=head,
                ),
                **options.repository(launch.timings, "pull request"),
            ),
        )

    def completed(self, tasks: int) -> ExecutionCompleted:
        """The fact that all of it is done."""
        if self._launch.quick is not None:
            return ExecutionCompleted(phases_completed=())
        folder = spec_folder(self._launch.title, self._launch.spec_id)
        return ExecutionCompleted(
            phases_completed=PHASES,
            markdown_artifacts={p: f"{folder}/{FILE_NAMES[p]}" for p in GENERATED_PHASES},
            ticket_creation={"tasks_created": tasks},
        )
