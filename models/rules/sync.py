"""SYNC: computed from the approved documents, never asked of a model."""

from typing import Literal

from models.contracts.documents import Requirements
from models.contracts.plans import (
    MAX_PLANNED_TASKS,
    CriterionCoverage,
    FileOverlap,
    PlannedTask,
    RequirementCoverage,
    SyncReport,
    SyncStats,
    TaskPlan,
)
from models.rules.dag import PRIORITY_ORDER, critical_path, find_cycle, find_waves
from models.rules.evaluations.rule import duplicates_of


def compute_sync(requirements: Requirements, plan: TaskPlan) -> SyncReport:
    """Coverage, waves, critical path, overlaps and blockers of a plan."""
    dependencies = {task.id: tuple(task.depends_on) for task in plan.tasks}
    coverage = _coverage(requirements, plan)
    criteria = _criteria(requirements, plan)
    blockers = _blockers(requirements, plan, coverage, criteria)
    overlaps: tuple[FileOverlap, ...] = ()
    if not blockers:
        overlaps, dependencies = serialise_overlaps(plan.tasks, dependencies)
    sound = not find_cycle(dependencies)
    minutes = {task.id: task.estimate_minutes for task in plan.tasks}
    return SyncReport(
        coverage=coverage,
        criteria_coverage=criteria,
        waves=find_waves(dependencies) if sound else (),
        critical_path=critical_path(dependencies if sound else {}, minutes),
        file_overlaps=overlaps,
        dependencies=dependencies,
        stats=SyncStats(
            tickets=len(plan.tickets),
            tasks=len(plan.tasks),
            requirements=len(requirements.requirements),
            total_minutes=sum(minutes.values()),
        ),
        blockers=tuple(blockers),
        warnings=tuple(f"no task covers {c.requirement_id}" for c in coverage if not c.task_ids),
    )


def _coverage(requirements: Requirements, plan: TaskPlan) -> tuple[RequirementCoverage, ...]:
    serving: dict[str, list[PlannedTask]] = {}
    for task in plan.tasks:
        for requirement_id in dict.fromkeys(task.requirement_ids):
            serving.setdefault(requirement_id, []).append(task)
    found: list[RequirementCoverage] = []
    for requirement in requirements.requirements:
        tasks = serving.get(requirement.id, [])
        shown = {c for t in tasks for c in t.acceptance_criteria_ids}
        wanted = {c.id for c in requirement.acceptance_criteria}
        status: Literal["covered", "partly", "uncovered"] = "uncovered"
        if tasks:
            status = "covered" if wanted <= shown else "partly"
        ids = tuple(t.id for t in tasks)
        found.append(
            RequirementCoverage(requirement_id=requirement.id, task_ids=ids, status=status)
        )
    return tuple(found)


def _criteria(requirements: Requirements, plan: TaskPlan) -> tuple[CriterionCoverage, ...]:
    showing: dict[str, list[str]] = {}
    for task in plan.tasks:
        for criterion_id in dict.fromkeys(task.acceptance_criteria_ids):
            showing.setdefault(criterion_id, []).append(task.id)
    return tuple(
        CriterionCoverage(criterion_id=criterion.id, task_ids=tuple(showing.get(criterion.id, ())))
        for requirement in requirements.requirements
        for criterion in requirement.acceptance_criteria
    )


def _blockers(
    requirements: Requirements,
    plan: TaskPlan,
    coverage: tuple[RequirementCoverage, ...],
    criteria: tuple[CriterionCoverage, ...],
) -> list[str]:
    blockers: list[str] = []
    if len(plan.tasks) > MAX_PLANNED_TASKS:
        blockers.append(
            f"the plan has {len(plan.tasks)} tasks, at most {MAX_PLANNED_TASKS} can run"
        )
    ids = {t.id for t in plan.tasks}
    blockers += [
        f"{i} is planned more than once" for i in duplicates_of([t.id for t in plan.tasks])
    ]
    blockers += [
        f"{t.id} waits for {d}, which does not exist"
        for t in plan.tasks
        for d in t.depends_on
        if d not in ids
    ]
    cycle = find_cycle({t.id: t.depends_on for t in plan.tasks})
    if cycle:
        blockers.append(f"these tasks can never start: {' -> '.join(cycle)}")
    musts = {r.id for r in requirements.requirements if r.priority == "must"}
    blockers += [
        f"the must requirement {c.requirement_id} has no task"
        for c in coverage
        if c.status == "uncovered" and c.requirement_id in musts
    ]
    tests = {
        c.id
        for r in requirements.requirements
        for c in r.acceptance_criteria
        if c.verified_by == "test"
    }
    blockers += [
        f"the test criterion {c.criterion_id} has no task"
        for c in criteria
        if not c.task_ids and c.criterion_id in tests
    ]
    return blockers


def serialise_overlaps(
    tasks: tuple[PlannedTask, ...], dependencies: dict[str, tuple[str, ...]]
) -> tuple[tuple[FileOverlap, ...], dict[str, tuple[str, ...]]]:
    """Add an edge between parallel tasks that touch one path: the lower priority waits.

    Tasks already ordered by the plan, directly or not, need none. The edge always follows one
    total order of the plan (its waves, then priority, then id), so it can close no cycle.
    """
    waves = find_waves(dependencies)
    wave_of = {task_id: n for n, wave in enumerate(waves) for task_id in wave}
    order = sorted(tasks, key=lambda t: (wave_of[t.id], PRIORITY_ORDER[t.priority], t.id))
    edges = {task_id: list(value) for task_id, value in dependencies.items()}
    ancestors: dict[str, set[str]] = {}
    last_of: dict[str, str] = {}
    overlaps: list[FileOverlap] = []
    for task in order:
        mine: set[str] = set()
        for before in edges[task.id]:
            mine |= {before} | ancestors.get(before, set())
        for path in dict.fromkeys(task.files):
            earlier = last_of.get(path)
            last_of[path] = task.id
            if earlier is None or earlier in mine:
                continue
            edges[task.id].append(earlier)
            mine |= {earlier} | ancestors[earlier]
            overlaps.append(FileOverlap(task_ids=(earlier, task.id), path=path))
        ancestors[task.id] = mine
    return tuple(overlaps), {task_id: tuple(value) for task_id, value in edges.items()}
