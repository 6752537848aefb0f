"""Rules of the task plan."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.contracts.documents import Design, Requirements
from models.contracts.phases import Phase
from models.contracts.plans import MAX_PLANNED_TASKS, TaskPlan
from models.rules.dag import critical_path, find_cycle
from models.rules.evaluations.rule import (
    Rule,
    RuleTable,
    Verdict,
    all_but,
    duplicates_of,
    none_of,
)
from models.rules.paths import is_inside

_MIN_MINUTES: Final = 15
_MAX_MINUTES: Final = 240
_WORDS: Final = 8
_LONGEST_SHARE: Final = 0.6
_PARALLEL_FROM: Final = 6
_TICKET_ID: Final = re.compile(r"TKT-\d{3,}")
_TASK_ID: Final = re.compile(r"TSK-\d{3,}")


@dataclass(frozen=True)
class PlanFacts:
    """What a plan is judged by: the approved requirements and design."""

    plan: TaskPlan
    requirements: Requirements
    design: Design


def _dangling(pairs: Iterable[tuple[str, str]], known: set[str]) -> list[str]:
    return [f"{source} -> {target}" for source, target in pairs if target not in known]


def _references(facts: PlanFacts) -> Verdict:
    plan, requirements = facts.plan, facts.requirements.requirements
    requirement_ids = {r.id for r in requirements}
    criteria_ids = {c.id for r in requirements for c in r.acceptance_criteria}
    component_ids = {c.id for c in facts.design.components}
    return none_of(
        [
            *_dangling(((t.id, i) for t in plan.tasks for i in t.requirement_ids), requirement_ids),
            *_dangling(
                ((k.id, i) for k in plan.tickets for i in k.requirement_ids), requirement_ids
            ),
            *_dangling(
                ((t.id, i) for t in plan.tasks for i in t.acceptance_criteria_ids), criteria_ids
            ),
            *_dangling(((t.id, i) for t in plan.tasks for i in t.component_ids), component_ids),
        ]
    )


def _dependencies(facts: PlanFacts) -> Verdict:
    plan = facts.plan
    return none_of(
        [
            *_dangling(((t.id, t.ticket_id) for t in plan.tasks), {k.id for k in plan.tickets}),
            *_dangling(
                ((t.id, i) for t in plan.tasks for i in t.depends_on), {t.id for t in plan.tasks}
            ),
        ]
    )


def _no_cycle(facts: PlanFacts) -> Verdict:
    cycle = find_cycle({t.id: t.depends_on for t in facts.plan.tasks})
    return none_of([" -> ".join(cycle)] if cycle else [])


def _ids_well_formed(facts: PlanFacts) -> Verdict:
    odd = [t.id for t in facts.plan.tasks if not _TASK_ID.fullmatch(t.id)]
    return none_of([*odd, *(k.id for k in facts.plan.tickets if not _TICKET_ID.fullmatch(k.id))])


def _musts_covered(facts: PlanFacts) -> Verdict:
    served = {i for t in facts.plan.tasks for i in t.requirement_ids}
    musts = (r.id for r in facts.requirements.requirements if r.priority == "must")
    return none_of(i for i in musts if i not in served)


def _tests_covered(facts: PlanFacts) -> Verdict:
    shown = {i for t in facts.plan.tasks for i in t.acceptance_criteria_ids}
    return none_of(
        c.id
        for r in facts.requirements.requirements
        for c in r.acceptance_criteria
        if c.verified_by == "test" and c.id not in shown
    )


def _paths_inside(facts: PlanFacts) -> Verdict:
    return none_of(f"{t.id}: {p}" for t in facts.plan.tasks for p in t.files if not is_inside(p))


def _components(facts: PlanFacts) -> Verdict:
    built = {i for t in facts.plan.tasks for i in t.component_ids}
    components = facts.design.components
    return all_but([c.id for c in components if c.id not in built], len(components))


def _functional_tested(facts: PlanFacts) -> Verdict:
    tested = {i for t in facts.plan.tasks if t.kind == "test" for i in t.requirement_ids}
    shown = {i for t in facts.plan.tasks for i in t.acceptance_criteria_ids}
    functional = [r for r in facts.requirements.requirements if r.kind == "functional"]
    bare = [
        r.id
        for r in functional
        if r.id not in tested
        and not any(c.verified_by == "test" and c.id in shown for c in r.acceptance_criteria)
    ]
    return all_but(bare, len(functional))


def _critical_path(facts: PlanFacts) -> Verdict:
    tasks = facts.plan.tasks
    dependencies = {t.id: t.depends_on for t in tasks}
    if len(tasks) < _PARALLEL_FROM or find_cycle(dependencies):
        return Verdict(1)
    minutes = {t.id: t.estimate_minutes for t in tasks}
    path, total = critical_path(dependencies, minutes), sum(minutes.values())
    part = path.minutes / total
    if part <= _LONGEST_SHARE:
        return Verdict(1)
    told = f"{' -> '.join(path.task_ids[:10])}: {path.minutes} of {total} minutes"
    return Verdict((1 - part) / (1 - _LONGEST_SHARE), (told,))


def _no_orphans(facts: PlanFacts) -> Verdict:
    used = {t.ticket_id for t in facts.plan.tasks}
    return all_but([k.id for k in facts.plan.tickets if k.id not in used], len(facts.plan.tickets))


TASK_RULES: Final = RuleTable[PlanFacts](
    Phase.TASKS,
    (
        Rule(
            "not-empty",
            "there must be at least one task",
            lambda f: none_of([] if f.plan.tasks else ["tasks"]),
        ),
        Rule(
            "at-most-500",
            f"a plan may have at most {MAX_PLANNED_TASKS} tasks",
            lambda f: none_of(["tasks"] if len(f.plan.tasks) > MAX_PLANNED_TASKS else []),
        ),
        Rule(
            "ids-unique",
            "ids must occur once",
            lambda f: none_of(
                duplicates_of([*(t.id for t in f.plan.tasks), *(k.id for k in f.plan.tickets)])
            ),
        ),
        Rule("ids-well-formed", "ids must read TSK-001 and TKT-001", _ids_well_formed),
        Rule(
            "references-resolve",
            "cited requirements, criteria and components must exist",
            _references,
        ),
        Rule("dependencies-resolve", "tickets and dependencies must exist", _dependencies),
        Rule("no-cycle", "the tasks must have no cycle", _no_cycle),
        Rule("musts-covered", "every must requirement needs a task", _musts_covered),
        Rule("tests-covered", "every criterion verified by test needs a task", _tests_covered),
        Rule("paths-inside", "paths must be relative and inside the repository", _paths_inside),
        Rule(
            "estimates",
            f"{_MIN_MINUTES} to {_MAX_MINUTES} minutes for each task",
            lambda f: all_but(
                [
                    t.id
                    for t in f.plan.tasks
                    if not _MIN_MINUTES <= t.estimate_minutes <= _MAX_MINUTES
                ],
                len(f.plan.tasks),
            ),
            weight=1,
        ),
        Rule(
            "files-named",
            "name the files that a task creates or modifies",
            lambda f: all_but(
                [t.id for t in f.plan.tasks if not t.files and t.kind != "research"],
                len(f.plan.tasks),
            ),
            weight=2,
        ),
        Rule(
            "descriptions",
            f"say what to do in at least {_WORDS} words",
            lambda f: all_but(
                [t.id for t in f.plan.tasks if len(t.description.split()) < _WORDS],
                len(f.plan.tasks),
            ),
            weight=2,
        ),
        Rule("components-implemented", "every component needs a task", _components, 1),
        Rule(
            "functional-tested",
            "each functional requirement needs a test task or a tested criterion",
            _functional_tested,
            1,
        ),
        Rule(
            "critical-path",
            f"with {_PARALLEL_FROM} tasks or more, the longest chain may take at most "
            f"{_LONGEST_SHARE:.0%} of all minutes",
            _critical_path,
            1,
        ),
        Rule("no-orphan-tickets", "every ticket needs a task", _no_orphans, 1),
    ),
)
