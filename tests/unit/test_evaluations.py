import pytest

from models.contracts.checks import CheckEvidence, CheckPurpose
from models.contracts.documents import Component, Criterion, Requirement, Requirements
from models.contracts.evaluations import Evaluation
from models.contracts.plans import PlannedTask, TaskPlan
from models.rules.evaluations.design import evaluate_design
from models.rules.evaluations.explore import evaluate_exploration
from models.rules.evaluations.requirements import evaluate_requirements
from models.rules.evaluations.tasks import evaluate_plan
from tests.support.documents import (
    good_design,
    good_exploration,
    good_plan,
    good_requirements,
    weak_requirements,
)

PATHS = {
    "ledger", "tests", "ledger/cli.py", "ledger/reports.py", "ledger/storage.py",
    "ledger/money.py", "CONTRIBUTING.md", "tests/test_cli.py",
}  # fmt: skip


def evidence(*, passed: bool) -> CheckEvidence:
    return CheckEvidence(
        purpose=CheckPurpose.BASELINE,
        commit="0" * 40,
        command="true",
        passed=passed,
        exit_code=0 if passed else 1,
        duration_seconds=0.1,
        tail="",
    )


def broken(evaluation: Evaluation) -> list[str]:
    return [f.rule for f in evaluation.findings if f.hard and f.failed]


def with_first(change: dict[str, object]) -> Requirements:
    document = good_requirements()
    first = Requirement.model_validate({**document.requirements[0].model_dump(), **change})
    return document.model_copy(update={"requirements": (first, *document.requirements[1:])})


def test_the_good_documents_pass() -> None:
    requirements, design = good_requirements(), good_design()
    explored = evaluate_exploration(good_exploration(), PATHS, evidence(passed=True), 0.7)
    assert explored.passed, explored.feedback()
    assert evaluate_requirements(requirements, 0.7).passed
    assert evaluate_design(design, requirements, 0.7).passed
    assert evaluate_plan(good_plan(), requirements, design, 0.7).passed


def test_the_weak_requirements_fail_with_words_that_help() -> None:
    evaluation = evaluate_requirements(weak_requirements(), 0.7)
    assert not evaluation.passed
    assert broken(evaluation) == ["ears", "must-criteria"]
    assert "REQ-001: the word 'shall' is missing" in evaluation.feedback()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"id": "R1"}, "ids-well-formed"),
        ({"id": "REQ-002"}, "ids-unique"),
        ({"depends_on": ["REQ-099"]}, "dependencies-resolve"),
        ({"depends_on": ["REQ-001"]}, "no-cycle"),
        ({"pattern": "state"}, "ears"),
        ({"acceptance_criteria": []}, "must-criteria"),
    ],
)
def test_each_hard_rule_of_requirements(change: dict[str, object], rule: str) -> None:
    evaluation = evaluate_requirements(with_first(change), 0.0)
    assert rule in broken(evaluation)
    assert not evaluation.passed


def test_vague_words_cost_score_but_do_not_forbid() -> None:
    vague = Criterion(id="AC-001.1", text="It is easy and fast.", verified_by="test")
    good = good_requirements().requirements[0].acceptance_criteria[1]
    evaluation = evaluate_requirements(with_first({"acceptance_criteria": [vague, good]}), 0.7)
    assert evaluation.passed
    assert evaluation.score < 1


def test_a_path_that_does_not_exist_fails_explore() -> None:
    paths = PATHS - {"ledger/money.py"}
    evaluation = evaluate_exploration(good_exploration(), paths, evidence(passed=True), 0.7)
    assert broken(evaluation) == ["paths-exist"]
    assert "ledger/money.py" in evaluation.feedback()


def test_a_red_baseline_fails_explore_unless_a_person_accepted_it() -> None:
    red = evidence(passed=False)
    assert broken(evaluate_exploration(good_exploration(), PATHS, red, 0.7)) == ["baseline-proven"]
    assert evaluate_exploration(good_exploration(), PATHS, red, 0.7, baseline_accepted=True).passed
    assert not evaluate_exploration(good_exploration(), PATHS, None, 0.7).passed


def judged_component(change: dict[str, object]) -> list[str]:
    design = good_design()
    first = Component.model_validate({**design.components[0].model_dump(), **change})
    changed = design.model_copy(update={"components": (first, *design.components[1:])})
    return broken(evaluate_design(changed, good_requirements(), 0.0))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"requirement_ids": ["REQ-099"]}, "references-resolve"),
        ({"file_paths": ["../outside.py"]}, "paths-inside"),
        ({"file_paths": ["/etc/passwd"]}, "paths-inside"),
        ({"file_paths": [".git/hooks/pre-commit"]}, "paths-inside"),
        ({"id": "CMP-02"}, "ids-unique"),
    ],
)
def test_each_hard_rule_of_design(change: dict[str, object], rule: str) -> None:
    assert rule in judged_component(change)


def test_an_unclaimed_must_fails_design() -> None:
    design = good_design()
    fewer = tuple(c for c in design.components if "REQ-003" not in c.requirement_ids)
    changed = design.model_copy(update={"components": fewer})
    assert broken(evaluate_design(changed, good_requirements(), 0.0)) == ["musts-claimed"]


def plan_with(**change: object) -> TaskPlan:
    plan = good_plan()
    first = PlannedTask.model_validate({**plan.tasks[0].model_dump(), **change})
    return plan.model_copy(update={"tasks": (first, *plan.tasks[1:])})


@pytest.mark.parametrize(
    ("plan", "rule"),
    [
        (plan_with(depends_on=["TSK-099"]), "references-resolve"),
        (plan_with(ticket_id="TKT-099"), "references-resolve"),
        (plan_with(depends_on=["TSK-005"]), "no-cycle"),
        (plan_with(id="TSK-002"), "ids-unique"),
        (plan_with(files_to_create=["/abs.py"]), "paths-inside"),
        (plan_with(files_to_create=["a/../../b.py"]), "paths-inside"),
        (TaskPlan(), "not-empty"),
        (TaskPlan(tickets=good_plan().tickets, tasks=good_plan().tasks[2:]), "tests-covered"),
        (TaskPlan(tickets=good_plan().tickets, tasks=good_plan().tasks[:1]), "musts-covered"),
    ],
)
def test_each_hard_rule_of_the_plan(plan: TaskPlan, rule: str) -> None:
    evaluation = evaluate_plan(plan, good_requirements(), good_design(), 0.0)
    assert rule in broken(evaluation)
    assert not evaluation.passed
