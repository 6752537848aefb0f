"""The regression set in ``tests/evaluation``, and what evaluations are made of."""

import pytest

from models.contracts.evaluations import Evaluation, JudgeVerdict
from models.contracts.phases import GENERATED_PHASES, Phase
from models.rules.evaluations.documents import RULE_TABLES, evaluate_document
from models.rules.evaluations.rule import SCHEMA_RULE
from tests.support.documents import weak_requirements
from tests.support.evaluations import Case, broken_rules, good, judged, load_cases, surroundings

CASES = load_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.phase.value}: {case.name}")
def test_each_document_gets_its_verdict(case: Case) -> None:
    evaluation = judged(case)
    assert set(broken_rules(evaluation)) == set(case.breaks)
    assert evaluation.passed == (case.verdict == "pass")


def test_the_set_is_large_and_covers_every_phase() -> None:
    assert len(CASES) >= 60
    assert {case.phase for case in CASES} == set(GENERATED_PHASES)


@pytest.mark.parametrize(
    ("phase", "rule"),
    [
        (table.phase, rule)
        for table in RULE_TABLES
        for rule in (SCHEMA_RULE, *(rule.id for rule in table.rules))
    ],
    ids=str,
)
def test_each_rule_has_a_document_that_breaks_only_it(phase: Phase, rule: str) -> None:
    alone = [case for case in CASES if case.phase == phase and case.breaks == (rule,)]
    assert alone, f"no document breaks only {rule}"
    table = next(table for table in RULE_TABLES if table.phase == phase)
    hard = {SCHEMA_RULE, *(r.id for r in table.rules if r.hard)}
    for case in alone:
        finding = next(f for f in judged(case).findings if f.rule == rule)
        assert finding.where, "a finding says where"
        assert finding.hard == (rule in hard)


def test_the_weak_requirements_fail_with_words_that_help() -> None:
    evaluation = evaluate_document(weak_requirements(), surroundings(), 0.7)
    assert not evaluation.passed
    assert "REQ-001: the word 'shall' is missing (at character 11" in evaluation.feedback()


def test_a_hard_rule_fails_whatever_the_threshold() -> None:
    case = next(case for case in CASES if case.breaks == ("no-cycle",))
    assert judged(case, threshold=0).score == 1
    assert not judged(case, threshold=0).passed


def test_a_weighted_rule_fails_where_the_threshold_is_high() -> None:
    case = next(case for case in CASES if case.breaks == ("no-vague-words",))
    assert judged(case, threshold=0.7).passed
    assert not judged(case, threshold=1).passed


def test_the_judges_doubts_are_feedback() -> None:
    evaluation = Evaluation(
        phase=Phase.DESIGN,
        score=1,
        threshold=0.7,
        passed=True,
        findings=(),
        judge=JudgeVerdict(passed=False, score=0.2, doubts=("the overview contradicts CMP-01",)),
    )
    assert evaluation.feedback() == "- [judge] the overview contradicts CMP-01"


def test_the_good_documents_pass_with_full_marks() -> None:
    for phase in GENERATED_PHASES:
        case = Case(phase, "good", "pass", (), good(phase), surroundings(), "")
        assert judged(case).score == 1
