"""Applies the rules to a document, and asks the optional judge."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError
from temporalio import activity

from activities.heartbeats import heartbeating
from activities.language.loop import ToolLoop
from activities.language.prompts import read_prompt
from activities.language.schemas import tool_definition
from activities.language.talks import Reply, Talk, ToolUse
from activities.mirror import Mirrors
from activities.repository_tools import RepositoryTools
from models.contracts.artifacts import ArtifactRef
from models.contracts.attempts import EvaluateDocument, PhaseCommands
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.evaluations import Evaluation, EvaluationSummary, Finding, JudgeVerdict
from models.contracts.events import NewEvent
from models.contracts.facts import AttemptEvaluated
from models.contracts.phases import Phase
from models.contracts.plans import TaskPlan
from models.errors import Unavailable
from models.rules.evaluations.documents import Surroundings, evaluate_json
from models.rules.evaluations.rule import conclude
from models.store import artifacts, documents, events, projects
from models.store.database import Database, Session

DocumentT = TypeVar("DocumentT", Exploration, Requirements, Design, TaskPlan)
_VERDICT: Final = "verdict"
_JUDGE_TURNS: Final = 4
_MOST_DOUBTS: Final = 20
_DOCUMENT_LIMIT: Final = 200_000


async def read_as(
    session: Session, phase: Phase, refs: Mapping[Phase, ArtifactRef], kind: type[DocumentT]
) -> DocumentT:
    """An approved document of another phase."""
    content, _ = await artifacts.get(session, refs[phase].sha256)
    return kind.model_validate_json(content)


class Verdict(BaseModel):
    """What the judge says of a document."""

    passed: bool
    score: float = Field(ge=0, le=1)
    doubts: tuple[str, ...] = ()


class _JudgeTools:
    """The one tool of the judge."""

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        return [tool_definition(_VERDICT, Verdict, strict=True)]

    async def call(self, use: ToolUse) -> Reply:
        if use.name != _VERDICT:
            return Reply(f"There is no tool {use.name[:60]!r}.", is_error=True)
        try:
            return Reply("Noted.", ends=True, value=Verdict.model_validate(use.input))
        except ValidationError as error:
            return Reply(str(error), is_error=True)


class EvaluatorActivities:
    """Evaluations; idempotent by (spec, phase, attempt)."""

    def __init__(
        self, database: Database, mirrors: Mirrors, loop: ToolLoop, idle_threshold: timedelta
    ) -> None:
        self._database = database
        self._mirrors = mirrors
        self._loop = loop
        self._idle_threshold = idle_threshold

    @activity.defn
    async def read_commands(self, document: ArtifactRef) -> PhaseCommands:
        """The commands that an exploration proposes."""
        async with self._database.begin() as session:
            content, _ = await artifacts.get(session, document.sha256)
        found = Exploration.model_validate_json(content)
        return PhaseCommands(setup_command=found.setup_command, check_command=found.check_command)

    @activity.defn
    async def evaluate(self, request: EvaluateDocument) -> EvaluationSummary:
        """Judge a document by the rules and record the verdict; ``attempt`` 0 is a person's."""
        async with heartbeating():
            raw, around = await self._surroundings(request)
            evaluation = evaluate_json(request.phase, raw, around, request.threshold)
        if request.attempt:
            await self._record(request, evaluation, "rules")
        return summarised(evaluation)

    @activity.defn
    async def judge(self, request: EvaluateDocument) -> EvaluationSummary:
        """Ask a model for a second opinion; blocking, its verdict counts as a hard rule."""
        async with heartbeating(self._idle_threshold) as progress:
            raw, around = await self._surroundings(request)
            ruled = evaluate_json(request.phase, raw, around, request.threshold)

            async def should_stop() -> bool:
                return activity.is_worker_shutdown()

            talk = await self._talk(request, raw)
            ended = await self._loop.run(talk, _JudgeTools(), progress, should_stop)
        if ended.stopped:
            msg = "The worker is shutting down; another one goes on."
            raise Unavailable(msg, code="worker-shutdown", retry_after=timedelta(seconds=1))
        said = ended.value if isinstance(ended.value, Verdict) else None
        evaluation = _with_verdict(ruled, said, blocking=request.judge == "blocking")
        await self._record(request, evaluation, "judge")
        return summarised(evaluation)

    async def _talk(self, request: EvaluateDocument, raw: JsonValue) -> Talk:
        async with self._database.begin() as session:
            project = await projects.get(session, request.project_id)
        document = json.dumps(raw, indent=1, ensure_ascii=False)[:_DOCUMENT_LIMIT]
        return Talk(
            conversation_id=f"{request.spec_id}/{request.phase}/{request.attempt}/judge",
            project_id=request.project_id,
            spec_id=request.spec_id,
            scripted=project.is_demo and request.model.startswith("scripted"),
            model=request.model,
            system=read_prompt("judge").text,
            opening=f"# The document of {request.phase}\n\n{document}",
            headers={
                "x-spec-id": str(request.spec_id),
                "x-spec-phase": request.phase.value,
                "x-attempt": str(request.attempt),
                "x-purpose": "judge",
            },
            max_turns=_JUDGE_TURNS,
            nudge="Call `verdict`.",
            phase=request.phase,
        )

    async def _record(self, request: EvaluateDocument, evaluation: Evaluation, by: str) -> None:
        judged = AttemptEvaluated(
            phase=request.phase,
            attempt=request.attempt,
            eval_score=evaluation.score,
            threshold=evaluation.threshold,
            passed=evaluation.passed,
            failed_findings=tuple(f for f in evaluation.findings if f.failed),
        )
        accepted = int(request.baseline_accepted)
        key = f"evaluated/{request.phase}/{request.attempt}/{accepted}/{by}"
        async with self._database.begin() as session:
            await documents.store_evaluation(session, request.spec_id, request.attempt, evaluation)
            await events.append(
                session,
                request.project_id,
                request.spec_id,
                [NewEvent(dedup_key=key, fact=judged)],
            )

    async def _surroundings(self, request: EvaluateDocument) -> tuple[JsonValue, Surroundings]:
        """The document as JSON, and the approved ones that its rules read."""
        paths: set[str] = set()
        if request.phase == Phase.EXPLORE:
            git = await self._mirrors.ensure_commit(request.project_id, request.base_commit)
            tools = RepositoryTools(git, request.base_commit, request.working_directory)
            paths = await tools.paths()
        refs = request.documents
        async with self._database.begin() as session:
            content, _ = await artifacts.get(session, request.document.sha256)
            explored = requirements = design = None
            if Phase.EXPLORE in refs:
                explored = await read_as(session, Phase.EXPLORE, refs, Exploration)
            if Phase.REQUIREMENTS in refs:
                requirements = await read_as(session, Phase.REQUIREMENTS, refs, Requirements)
            if Phase.DESIGN in refs:
                design = await read_as(session, Phase.DESIGN, refs, Design)
        return json.loads(content), Surroundings(
            paths=paths,
            baseline=request.baseline,
            baseline_accepted=request.baseline_accepted,
            exploration=explored,
            requirements=requirements or Requirements(),
            design=design or Design(overview=""),
            limits=request.limits,
        )


