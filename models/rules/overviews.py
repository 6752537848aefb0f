"""Numbers and graphs out of a spec's tasks."""

from collections import Counter
from collections.abc import Mapping, Sequence

from models.contracts.documents import Requirements
from models.contracts.overviews import (
    CriteriaStatus,
    CriterionStatus,
    ExecutionStatus,
    Graph,
    GraphNode,
)
from models.contracts.specs import SpecView
from models.contracts.tasks import NOT_BEGUN, TaskState, TaskView
from models.rules.dag import DONE, critical_path, find_cycle, find_waves
from models.rules.trace import shown_criteria

_FAILED = frozenset({TaskState.FAILED, TaskState.CANCELLED})


def execution_status(spec: SpecView, tasks: Sequence[TaskView]) -> ExecutionStatus:
    """How far the tasks are; a spec without tasks is not complete."""
    states = Counter(task.state for task in tasks)
    done = sum(states[state] for state in DONE)
    failed = sum(states[state] for state in _FAILED)
    pending = sum(states[state] for state in NOT_BEGUN)
    return ExecutionStatus(
        status=spec.status.value,
        total_tasks=len(tasks),
        completed_tasks=done,
        failed_tasks=failed,
        pending_tasks=pending,
        running_tasks=len(tasks) - done - failed - pending,
        progress=round(done / len(tasks), 4) if tasks else 0.0,
        is_complete=bool(tasks) and done == len(tasks),
        states=dict(states),
    )


def criteria_status(requirements: Requirements | None, tasks: Sequence[TaskView]) -> CriteriaStatus:
    """Each criterion with the task, the commit and the test that shows it."""
    shown = shown_criteria(tasks)
    items: list[CriterionStatus] = []
    for requirement in requirements.requirements if requirements is not None else ():
        for criterion in requirement.acceptance_criteria:
            task, test = shown.get(criterion.id, (None, None))
            items.append(
                CriterionStatus(
                    criterion_id=criterion.id,
                    requirement_id=requirement.id,
                    text=criterion.text,
                    verification=criterion.verified_by,
                    shown=task is not None,
                    task=task.local_id if task is not None else None,
                    commit=task.commit if task is not None else None,
                    test_id=test,
                )
            )
    return CriteriaStatus(
        items=tuple(items), total=len(items), shown=len([i for i in items if i.shown])
    )


def build_graph(tasks: Sequence[TaskView], minutes: Mapping[str, int]) -> Graph:
    """Nodes, edges, waves and the critical path; a graph with a cycle has neither of the last two."""
    needs = {task.local_id: task.depends_on for task in tasks}
    cyclic = bool(find_cycle(needs))
    waves = () if cyclic else find_waves(needs)
    known = {task.local_id: minutes.get(task.local_id, 0) for task in tasks}
    path = None if cyclic or not tasks else critical_path(needs, known)
    wave_of = {name: number for number, wave in enumerate(waves) for name in wave}
    critical = path.task_ids if path is not None else ()
    return Graph(
        nodes=tuple(
            GraphNode(
                id=task.id,
                local_id=task.local_id,
                title=task.title,
                state=task.state,
                minutes=known[task.local_id],
                wave=wave_of.get(task.local_id, 0),
                critical=task.local_id in critical,
            )
            for task in tasks
        ),
        edges=tuple((n, t.local_id) for t in tasks for n in t.depends_on if n in needs),
        waves=waves,
        critical_path=critical,
        critical_minutes=path.minutes if path is not None else 0,
    )
