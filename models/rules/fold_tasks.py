"""Folds facts into a task's view, and what a spec counts of its tasks."""

from datetime import datetime
from typing import Final

from models.contracts.events import Fact
from models.contracts.facts import Waiting
from models.contracts.sandboxes import SandboxState, SandboxView
from models.contracts.specs import SpecView
from models.contracts.task_facts import (
    AgentTurn,
    SandboxMoved,
    TaskCreated,
    TaskMoved,
    TaskReplanned,
)
from models.contracts.tasks import SETTLED, TaskState, TaskView

TASK_STATES: Final[dict[str, TaskState]] = {
    **{f"task.{state}": state for state in TaskState},
    "task.check_failed": TaskState.WORKING,
    "task.conflict": TaskState.WORKING,
    "task.retried": TaskState.QUEUED,
}


def fold_task(task: TaskView | None, fact: Fact, at: datetime) -> TaskView | None:
    """The task after a fact about it; None when the fact changes none."""
    if isinstance(fact, TaskReplanned):
        return fact.task
    if isinstance(fact, TaskCreated):
        return task or fact.task
    return _changed(task, fact, at) if task is not None else None


def _changed(task: TaskView, fact: Fact, at: datetime) -> TaskView | None:
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
        case SandboxMoved():
            return _sandbox(task, fact, at)
        case Waiting():
            return task.model_copy(update={"reason": fact.reason})
        case _:
            return None


def _sandbox(task: TaskView, fact: SandboxMoved, at: datetime) -> TaskView | None:
    """A sandbox's time counts from when it is ready to when it is gone."""
    if fact.event_type == "sandbox.creating":
        return None
    if fact.event_type == "sandbox.spawned":
        return task.model_copy(update={"sandbox_id": fact.name, "sandbox_since": at})
    since = task.sandbox_since
    used = (at - since).total_seconds() if since is not None else 0.0
    return task.model_copy(
        update={
            "sandbox_id": None,
            "sandbox_since": None,
            "sandbox_seconds": round(task.sandbox_seconds + used, 3),
        }
    )


_SANDBOX_STATES: Final[dict[str, SandboxState]] = {
    "sandbox.creating": SandboxState.CREATING,
    "sandbox.spawned": SandboxState.READY,
    "sandbox.idle": SandboxState.IDLE,
    "sandbox.lost": SandboxState.LOST,
    "sandbox.terminated": SandboxState.TERMINATED,
}


def fold_sandbox(spec: SpecView, fact: SandboxMoved, at: datetime) -> SandboxView:
    """The sandbox after it moved."""
    return SandboxView(
        id=fact.name,
        project_id=spec.project_id,
        spec_id=spec.id,
        task_id=fact.task_id,
        provider=fact.provider,
        state=_SANDBOX_STATES[fact.event_type],
        since=at,
    )


def _moved(task: TaskView, fact: TaskMoved, at: datetime) -> TaskView:
    state = TASK_STATES[fact.event_type]
    checked = fact.check.duration_seconds if fact.check is not None else 0.0
    started = task.started_at or (at if state == TaskState.PROVISIONING else None)
    return task.model_copy(
        update={
            "state": state,
            "round": max(fact.round, task.round),
            "reason": fact.reason,
            "reason_code": fact.reason_code,
            "commit": fact.commit or task.commit,
            "check": fact.check or task.check,
            "sandbox_seconds": round(task.sandbox_seconds + checked, 3),
            "started_at": started,
            "finished_at": at if state in SETTLED else None,
        }
    )


def counted(spec: SpecView, before: TaskView | None, after: TaskView) -> SpecView:
    """Tasks in the plan, and those of them that are merged."""
    planned = int(not after.retired) - int(before is not None and not before.retired)
    merged = int(_is_merged(after)) - int(before is not None and _is_merged(before))
    if not planned and not merged:
        return spec
    return spec.model_copy(
        update={
            "tasks_total": spec.tasks_total + planned,
            "tasks_merged": spec.tasks_merged + merged,
        }
    )


def _is_merged(task: TaskView) -> bool:
    return task.state == TaskState.MERGED and not task.retired
