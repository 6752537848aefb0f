"""Folds facts into the read model: pure, so store, API and time travel agree.

One fact touches the spec's view, at most one task and at most one gate; only these are handed in.
"""

from datetime import datetime
from typing import Final

from models.contracts.base import TaskId
from models.contracts.events import (
    AgentTurn,
    AttemptEvaluated,
    BranchCreated,
    DocumentStored,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionStarted,
    Fact,
    FinalChecked,
    GateDecided,
    GateOpened,
    PhaseCompleted,
    PhaseFailed,
    PhaseRetry,
    PhaseStarted,
    PullRequestCreated,
    SandboxMoved,
    SpecCommanded,
    SpecCreated,
    SyncCounted,
    TaskCreated,
    TaskMoved,
    ViewFragment,
    Waiting,
)
from models.contracts.gates import GateKind
from models.contracts.phases import Phase
from models.contracts.specs import CLOSED, PhaseState, PhaseView, SpecStatus, SpecView
from models.contracts.tasks import SETTLED, TaskState, TaskView
from models.rules.actions import allowed_actions

TASK_STATES: Final[dict[str, TaskState]] = {
    **{f"task.{state}": state for state in TaskState},
    "task.check_failed": TaskState.WORKING,
    "task.conflict": TaskState.WORKING,
    "task.retried": TaskState.QUEUED,
}


def task_of(fact: Fact) -> TaskId | None:
    """The task that a fact is about, or None."""
    match fact:
        case TaskMoved() | AgentTurn() | SandboxMoved() | Waiting() | TaskCreated():
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
    if spec is None:
        return ViewFragment()
    changed_task = _fold_task(task, fact, at)
    if changed_task is not None:
        changed_task = changed_task.model_copy(update={"as_of_seq": seq})
    changed = _fold_spec(spec, fact, at)
    if changed_task is not None and task is not None:
        merged = int(changed_task.state == TaskState.MERGED) - int(task.state == TaskState.MERGED)
        changed = changed.model_copy(update={"tasks_merged": changed.tasks_merged + merged})
    gate = fact.gate if isinstance(fact, GateOpened | GateDecided) else None
    return ViewFragment(spec=_stamped(changed, at, seq), task=changed_task, gate=gate)


def _stamped(spec: SpecView, at: datetime, seq: int) -> SpecView:
    return spec.model_copy(
        update={
            "updated_at": at,
            "as_of_seq": seq,
            "allowed_actions": allowed_actions(spec.status),
        }
    )


def _fold_task(task: TaskView | None, fact: Fact, at: datetime) -> TaskView | None:
    if isinstance(fact, TaskCreated):
        return task or fact.task
    if task is None:
        return None
    match fact:
        case TaskMoved():
            return _moved(task, fact, at)
        case AgentTurn():
            return task.model_copy(
                update={
                    "turns": task.turns + 1,
                    "last_line": fact.summary,
                    "usage": task.usage.plus(fact.usage),
                }
            )
        case SandboxMoved(event_type="sandbox.spawned"):
            return task.model_copy(update={"sandbox_id": fact.name})
        case SandboxMoved(event_type="sandbox.terminated"):
            return task.model_copy(update={"sandbox_id": None})
        case Waiting():
            return task.model_copy(update={"reason": fact.reason})
        case _:
            return None


def _moved(task: TaskView, fact: TaskMoved, at: datetime) -> TaskView:
    state = TASK_STATES[fact.event_type]
    started = task.started_at or (at if state == TaskState.PROVISIONING else None)
    return task.model_copy(
        update={
            "state": state,
            "round": max(fact.round, task.round),
            "reason": fact.reason,
            "reason_code": fact.reason_code,
            "commit": fact.commit or task.commit,
            "check": fact.check or task.check,
            "started_at": started,
            "finished_at": at if state in SETTLED else None,
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
        case GateOpened() | GateDecided():
            return _fold_gate(spec, fact)
        case AgentTurn():
            return _fold_usage(spec, fact)
        case TaskCreated():
            return spec.model_copy(update={"tasks_total": spec.tasks_total + 1})
        case SpecCommanded():
            return _fold_command(spec, fact)
        case SyncCounted(event_type="spec.sync_started"):
            return _with_phase(spec, Phase.SYNC, state=PhaseState.RUNNING, started_at=at)
        case _:
            return _fold_lifecycle(spec, fact)


def _fold_lifecycle(spec: SpecView, fact: Fact) -> SpecView:
    update: dict[str, object]
    match fact:
        case ExecutionStarted():
            update = {"status": SpecStatus.EXECUTING, "base_commit": fact.base_commit}
        case ExecutionCompleted():
            update = {
                "status": SpecStatus.COMPLETED,
                "waiting_reason": None,
                "current_phase": None,
                "error": None,
            }
        case ExecutionFailed():
            update = {"status": SpecStatus.FAILED, "error": fact.error, "open_gate": None}
        case BranchCreated():
            update = {"branch_name": fact.branch_name}
        case FinalChecked():
            update = {"final_check_passed": fact.check.passed}
        case PullRequestCreated():
            update = {"pull_request_url": fact.url, "pull_request_number": fact.number}
        case Waiting(task_id=None):
            update = {"waiting_reason": fact.reason}
        case _:
            update = {}
    return spec.model_copy(update=update)


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
            running = spec.model_copy(update={"current_phase": fact.phase, "error": None})
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
            )
        case PhaseFailed():
            failed = spec.model_copy(update={"error": fact.error or fact.reason})
            return _with_phase(failed, fact.phase, state=PhaseState.FAILED, feedback=fact.reason)


def _fold_gate(spec: SpecView, fact: GateOpened | GateDecided) -> SpecView:
    gate = fact.gate
    opened = isinstance(fact, GateOpened)
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
    view: PhaseView = changed.phase_view(fact.phase)
    return _with_phase(changed, fact.phase, usage=view.usage.plus(fact.usage))


def _fold_command(spec: SpecView, fact: SpecCommanded) -> SpecView:
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
