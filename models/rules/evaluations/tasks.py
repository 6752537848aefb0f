"""Rules of the task plan."""

from collections.abc import Iterable

from models.contracts.documents import Design, Requirements
from models.contracts.evaluations import Evaluation, Finding
from models.contracts.phases import Phase
from models.contracts.plans import MAX_PLANNED_TASKS, TaskPlan
from models.rules.dag import find_cycle
from models.rules.evaluations.rule import conclude, duplicates_of, hard, share, weighted
from models.rules.paths import is_inside

_MIN_MINUTES, _MAX_MINUTES, _WORDS = 15, 240, 8


def evaluate_plan(
    plan: TaskPlan, requirements: Requirements, design: Design, threshold: float
) -> Evaluation:
    """Judge a plan against the approved requirements and design."""
    return conclude(
        Phase.TASKS,
        (*_references(plan, requirements, design), *_coverage(plan, requirements), *_quality(plan)),
        threshold,
    )


def _dangling(pairs: Iterable[tuple[str, str]], known: set[str]) -> list[str]:
    return [f"{source} -> {target}" for source, target in pairs if target not in known]


def _references(plan: TaskPlan, requirements: Requirements, design: Design) -> tuple[Finding, ...]:
    requirement_ids = {r.id for r in requirements.requirements}
    criteria_ids = {c.id for r in requirements.requirements for c in r.acceptance_criteria}
    task_ids = {t.id for t in plan.tasks}
    dangling = [
        *_dangling(((t.id, i) for t in plan.tasks for i in t.requirement_ids), requirement_ids),
        *_dangling(((t.id, i) for t in plan.tickets for i in t.requirement_ids), requirement_ids),
        *_dangling(
            ((t.id, i) for t in plan.tasks for i in t.acceptance_criteria_ids), criteria_ids
        ),
        *_dangling(
            ((t.id, i) for t in plan.tasks for i in t.component_ids),
            {c.id for c in design.components},
        ),
        *_dangling(((t.id, t.ticket_id) for t in plan.tasks), {t.id for t in plan.tickets}),
        *_dangling(((t.id, i) for t in plan.tasks for i in t.depends_on), task_ids),
    ]
    cycle = find_cycle({t.id: t.depends_on for t in plan.tasks})
    ids = [*(t.id for t in plan.tasks), *(t.id for t in plan.tickets)]
    return (
        hard("not-empty", [] if plan.tasks else ["tasks"], "there must be at least one task"),
        hard(
            "at-most-500",
            ["tasks"] if len(plan.tasks) > MAX_PLANNED_TASKS else [],
            f"a plan has at most {MAX_PLANNED_TASKS} tasks",
        ),
        hard("ids-unique", duplicates_of(ids), "these ids occur more than once"),
        hard("references-resolve", dangling, "these references do not resolve"),
        hard("no-cycle", [" -> ".join(cycle)] if cycle else [], "the tasks have a cycle"),
        hard(
            "paths-inside",
            [f"{t.id}: {p}" for t in plan.tasks for p in t.files if not is_inside(p)],
            "paths must be relative and inside the repository",
        ),
    )


def _coverage(plan: TaskPlan, requirements: Requirements) -> tuple[Finding, ...]:
    served = {i for t in plan.tasks for i in t.requirement_ids}
    shown = {i for t in plan.tasks for i in t.acceptance_criteria_ids}
    musts = [r.id for r in requirements.requirements if r.priority == "must"]
    tests = [
        c.id
        for r in requirements.requirements
        for c in r.acceptance_criteria
        if c.verified_by == "test"
    ]
    return (
        hard("musts-covered", [i for i in musts if i not in served], "no task covers these musts"),
        hard(
            "tests-covered", [i for i in tests if i not in shown], "no task covers these criteria"
        ),
    )


def _quality(plan: TaskPlan) -> tuple[Finding, ...]:
    tasks = plan.tasks
    odd = [t.id for t in tasks if not _MIN_MINUTES <= t.estimate_minutes <= _MAX_MINUTES]
    thin = [t.id for t in tasks if len(t.description.split()) < _WORDS]
    fileless = [t.id for t in tasks if not t.files and t.kind != "research"]
    orphans = [k.id for k in plan.tickets if not any(t.ticket_id == k.id for t in tasks)]
    total = len(tasks)
    return (
        weighted("estimates", 1, share(total - len(odd), total), "15 to 240 minutes each", odd),
        weighted("files-named", 2, share(total - len(fileless), total), "name the files", fileless),
        weighted("descriptions", 2, share(total - len(thin), total), "say more what to do", thin),
        weighted(
            "no-orphan-tickets",
            1,
            share(len(plan.tickets) - len(orphans), len(plan.tickets)),
            "these tickets have no task",
            orphans,
        ),
    )
