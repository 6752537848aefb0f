"""What a launch becomes: a checked title, the spec's first view and its workflow's input."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid5

from models.contracts.base import SpecId, TaskId, Timings
from models.contracts.commands import SpecCommand
from models.contracts.phases import GENERATED_PHASES, Phase
from models.contracts.projects import Environment, Project, ProjectSettings
from models.contracts.questions import Question, QuestionStatus, SettledAnswer
from models.contracts.specs import (
    DESCRIPTION_LIMIT_BYTES,
    ForkSpec,
    KeptDocument,
    LaunchSpec,
    PhaseState,
    SpecInput,
    SpecStart,
    SpecStatus,
    SpecView,
)
from models.contracts.tasks import TaskNode
from models.contracts.tickets import CreateTicket
from models.contracts.usage import PriceTable
from models.errors import Conflict, InvalidInput, TooLarge
from models.rules.actions import allowed_actions
from models.rules.addresses import check_branch
from models.rules.markdown import spec_branch
from models.rules.paths import is_inside
from models.rules.prices import SCRIPTED_MODEL, is_bounded

_TITLE_LIMIT = 100
QUICK_TASK = "TSK-001"


@dataclass(frozen=True)
class ModelChoice:
    """Which models an installation offers; ``configured`` is True when a real one can be asked."""

    planner: str
    agent: str
    configured: bool
    prices: PriceTable


def choose_models(
    project: Project, settings: ProjectSettings, offered: ModelChoice
) -> tuple[str, str]:
    """The planner's and the agents' model of a spec.

    Raises:
        Conflict: no key is set and the project is not the scripted demo (``model-not-configured``),
            or a model has no price and its tokens are not limited (``price-unknown``).
    """
    planner = settings.planner_model or offered.planner
    agent = settings.agent_model or offered.agent
    if project.is_demo and planner == SCRIPTED_MODEL:
        return planner, agent
    if not offered.configured:
        msg = (
            "No model is configured: set ANTHROPIC_API_KEY and restart. "
            "The scripted model serves the demo project only."
        )
        raise Conflict(msg, code="model-not-configured")
    for model in dict.fromkeys([planner, agent, *settings.models.values()]):
        if not is_bounded(offered.prices, model, settings.budget):
            msg = (
                f"The price of {model} is not known, so a budget in USD does not hold for it: "
                "limit the budget's tokens, or set MODEL_PRICES and restart."
            )
            raise Conflict(msg, code="price-unknown", model=model)
    return planner, agent


def check_request(description: str) -> None:
    """See that a feature request can be taken.

    Raises:
        InvalidInput: it is empty.
        TooLarge: a description over 32 kB.
    """
    if not description:
        msg = "Say what you want: the description is empty."
        raise InvalidInput(msg, code="empty-description")
    if len(description.encode(errors="surrogatepass")) > DESCRIPTION_LIMIT_BYTES:
        msg = f"A description holds at most {DESCRIPTION_LIMIT_BYTES} bytes."
        raise TooLarge(msg, code="description-too-large")


def prepare_launch(
    body: LaunchSpec,
    project: Project,
    spec_id: SpecId,
    *,
    offered: ModelChoice,
    timings: Timings,
) -> SpecInput:
    """The workflow's input of a launch.

    Raises:
        Conflict: see ``choose_models``.
        InvalidInput: empty description, odd branch or working directory.
        TooLarge: a description over 32 kB.
    """
    check_request(body.description)
    directory = body.working_directory or ""
    if directory and not is_inside(directory):
        msg = "The working directory must be a path inside the repository."
        raise InvalidInput(msg, code="invalid-working-directory")
    settings = project.settings.overridden_by(body.settings)
    planner, agent = choose_models(project, settings, offered)
    title = body.title or body.description.splitlines()[0].strip()[:_TITLE_LIMIT]
    return SpecInput(
        spec_id=spec_id,
        project_id=project.id,
        title=title,
        description=body.description,
        base_branch=check_branch(body.base_branch or project.default_branch),
        branch=spec_branch(title, spec_id),
        working_directory=directory.strip("/"),
        settings=settings,
        planner_model=planner,
        agent_model=agent,
        answers=tuple(
            SettledAnswer(category=a.category, question="", answer=a.answer, assumed=False)
            for a in body.answers
        ),
        timings=timings,
    )


def prepare_quick(launch: SpecInput, body: CreateTicket) -> SpecInput:
    """The same launch as a run of one task, on a branch of its own.

    Raises:
        Conflict: nobody has confirmed the project's commands (``environment-not-confirmed``).
    """
    if not launch.settings.environment.confirmed:
        msg = (
            "Confirm the project's set-up and check commands first; a quick task explores nothing."
        )
        raise Conflict(msg, code="environment-not-confirmed")
    node = TaskNode(
        task_id=TaskId(uuid5(launch.spec_id, QUICK_TASK)),
        local_id=QUICK_TASK,
        title=body.title,
        priority=body.priority,
        minutes=30,
        extra_check=body.check_command,
    )
    branch = re.sub(r"^spec/", "task/", launch.branch)
    return launch.model_copy(update={"quick": node, "branch": branch})


def first_view(
    launch: SpecInput, at: datetime, *, auto_execute: bool, forked_from: SpecId | None = None
) -> SpecView:
    """The view of a spec that has just been launched."""
    status = SpecStatus.EXECUTING if auto_execute else SpecStatus.DRAFT
    return SpecView(
        id=launch.spec_id,
        project_id=launch.project_id,
        title=launch.title,
        status=status,
        base_branch=launch.base_branch,
        model=launch.planner_model,
        forked_from=forked_from,
        quick=launch.quick is not None,
        allowed_actions=allowed_actions(status, None),
        created_at=at,
        updated_at=at,
    )


def rerun_branch(branch: str, run: int) -> str:
    """The branch of a spec's later run: the first run's with ``-r2``, ``-r3`` and so on."""
    return f"{re.sub(r'-r[0-9]+$', '', branch)}-r{run}"


def kept_documents(view: SpecView, before: Phase) -> dict[Phase, KeptDocument]:
    """The approved documents of the phases before one.

    Raises:
        Conflict: one of them is not approved (``phase-not-reached``).
    """
    if before not in GENERATED_PHASES:
        msg = "A spec begins again from explore, requirements, design or tasks."
        raise Conflict(msg, code="phase-not-reached")
    kept: dict[Phase, KeptDocument] = {}
    for phase in GENERATED_PHASES[: GENERATED_PHASES.index(before)]:
        found = view.phase_view(phase)
        if found.state != PhaseState.DONE or found.document is None or found.markdown is None:
            msg = f"There is nothing to keep yet of {phase.value}."
            raise Conflict(msg, code="phase-not-reached")
        kept[phase] = KeptDocument(
            document=found.document, markdown=found.markdown, score=found.score or 0
        )
    return kept


def settled_answers(questions: Sequence[Question]) -> tuple[SettledAnswer, ...]:
    """The answers that stand for questions asked last."""
    last = max((q.asked_at for q in questions), default=None)
    return tuple(
        SettledAnswer(
            category=q.category,
            question=q.text,
            answer=q.answer or q.assumed_answer,
            assumed=q.status != QuestionStatus.ANSWERED,
        )
        for q in questions
        if q.asked_at == last
    )


def restart(
    launch: SpecInput,
    view: SpecView,
    command: SpecCommand,
    attempts: dict[Phase, int],
    answers: tuple[SettledAnswer, ...],
    environment: Environment,
) -> SpecInput:
    """The input of the next run of a spec whose last run has ended.

    Raises:
        Conflict: an earlier phase is not approved.
    """
    from_phase = command.from_phase or Phase.EXPLORE
    anew = from_phase == Phase.EXPLORE
    start = SpecStart(
        from_phase=from_phase,
        run=view.run + 1,
        by=command.by,
        note=command.reason,
        documents=kept_documents(view, from_phase),
        given=command.given,
        previous=view.phase_view(from_phase).document,
        attempts=attempts,
        base_commit=None if anew else view.base_commit,
        environment=environment if environment.confirmed else None,
        answers=() if anew else answers,
        keep_merged=command.keep_merged,
        accepted=(command.id,),
    )
    branch = view.branch_name or launch.branch
    return launch.model_copy(
        update={
            "start": start,
            "branch": branch if command.keep_merged else rerun_branch(branch, start.run),
        }
    )


def fork(
    body: ForkSpec,
    origin: SpecInput,
    view: SpecView,
    spec_id: SpecId,
    answers: tuple[SettledAnswer, ...],
    project: Project,
    offered: ModelChoice,
) -> SpecInput:
    """The input of a new spec that keeps another one's phases before ``from_phase``.

    Raises:
        Conflict: an earlier phase is not approved; see also ``choose_models``.
    """
    title = body.title or f"{origin.title} (fork)"[:_TITLE_LIMIT]
    settings = origin.settings.overridden_by(body.settings)
    planner, agent = choose_models(project, settings, offered)
    anew = body.from_phase == Phase.EXPLORE
    environment = project.settings.environment
    start = SpecStart(
        from_phase=body.from_phase,
        note=body.note,
        documents=kept_documents(view, body.from_phase),
        previous=view.phase_view(body.from_phase).document,
        base_commit=None if anew else view.base_commit,
        environment=environment if environment.confirmed else None,
        answers=() if anew else answers,
    )
    return origin.model_copy(
        update={
            "spec_id": spec_id,
            "title": title,
            "description": body.description or origin.description,
            "branch": spec_branch(title, spec_id),
            "settings": settings,
            "planner_model": planner,
            "agent_model": agent,
            "start": start,
        }
    )
