"""A spec that begins again: what the next run keeps of this one."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.contracts.commands import SpecCommand
    from models.contracts.phases import GENERATED_PHASES, PHASES, Phase
    from models.contracts.specs import KeptDocument, SpecInput, SpecStart
    from models.rules.launch import rerun_branch

    from workflows.attempts import Drafting
    from workflows.baselines import Baseline
    from workflows.phases import PhaseRunner
    from workflows.questions import QuestionDesk


def _before(phase: Phase) -> list[Phase]:
    return [p for p in GENERATED_PHASES if PHASES.index(p) < PHASES.index(phase)]


def check_rerun(command: SpecCommand, drafting: Drafting) -> None:
    """See that every phase before the one to begin with has its document.

    Raises:
        ApplicationError: with ``phase-not-reached`` as type.
    """
    phase = command.from_phase
    if phase is None or phase not in GENERATED_PHASES:
        msg = "A spec begins again from explore, requirements, design or tasks."
        raise ApplicationError(msg, type="phase-not-reached", non_retryable=True)
    missing = [p.value for p in _before(phase) if p not in drafting.documents]
    if missing:
        msg = f"There is nothing to keep yet of {', '.join(missing)}."
        raise ApplicationError(msg, type="phase-not-reached", non_retryable=True)


def next_run(
    launch: SpecInput,
    command: SpecCommand,
    drafting: Drafting,
    phases: PhaseRunner,
    baseline: Baseline,
    questions: QuestionDesk,
    accepted: Sequence[str],
) -> SpecInput:
    """The input of the run that begins again from a phase."""
    from_phase = command.from_phase or Phase.EXPLORE
    anew = from_phase == Phase.EXPLORE
    environment = baseline.environment
    start = SpecStart(
        from_phase=from_phase,
        run=launch.start.run + 1 if launch.start is not None else 2,
        by=command.by,
        note=command.reason,
        documents={
            phase: KeptDocument(
                document=drafting.documents[phase],
                markdown=phases.markdown[phase],
                score=phases.scores.get(phase, 0),
            )
            for phase in _before(from_phase)
        },
        given=command.given,
        previous=drafting.documents.get(from_phase),
        attempts=phases.attempts,
        base_commit=None if anew else drafting.base_commit,
        environment=environment if environment.confirmed else None,
        answers=() if anew else questions.settled(),
        keep_merged=command.keep_merged,
        accepted=tuple(accepted),
    )
    branch = launch.branch if command.keep_merged else rerun_branch(launch.branch, start.run)
    return launch.model_copy(update={"start": start, "branch": branch})
