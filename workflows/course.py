"""The course of a spec: phases, SYNC, drift, tasks, proof, pull request."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.bridge import BridgeActivities
    from activities.drift import DriftActivities
    from activities.repositories import RepositoryActivities
    from models.contracts.attempts import SyncOutcome, SyncPlan
    from models.contracts.commands import CommandName, SpecCommand
    from models.contracts.facts import (
        BaseFound,
        DriftDetected,
        ExecutionStarted,
        PhaseCompleted,
        PhaseRetry,
        PhaseStarted,
        Rerun,
    )
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.phases import GENERATED_PHASES, PHASES, Phase
    from models.contracts.repositories import EnsureMirror, FindDrift, FindMerges
    from models.contracts.specs import SpecResult, SpecStart, SpecStatus
    from models.contracts.tasks import TaskNode

    from workflows import options
    from workflows.attempts import Drafting
    from workflows.baselines import Baseline
    from workflows.context import SpecContext
    from workflows.delivery import Delivery
    from workflows.failures import EndedByPerson
    from workflows.gates import POLICY
    from workflows.guards import Guard
    from workflows.phases import PhaseRunner
    from workflows.schedule import Scheduler
    from workflows.slots import SlotHolder


class Course:
    """Takes a spec from its start to its pull request; ``phase`` is where it stands."""

    def __init__(
        self,
        context: SpecContext,
        place: SlotHolder,
        guard: Guard,
        drafting: Drafting,
        phases: PhaseRunner,
        baseline: Baseline,
        schedule: Scheduler,
    ) -> None:
        self._context = context
        self._place = place
        self._guard = guard
        self._drafting = drafting
        self._phases = phases
        self._baseline = baseline
        self._schedule = schedule
        self._delivery = Delivery(context, guard, phases, baseline, schedule)
        self._start = context.launch.start or SpecStart()
        self._published = False
        self.rerun: SpecCommand | None = None
        self.phase: Phase | None = None

    async def run(self) -> SpecResult:
        """Run to the pull request.

        Raises:
            EndedByPerson: a person ended it at a gate.
        """
        await self._place.take()
        await self._say_start()
        await self._find_base()
        quick = self._context.launch.quick
        nodes = await self._plan() if quick is None else await self._prepare(quick)
        await self._delivery.publish_branch(self._drafting.base_commit)
        await self._schedule.run(nodes)
        await self._context.unheld()
        if quick is None:
            await self._check_drift()
        head = await self._delivery.prove_head()
        made = await self._delivery.open_pull_request(head)
        self.phase = None
        self._context.cancellation.closed = True
        await self._context.recorder.say(self._delivery.completed(len(nodes)))
        return SpecResult(status=SpecStatus.COMPLETED, pull_request=made.number)

    async def _plan(self) -> tuple[TaskNode, ...]:
        """The phases and SYNC; returns the plan's tasks."""
        start = self._start
        for phase in GENERATED_PHASES:
            if phase in start.documents:
                continue
            self.phase = phase
            first = phase == start.from_phase
            await self._phases.run(
                phase,
                feedback=start.note if first else "",
                previous=start.previous if first else None,
                given=start.given if first else None,
                author=start.by,
            )
        plan = await self._sync()
        await self._check_drift()
        return plan.nodes

    async def _prepare(self, quick: TaskNode) -> tuple[TaskNode, ...]:
        """A quick task plans nothing: the baseline is proven, and its one task is the plan."""
        attempt = 1
        while await self._baseline.prove(attempt, None, self._drafting.base_commit) is not None:
            attempt += 1  # a person asked to try again
        return (quick,)

    async def _say_start(self) -> None:
        launch, start = self._context.launch, self._start
        if start.run > 1:
            await self._context.recorder.say(
                Rerun(
                    from_phase=start.from_phase,
                    run=start.run,
                    by=start.by,
                    note=start.note[:2_000],
                    branch_name=None if start.keep_merged else launch.branch,
                )
            )
            return
        await self._context.recorder.say(
            ExecutionStarted(
                title=launch.title,
                description=launch.description[:2_000],
                phases=PHASES if launch.quick is None else (),
            )
        )

    async def _find_base(self) -> None:
        """Bring the mirror up to date; a run that keeps documents keeps their base commit."""
        launch = self._context.launch
        mirror = await self._guard.run(
            None,
            lambda: workflow.execute_activity_method(
                RepositoryActivities.ensure_mirror,
                EnsureMirror(project_id=launch.project_id, base_branch=launch.base_branch),
                **options.repository(launch.timings),
            ),
        )
        if not self._drafting.base_commit:
            self._drafting.base_commit = mirror.base_commit
        await self._context.recorder.say(BaseFound(base_commit=self._drafting.base_commit))

    async def _sync(self) -> SyncOutcome:
        """Compute the report; with blockers the plan goes back to ``tasks``."""
        recorder = self._context.recorder
        started, attempt = workflow.now(), self._phases.attempt_of(Phase.SYNC)
        while True:
            attempt += 1
            self._phases.attempts[Phase.SYNC] = attempt
            self.phase = Phase.SYNC
            await recorder.say(PhaseStarted(phase=Phase.SYNC, attempt=attempt))
            outcome = await self.sync_plan(
                SyncPlan(
                    spec_id=self._context.launch.spec_id,
                    project_id=self._context.launch.project_id,
                    title=self._context.launch.title,
                    documents=self._drafting.documents,
                    keep_merged=self._start.keep_merged,
                    on_branch=await self._find_merges(),
                    restart=self._start.run > 1,
                    run=self._start.run,
                )
            )
            if not outcome.blockers:
                await recorder.say(
                    PhaseCompleted(
                        phase=Phase.SYNC,
                        eval_score=outcome.coverage,
                        duration_seconds=(workflow.now() - started).total_seconds(),
                        retry_count=attempt - 1,
                    )
                )
                return outcome
            told = "\n".join(outcome.blockers)[:2_000]
            limit = self._context.launch.settings.max_attempts
            await recorder.say(
                PhaseRetry(phase=Phase.TASKS, retry_count=attempt, max_retries=limit, reason=told)
            )
            self.phase = Phase.TASKS
            await self._phases.run(Phase.TASKS, feedback=told)

    async def _find_merges(self) -> dict[str, str]:
        """What an earlier run merged, when this one keeps it."""
        if not self._start.keep_merged:
            return {}
        launch = self._context.launch
        found = await self._guard.run(
            Phase.SYNC,
            lambda: workflow.execute_activity_method(
                RepositoryActivities.find_merges,
                FindMerges(
                    project_id=launch.project_id, spec_id=launch.spec_id, branch=launch.branch
                ),
                **options.repository(launch.timings),
            ),
        )
        return found.commits

    async def sync_plan(self, request: SyncPlan) -> SyncOutcome:
        """Compute SYNC, and write tickets and tasks when nothing blocks it."""
        return await self._guard.run(
            Phase.SYNC,
            lambda: workflow.execute_activity_method(
                BridgeActivities.sync_plan,
                request,
                **options.evaluate(self._context.launch.timings),
            ),
        )

    async def _check_drift(self) -> None:
        """Compare the target branch with the base; the project's policy says what follows."""
        launch = self._context.launch
        base = self._drafting.base_commit
        report = await self._guard.run(
            None,
            lambda: workflow.execute_activity_method(
                DriftActivities.find_drift,
                FindDrift(
                    project_id=launch.project_id,
                    base_branch=launch.base_branch,
                    base_commit=base,
                    working_directory=launch.working_directory,
                    documents=self._drafting.documents,
                ),
                **options.repository(launch.timings, "drift"),
            ),
        )
        if not report.files:
            return
        await self._context.recorder.say(
            DriftDetected(base_commit=base, head=report.head, files=report.files)
        )
        if launch.settings.drift_policy == "re_explore":
            await self._explore_again(POLICY, report.files)
        if launch.settings.drift_policy == "ask":
            await self._ask_about_drift(report.files)

    async def _ask_about_drift(self, files: tuple[str, ...]) -> None:
        names = ", ".join(files[:20])
        gate = await self._context.gates.ask(
            GateKind.DRIFT,
            f"{len(files)} cited files changed on {self._context.launch.base_branch}\n{names}",
            reason_code="drift",
            by_person=True,
        )
        decision = gate.decision
        if decision is None or decision.kind == DecisionKind.CANCEL:
            by, note = (decision.by, decision.note) if decision else ("", "")
            raise EndedByPerson(by, note or "the code base has drifted")
        if decision.kind == DecisionKind.RE_EXPLORE:
            await self._explore_again(decision.by, files)

    async def _explore_again(self, by: str, files: tuple[str, ...]) -> None:
        """Begin anew at the branch's head.

        Raises:
            asyncio.CancelledError: this run ends; the next one begins in its place.
        """
        note = f"These files changed since you last explored: {', '.join(files[:50])}"
        self.rerun = SpecCommand(
            id=f"drift-{workflow.info().run_id}",
            name=CommandName.RERUN_FROM,
            by=by,
            reason=note,
            from_phase=Phase.EXPLORE,
        )
        self._context.cancellation.request()
        await self._context.cancellation.wait(lambda: False)
