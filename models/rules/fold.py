"""Folds facts into the read model: pure, so store, API and time travel agree.

One fact touches the spec's view, at most one task and at most one gate; only these are handed in.
"""

from datetime import datetime
from typing import Final

from models.contracts.base import TaskId
from models.contracts.events import Fact, ViewFragment
from models.contracts.facts import (
    AttemptEvaluated,
    BaseFound,
    BranchCreated,
    CallLost,
    DocumentEdited,
    DocumentStored,
    DriftDetected,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionStarted,
    FinalChecked,
    GateDecided,
    GateExpired,
    GateOpened,
    GateReminded,
    PhaseCompleted,
    PhaseFailed,
    PhaseRetry,
    PhaseStarted,
    PullRequestCreated,
    QuestionMoved,
    Rerun,
    SpecChanged,
    SpecCommanded,
    SpecCreated,
    SyncCounted,
    Waiting,
)
from models.contracts.gates import GateKind
from models.contracts.phases import PHASES, Phase
from models.contracts.specs import CLOSED, PhaseState, PhaseView, SpecStatus, SpecView
from models.contracts.task_facts import (
    AgentMessage,
    AgentTurn,
    SandboxMoved,
    TaskCreated,
    TaskMoved,
    TaskReplanned,
    TicketMoved,
)
from models.contracts.tasks import TaskView
from models.contracts.tickets import TicketPlace
from models.rules.actions import allowed_actions, task_actions
from models.rules.fold_tasks import counted, fold_sandbox, fold_task

GATE_FACTS: Final = (GateOpened, GateReminded, GateDecided, GateExpired)


def task_of(fact: Fact) -> TaskId | None:
    """The task that a fact is about, or None."""
    match fact:
        case TaskMoved() | SandboxMoved() | TaskCreated() | TaskReplanned() | AgentMessage():
            return fact.task_id
        case AgentTurn() | Waiting() | CallLost():
            return fact.task_id
        case _:
            return None


def fold(
    spec: SpecView | None, task: TaskView | None, fact: Fact, at: datetime, seq: int
) -> ViewFragment:
    """Apply one fact; the fragment holds the entities that changed, the spec's view always.

    Args:
        spec: the view before, None only for ``spec.created``.
        task: the task that the fact is about, as it was; None when there is none yet.
        fact: what happened.
        at: when the server stored it (UTC).
        seq: its number in the stream.
    """
    if isinstance(fact, SpecCreated):
        return ViewFragment(spec=_stamped(fact.spec, at, seq))
    if spec is None:  # an event of the project itself
        return ViewFragment()
    changed_task = fold_task(task, fact, at)
    if changed_task is not None:
        actions = task_actions(changed_task.state, spec.status)
        changed_task = changed_task.model_copy(
            update={"as_of_seq": seq, "allowed_actions": actions}
        )
    changed = _fold_spec(spec, fact, at)
    if changed_task is not None:
        # The bridge writes a new task's row before its fact; no fact has touched that row yet.
        before = task if task is not None and task.as_of_seq else None
        changed = counted(changed, before, changed_task)
    return ViewFragment(
        spec=_stamped(changed, at, seq),
        task=changed_task,
        gate=fact.gate if isinstance(fact, GATE_FACTS) else None,
        question=fact.question if isinstance(fact, QuestionMoved) else None,
        sandbox=fold_sandbox(spec, fact, at) if isinstance(fact, SandboxMoved) else None,
        ticket=TicketPlace(id=fact.ticket_id, column=fact.column)
        if isinstance(fact, TicketMoved)
        else None,
    )


def _stamped(spec: SpecView, at: datetime, seq: int) -> SpecView:
    return spec.model_copy(
        update={
            "updated_at": at,
            "as_of_seq": seq,
            "allowed_actions": allowed_actions(spec.status, spec.current_phase),
        }
    )


def _fold_spec(spec: SpecView, fact: Fact, at: datetime) -> SpecView:
    match fact:
        case PhaseStarted() | AttemptEvaluated() | PhaseRetry() | PhaseCompleted() | PhaseFailed():
            return _fold_phase(spec, fact, at)
        case DocumentStored():
            return _with_phase(
                spec,
                fact.phase,
                version=fact.version,
                document=fact.document,
                markdown=fact.markdown,
            )
        case GateOpened() | GateReminded() | GateDecided() | GateExpired():
            return _fold_gate(spec, fact)
        case AgentTurn():
            return _fold_usage(spec, fact)
        case Rerun() | DocumentEdited() | QuestionMoved():
            return _fold_revision(spec, fact)
        case SpecCommanded():
            return _fold_command(spec, fact, at)
        case SyncCounted(event_type="spec.sync_started"):
            return _with_phase(spec, Phase.SYNC, state=PhaseState.RUNNING, started_at=at)
        case _:
            return _fold_lifecycle(spec, fact)


def _fold_lifecycle(spec: SpecView, fact: Fact) -> SpecView:
    match fact:
        case ExecutionStarted():
            update = {"status": SpecStatus.EXECUTING, "waiting_reason": None}
        case ExecutionCompleted():
            update = {
                "status": SpecStatus.COMPLETED,
                "open_gate": None,
                "waiting_reason": None,
                "current_phase": None,
                "error": None,
            }
        case ExecutionFailed():
            update = {"status": SpecStatus.FAILED, "error": fact.error, "open_gate": None}
        case Waiting(task_id=None):
            update = {"waiting_reason": fact.reason, "waiting_until": fact.until}
        case _:
            update = _outcome(fact)
    return spec.model_copy(update=update)


