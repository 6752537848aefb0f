"""The proof of a task's work: the project's check, with evidence that the work did not bend it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.checks import CheckActivities
    from models.contracts.checks import CheckEvidence, CheckPurpose, RunCheck
    from models.contracts.commands import ASK_GATE_SIGNAL, spec_workflow_id
    from models.contracts.gates import DecisionKind, GateDecision, GateKind
    from models.contracts.tasks import AgentResult, TaskGateAsk, TaskInput
    from models.rules.tampering import told

    from workflows import options
    from workflows.failures import Failure, TaskFailed
    from workflows.signals import tell


class SayChecked(Protocol):
    """Puts a move of the task on record, with the evidence."""

    async def __call__(
        self, event: str, *, check: CheckEvidence | None = None, reason: str | None = None
    ) -> None:
        """Append the fact."""
        ...


class Proof:
    """Checks of one task.

    Findings of tampering go back to the agent once, then to a person. ``tests`` is how many tests
    the last green check collected. ``wait_for`` waits for a person without a slot.
    """

    def __init__(
        self,
        task: TaskInput,
        say: SayChecked,
        wait_for: Callable[[str, Callable[[], bool]], Awaitable[None]],
    ) -> None:
        self._task = task
        self._say = say
        self._wait_for = wait_for
        self._warned = False
        self._allowed: tuple[str, ...] = ()
        self._decision: GateDecision | None = None
        self.tests = task.tests_before

    def decide(self, decision: GateDecision) -> None:
        """A person decided about the findings."""
        self._decision = decision

    async def of(self, result: AgentResult, base: str, number: int) -> str | None:
        """None when the work of a round may be merged, else what the agent must mend.

        Raises:
            TaskFailed: a person refused it.
        """
        if result.work is None or result.head is None:
            return await self._of_nothing()
        if not self._task.settings.environment.check_command:
            return None
        while True:
            await self._say("task.checking")
            evidence = await self.run(self._request(result, base, number))
            red = _what_is_red(evidence)
            if red is None and not evidence.tampering:
                self.tests = max(self.tests or 0, evidence.tests or 0) or None
                await self._say("task.checking", check=evidence)
                return None
            if red is None and self._warned:
                await self._say("task.check_failed", check=evidence, reason="The check was bent.")
                note = await self._ask(evidence)
                if note is None:
                    continue
                return note
            reason = "The check is red." if red is not None else "The check was bent."
            await self._say("task.check_failed", check=evidence, reason=reason)
            self._warned = self._warned or bool(evidence.tampering)
            return "\n\n".join(part for part in (red, _warning(evidence)) if part)

    async def _of_nothing(self) -> str | None:
        if not self._task.expects_changes:
            return None
        words = "Nothing was changed, but the plan promises files."
        await self._say("task.check_failed", reason=words)
        return words

    def _request(self, result: AgentResult, base: str, number: int) -> RunCheck:
        task = self._task
        allowed = f"/a{len(self._allowed)}" if self._allowed else ""
        return RunCheck(
            key=f"{task.task_id}/r{number}/{result.head}{allowed}",
            project_id=task.project_id,
            spec_id=task.spec_id,
            task_id=task.task_id,
            purpose=CheckPurpose.TASK,
            commit=result.head or "",
            bundle=result.work,
            environment=task.settings.environment,
            extra_command=task.extra_check,
            working_directory=task.working_directory,
            base=base,
            allowed=self._allowed,
            plan_approved=task.plan_approved,
            baseline_accepted=task.baseline_accepted,
            tests_before=None if "" in self._allowed else task.tests_before,
            claims=result.tests,
        )

    async def run(self, request: RunCheck) -> CheckEvidence:
        """Run a check in a clean sandbox."""
        return await workflow.execute_activity_method(
            CheckActivities.run_check,
            request,
            **options.check(self._task.timings, f"{self._task.local_id} {request.purpose}"),
        )

    async def _ask(self, evidence: CheckEvidence) -> str | None:
        """Ask a person; None when they accept the change, else what the agent is told.

        Raises:
            TaskFailed: they refuse it.
        """
        self._decision = None
        summary = f"{self._task.local_id} changed how it is proven\n{told(evidence.tampering)}"
        asked = TaskGateAsk(
            task_id=self._task.task_id,
            local_id=self._task.local_id,
            kind=GateKind.TAMPER,
            reason_code="tampering",
            summary=summary,
        )
        await tell(spec_workflow_id(self._task.spec_id), ASK_GATE_SIGNAL, asked)
        await self._wait_for(summary.splitlines()[0], lambda: self._decision is not None)
        decision = self._decision
        if decision is not None and decision.kind == DecisionKind.ACCEPT:
            paths = (finding.path for finding in evidence.tampering)
            self._allowed = tuple(dict.fromkeys((*self._allowed, *paths)))
            return None
        note = decision.note if decision is not None else ""
        if decision is not None and decision.kind == DecisionKind.RETRY:
            self._warned = False
            return "\n\n".join(part for part in (_warning(evidence), note) if part)
        raise TaskFailed(Failure(code="tampering", message=note or summary[:1_000]))


def _what_is_red(evidence: CheckEvidence) -> str | None:
    """The output of a red check, or the claimed tests that show nothing."""
    if not evidence.passed:
        return f"The check `{evidence.command}` is red:\n\n{evidence.tail}"
    empty = [e for e in evidence.criteria if e.known and not e.shown]
    if not empty:
        return None
    lines = "\n".join(f"- {e.criterion_id}: {e.test_id}: {e.detail}" for e in empty)
    return (
        f"These tests, which you named, do not show their criteria when run by their ids:\n{lines}"
    )


def _warning(evidence: CheckEvidence) -> str:
    if not evidence.tampering:
        return ""
    return (
        f"Your change weakens the project's own proof:\n{told(evidence.tampering)}\n\n"
        "Undo this, or ask a person if it must be; what stays is put before a person."
    )
