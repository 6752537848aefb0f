"""One phase: generate, evaluate, repair with feedback, and ask at the gate."""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.contracts.artifacts import ArtifactRef
    from models.contracts.attempts import AcceptedDocument, PhaseDraft
    from models.contracts.commands import GateCommand
    from models.contracts.evaluations import EvaluationSummary
    from models.contracts.facts import PhaseCompleted, PhaseFailed, PhaseRetry, PhaseStarted
    from models.contracts.gates import DecisionKind, Gate, GateKind
    from models.contracts.phases import Phase
    from models.rules.gates import gate_opens, wanted_changes

    from workflows.attempts import Drafting
    from workflows.baselines import Baseline
    from workflows.context import SpecContext
    from workflows.failures import EndedByPerson
    from workflows.guards import Guard
    from workflows.questions import QuestionDesk

_FAILURE_OPTIONS = (DecisionKind.RETRY, DecisionKind.EDIT, DecisionKind.CANCEL)


@dataclass(frozen=True)
class Approved:
    """What a gate let through: the document, and its stored version."""

    document: ArtifactRef
    version: int


@dataclass
class _Work:
    """Where the work on a phase stands between two attempts.

    ``given`` is a document to be judged in the place of a generated one: a person's, or one that
    was ``proposed`` from outside and must pass like a generated one.
    """

    feedback: str = ""
    previous: ArtifactRef | None = None
    given: ArtifactRef | None = None
    author: str = ""
    proposed: bool = False
    failures: int = 0
    retries: int = 0