def _outcome(fact: Fact) -> dict[str, object]:
    match fact:
        case BranchCreated():
            return {"branch_name": fact.branch_name}
        case FinalChecked():
            return {"final_check_passed": fact.check.passed}
        case PullRequestCreated():
            return {"pull_request_url": fact.url, "pull_request_number": fact.number}
        case DriftDetected():
            return {"drift": fact.files}
        case SpecChanged():
            return {"title": fact.title}
        case BaseFound():
            return {"base_commit": fact.base_commit}
        case _:
            return {}


def _with_phase(spec: SpecView, phase: Phase, **update: object) -> SpecView:
    phases = tuple(
        view.model_copy(update=update) if view.phase == phase else view for view in spec.phases
    )
    return spec.model_copy(update={"phases": phases})


def _fold_phase(
    spec: SpecView,
    fact: PhaseStarted | AttemptEvaluated | PhaseRetry | PhaseCompleted | PhaseFailed,
    at: datetime,
) -> SpecView:
    before = spec.phase_view(fact.phase)
    match fact:
        case PhaseStarted():
            running = spec.model_copy(
                update={"current_phase": fact.phase, "error": None, "waiting_reason": None}
            )
            return _with_phase(
                running,
                fact.phase,
                state=PhaseState.RUNNING,
                attempt=fact.attempt,
                started_at=before.started_at or at,
                completed_at=None,
            )
        case AttemptEvaluated():
            return _with_phase(
                spec,
                fact.phase,
                state=PhaseState.EVALUATING,
                score=fact.eval_score,
                threshold=fact.threshold,
            )
        case PhaseRetry():
            return _with_phase(
                spec,
                fact.phase,
                state=PhaseState.RETRYING,
                retries=before.retries + 1,
                feedback=fact.reason,
            )
        case PhaseCompleted():
            return _with_phase(
                spec,
                fact.phase,
                state=PhaseState.DONE,
                completed_at=at,
                score=fact.eval_score,
                feedback=None,
                stale=False,
            )
        case PhaseFailed():
            failed = spec.model_copy(update={"error": fact.error or fact.reason})
            return _with_phase(failed, fact.phase, state=PhaseState.FAILED, feedback=fact.reason)


def _fold_gate(
    spec: SpecView, fact: GateOpened | GateReminded | GateDecided | GateExpired
) -> SpecView:
    gate = fact.gate
    opened = isinstance(fact, GateOpened | GateReminded)
    changed = spec.model_copy(
        update={
            "open_gate": gate if opened else None,
            "status": SpecStatus.WAITING if opened else SpecStatus.EXECUTING,
            "waiting_reason": gate.summary.splitlines()[0] if opened else None,
        }
    )
    if gate.kind == GateKind.PHASE and gate.phase is not None:
        state = PhaseState.WAITING if opened else PhaseState.RUNNING
        return _with_phase(changed, gate.phase, state=state)
    return changed


def _fold_usage(spec: SpecView, fact: AgentTurn) -> SpecView:
    changed = spec.model_copy(update={"usage": spec.usage.plus(fact.usage)})
    if fact.phase is None:
        return changed
    if spec.waiting_until is not None:
        changed = changed.model_copy(update={"waiting_reason": None, "waiting_until": None})
    view: PhaseView = changed.phase_view(fact.phase)
    return _with_phase(changed, fact.phase, usage=view.usage.plus(fact.usage))


def _fold_revision(spec: SpecView, fact: Rerun | DocumentEdited | QuestionMoved) -> SpecView:
    match fact:
        case Rerun():
            return _rerun(spec, fact)
        case DocumentEdited():
            later = PHASES[PHASES.index(fact.phase) + 1 :]
            phases = tuple(
                view.model_copy(update={"stale": True})
                if view.phase in later and view.version is not None
                else view
                for view in spec.phases
            )
            return spec.model_copy(update={"phases": phases})
        case QuestionMoved():
            step = 1 if fact.event_type == "question.asked" else -1
            return spec.model_copy(update={"open_questions": max(0, spec.open_questions + step)})


def _rerun(spec: SpecView, fact: Rerun) -> SpecView:
    """From ``from_phase`` on everything is ahead again; versions and money spent stay."""
    begin = PHASES.index(fact.from_phase)
    phases = tuple(
        view
        if PHASES.index(view.phase) < begin
        else PhaseView(
            phase=view.phase,
            attempt=view.attempt,
            version=view.version,
            document=view.document,
            markdown=view.markdown,
            usage=view.usage,
        )
        for view in spec.phases
    )
    return spec.model_copy(
        update={
            "status": SpecStatus.EXECUTING,
            "current_phase": fact.from_phase,
            "phases": phases,
            "run": fact.run,
            "branch_name": fact.branch_name or spec.branch_name,
            "pull_request_url": None,
            "pull_request_number": None,
            "final_check_passed": None,
            "open_gate": None,
            "open_questions": 0,
            "waiting_reason": None,
            "waiting_until": None,
            "drift": (),
            "error": None,
            "archived_at": None,
        }
    )


def _fold_command(spec: SpecView, fact: SpecCommanded, at: datetime) -> SpecView:
    if fact.event_type == "spec.archived":
        return spec.model_copy(update={"archived_at": at})
    if fact.event_type == "spec.cancelled":
        return spec.model_copy(
            update={
                "status": SpecStatus.CANCELLED,
                "open_gate": None,
                "waiting_reason": None,
                "error": fact.reason or None,
            }
        )
    if spec.status in CLOSED:
        return spec
    if fact.event_type == "spec.paused":
        return spec.model_copy(
            update={"status": SpecStatus.PAUSED, "waiting_reason": f"Paused by {fact.by}"}
        )
    status = SpecStatus.WAITING if spec.open_gate else SpecStatus.EXECUTING
    reason = spec.open_gate.summary.splitlines()[0] if spec.open_gate else None
    return spec.model_copy(update={"status": status, "waiting_reason": reason})