def summarised(evaluation: Evaluation) -> EvaluationSummary:
    """What a workflow, and a person at a gate, need of an evaluation."""
    doubts = [f"{f.rule}: {f.message}" for f in evaluation.findings if f.failed]
    doubts += [f"judge: {doubt}" for doubt in (evaluation.judge.doubts if evaluation.judge else ())]
    return EvaluationSummary(
        passed=evaluation.passed,
        score=evaluation.score,
        feedback=evaluation.feedback()[:8_000],
        holds=all(f.score == 1 for f in evaluation.findings if f.hard),
        doubts=tuple(doubt[:300] for doubt in doubts[:_MOST_DOUBTS]),
    )


def _with_verdict(ruled: Evaluation, said: Verdict | None, *, blocking: bool) -> Evaluation:
    """The rules' evaluation with the judge's; a judge that says nothing fails when it blocks."""
    verdict = JudgeVerdict(passed=False, score=0, doubts=("the judge gave no verdict",))
    if said is not None:
        verdict = JudgeVerdict(
            passed=said.passed,
            score=said.score,
            doubts=tuple(doubt[:500] for doubt in said.doubts[:_MOST_DOUBTS]),
        )
    evaluation = ruled
    if blocking:
        finding = Finding(
            rule="judge",
            weight=0,
            hard=True,
            score=float(verdict.passed),
            message="holds" if verdict.passed else "the judge must pass the document",
            where=() if verdict.passed else verdict.doubts,
        )
        evaluation = conclude(ruled.phase, [*ruled.findings, finding], ruled.threshold)
    return evaluation.model_copy(update={"judge": verdict})