class PhaseRunner:
    """Runs phases of one spec; ``scores`` are those of the approved documents."""

    def __init__(
        self,
        context: SpecContext,
        guard: Guard,
        drafting: Drafting,
        baseline: Baseline,
        questions: QuestionDesk,
    ) -> None:
        self._context = context
        self._guard = guard
        self._drafting = drafting
        self._baseline = baseline
        self._questions = questions
        start = context.launch.start
        self.attempts: dict[Phase, int] = dict(start.attempts) if start is not None else {}
        kept = start.documents if start is not None else {}
        self.markdown: dict[Phase, ArtifactRef] = {p: kept[p].markdown for p in kept}
        self.scores: dict[Phase, float] = {p: kept[p].score for p in kept}

    def attempt_of(self, phase: Phase) -> int:
        """The number of the latest attempt, 0 before the first."""
        return self.attempts.get(phase, 0)

    async def run(
        self,
        phase: Phase,
        *,
        feedback: str = "",
        previous: ArtifactRef | None = None,
        given: ArtifactRef | None = None,
        author: str = "",
    ) -> None:
        """Bring one phase to an approved document; ``feedback`` sends it back to work."""
        started = workflow.now()
        before = previous or self._drafting.documents.get(phase)
        work = _Work(feedback=feedback, previous=before, given=given, author=author)
        while True:
            await self._context.unheld()
            attempt = self.attempts[phase] = self.attempt_of(phase) + 1
            await self._context.recorder.say(PhaseStarted(phase=phase, attempt=attempt))
            approved = await self._attempt(phase, attempt, work)
            if approved is None:
                continue
            self._drafting.documents[phase] = approved.document
            await self._context.recorder.say(
                PhaseCompleted(
                    phase=phase,
                    eval_score=self.scores[phase],
                    duration_seconds=(workflow.now() - started).total_seconds(),
                    retry_count=work.retries,
                    version=approved.version,
                )
            )
            return

    async def _attempt(self, phase: Phase, attempt: int, work: _Work) -> Approved | None:
        """One attempt; None when another must follow, as ``work`` then says."""
        by_person, strict = work.given is not None, work.given is None or work.proposed
        draft = PhaseDraft(document=work.given, summary="") if work.given is not None else None
        work.given, work.proposed = None, False
        if draft is None:
            draft = await self._drafting.generate(phase, attempt, work.previous, work.feedback)
        if draft is None:
            proposal = self._drafting.taken_proposal()
            if proposal is not None:
                work.given, work.author, work.proposed = proposal.document, proposal.by, True
                return None
            note = self._drafting.taken_note()
            return await self._again(phase, work, note or "A person asked for another attempt.")
        work.previous = draft.document
        if phase == Phase.EXPLORE:
            unproven = await self._baseline.prove(
                attempt, draft.document, self._drafting.base_commit
            )
            if unproven is not None:
                work.feedback, work.retries = unproven, work.retries + 1
                return None
        number = 0 if by_person else attempt
        verdict = await self._drafting.evaluate(phase, number, draft.document)
        if not (verdict.passed if strict else verdict.holds):
            return await self._failed(phase, work, verdict.feedback)
        self.scores[phase] = verdict.score
        author = work.author if by_person else self._drafting.model_of(phase)
        key = f"person-{workflow.info().run_id}-{attempt}" if by_person else f"attempt-{attempt}"
        accepted = await self._drafting.accept(phase, key, draft.document, author)
        if phase == Phase.EXPLORE:
            await self._questions.ask(attempt, draft.document)
        return await self._approve(phase, attempt, accepted, verdict, work)

    async def _again(self, phase: Phase, work: _Work, reason: str) -> None:
        """A person wants another attempt: the count of failures starts again."""
        work.failures, work.retries, work.feedback = 0, work.retries + 1, reason
        await self._say_retry(phase, work.retries, reason)

    async def _failed(self, phase: Phase, work: _Work, feedback: str) -> None:
        """Another attempt while there are some left, else a person decides."""
        work.failures, work.retries = work.failures + 1, work.retries + 1
        work.feedback = feedback
        if work.failures < self._context.launch.settings.max_attempts:
            await self._say_retry(phase, work.retries, feedback)
            return
        reason = "No attempt passed its evaluation."
        await self._context.recorder.say(
            PhaseFailed(phase=phase, reason=reason, eval_feedback=feedback[:2_000])
        )
        decision = await self._guard.ask_after_failure(
            phase, f"{reason}\n{feedback}", "evaluation-failed", _FAILURE_OPTIONS
        )
        work.failures = 0
        if decision.kind == DecisionKind.EDIT:
            work.given, work.author = decision.document, decision.by
        elif decision.note or decision.comments:
            work.feedback += f"\n\nA person adds: {wanted_changes(decision)}"

    async def _say_retry(self, phase: Phase, retries: int, reason: str) -> None:
        await self._context.recorder.say(
            PhaseRetry(
                phase=phase,
                retry_count=retries,
                max_retries=self._context.launch.settings.max_attempts,
                reason=reason[:2_000],
            )
        )

    async def _approve(
        self,
        phase: Phase,
        attempt: int,
        accepted: AcceptedDocument,
        verdict: EvaluationSummary,
        work: _Work,
    ) -> Approved | None:
        """The approved document, by a person or by policy; None when changes are wanted."""
        settings = self._context.launch.settings
        approved = Approved(accepted.version.document, accepted.version.version)
        self.markdown[phase] = accepted.version.markdown
        environment = self._baseline.environment
        if gate_opens(phase, settings.gates[phase], verdict.score, environment):
            gate = await self._ask(phase, attempt, accepted, verdict)
            decision = gate.decision
            if decision is None or decision.kind == DecisionKind.REJECT:
                by, note = (decision.by, decision.note) if decision else ("", "")
                raise EndedByPerson(by, note or f"{phase.value} was rejected")
            if decision.kind == DecisionKind.REQUEST_CHANGES:
                work.previous = gate.document or work.previous
                failed = f"\n\nThe evaluation said:\n{verdict.feedback}" if verdict.feedback else ""
                return await self._again(phase, work, wanted_changes(decision) + failed)
            approved = await self._decided(phase, gate, approved)
            if phase == Phase.EXPLORE:
                await self._baseline.confirm()
        if phase == Phase.EXPLORE:
            await self._questions.settle()
            self.markdown[phase] = await self._drafting.render(phase, approved.document)
        return approved

    async def _ask(
        self,
        phase: Phase,
        attempt: int,
        accepted: AcceptedDocument,
        verdict: EvaluationSummary,
    ) -> Gate:
        brief = accepted.brief.model_copy(update={"doubts": verdict.doubts})
        lines = [f"Approve {phase.value}: {brief.says}", f"Score {verdict.score:.2f}"]
        environment = self._baseline.environment
        if phase == Phase.EXPLORE:
            lines.append(f"Set-up: {environment.setup_command or 'nothing to do'}")
            lines.append(f"Check: {environment.check_command or 'none'}")
        lines += [brief.changed, verdict.feedback, brief.cost]
        return await self._context.gates.ask(
            GateKind.PHASE,
            "\n".join(line for line in lines if line),
            phase=phase,
            attempt=attempt,
            document=accepted.version.document,
            brief=brief,
            by_person=phase == Phase.EXPLORE and not environment.confirmed,
        )

    async def _decided(self, phase: Phase, gate: Gate, approved: Approved) -> Approved:
        """The document that a gate approved: shown, saved while it was open, or handed in with it."""
        decision = gate.decision
        edited = decision.document if decision is not None else None
        document = edited or gate.document
        if document is None or document.sha256 == approved.document.sha256:
            return approved
        by = decision.by if decision is not None else ""
        stored = await self._drafting.accept(phase, f"gate-{gate.id}", document, by)
        self.markdown[phase] = stored.version.markdown
        return Approved(document, stored.version.version)

    async def judge_edit(self, command: GateCommand) -> None:
        """See that a person's document may be approved; nothing is decided yet.

        Raises:
            ApplicationError: a hard rule does not hold.
        """
        gate = self._context.gates.open
        if command.kind != DecisionKind.EDIT or command.document is None or gate is None:
            return
        if gate.phase is None:
            msg = "This gate has no document to edit."
            raise ApplicationError(msg, type="decision-not-offered", non_retryable=True)
        verdict = await self._drafting.must_hold(gate.phase, command.document)
        if gate.kind == GateKind.PHASE:
            self.scores[gate.phase] = verdict.score
