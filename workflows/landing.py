"""A task's work onto the spec's branch: merge, check the merged tree, push."""

from collections.abc import Awaitable, Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.repositories import RepositoryActivities
    from models.contracts.checks import CheckEvidence, CheckPurpose, RunCheck
    from models.contracts.repositories import MergeCandidate, PrepareMerge, PushMerge
    from models.contracts.tasks import AgentResult, TaskInput

    from workflows import options
    from workflows.failures import Failure, TaskFailed

_PUSH_TRIES = 5
AGAIN = (
    "\n\nThe workspace now stands at the branch's new head, without your work. "
    "Do it again there, so that both fit together."
)


class Landing:
    """Lands the work of one task; the caller holds the merge turn."""

    def __init__(
        self, task: TaskInput, run_check: Callable[[RunCheck], Awaitable[CheckEvidence]]
    ) -> None:
        self._task = task
        self._run_check = run_check

    async def land(self, result: AgentResult, base: str) -> str | Failure:
        """The merge commit on the forge, or why the agent must go on."""
        for _ in range(_PUSH_TRIES):
            candidate = await self._prepare(result)
            if candidate.outcome == "conflict" or candidate.commit is None:
                paths = ", ".join(candidate.conflicts[:20])
                told = f"Your work conflicts with what was merged meanwhile, in: {paths}."
                return Failure(code="merge-conflict", message=told + AGAIN)
            if candidate.outcome == "merged":
                return candidate.commit
            red = await self._check_candidate(candidate, base)
            if red is not None:
                return red
            pushed = await workflow.execute_activity_method(
                RepositoryActivities.push_merge,
                PushMerge(
                    project_id=self._task.project_id,
                    spec_id=self._task.spec_id,
                    branch=self._task.branch,
                    commit=candidate.commit,
                    expected=candidate.base,
                ),
                **options.repository(self._task.timings, f"push {self._task.local_id}"),
            )
            if pushed.pushed:
                return candidate.commit
        told = f"The branch moved {_PUSH_TRIES} times while this task was being merged."
        raise TaskFailed(Failure(code="branch-moving", message=told))

    async def _prepare(self, result: AgentResult) -> MergeCandidate:
        if result.work is None or result.head is None:
            raise TaskFailed(Failure(code="nothing-to-merge", message="There is no work to merge."))
        task = self._task
        return await workflow.execute_activity_method(
            RepositoryActivities.prepare_merge,
            PrepareMerge(
                project_id=task.project_id,
                spec_id=task.spec_id,
                task_id=task.task_id,
                local_id=task.local_id,
                title=task.title,
                branch=task.branch,
                work=result.work,
                work_head=result.head,
            ),
            **options.repository(task.timings, f"merge {task.local_id}"),
        )

    async def _check_candidate(self, candidate: MergeCandidate, base: str) -> Failure | None:
        """Check the merged tree before it is pushed; one that was checked already is green."""
        environment = self._task.settings.environment
        if candidate.base == base or not environment.check_command or candidate.commit is None:
            return None
        request = RunCheck(
            key=f"{self._task.task_id}/merge/{candidate.commit}",
            project_id=self._task.project_id,
            spec_id=self._task.spec_id,
            task_id=self._task.task_id,
            purpose=CheckPurpose.MERGE,
            commit=candidate.commit,
            environment=environment,
            baseline_accepted=self._task.baseline_accepted,
            working_directory=self._task.working_directory,
        )
        evidence = await self._run_check(request)
        if evidence.passed:
            return None
        told = f"Merged with what others did, the check is red:\n\n{evidence.tail}"
        return Failure(code="merge-red", message=told + AGAIN)
