"""Judges any document of any phase from its JSON: the one entry for models, people and programs."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, ValidationError

from models.contracts.checks import CheckEvidence
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.evaluations import (
    DEFAULT_LIMITS,
    Evaluation,
    EvaluationLimits,
    PhaseRules,
    RuleInfo,
)
from models.contracts.phases import Phase
from models.contracts.plans import DOCUMENT_TYPES, GeneratedDocument, TaskPlan
from models.rules.evaluations.design import DESIGN_RULES, DesignFacts
from models.rules.evaluations.explore import EXPLORE_RULES, ExploreFacts
from models.rules.evaluations.requirements import REQUIREMENTS_RULES, RequirementsFacts
from models.rules.evaluations.rule import (
    SCHEMA_MEANING,
    SCHEMA_RULE,
    RuleTable,
    schema_failure,
)
from models.rules.evaluations.tasks import TASK_RULES, PlanFacts

RULE_TABLES: Final[tuple[RuleTable[ExploreFacts] | RuleTable[RequirementsFacts] | RuleTable[DesignFacts] | RuleTable[PlanFacts], ...]] = (
    EXPLORE_RULES,
    REQUIREMENTS_RULES,
    DESIGN_RULES,
    TASK_RULES,
)  # fmt: skip
_MOST_FAULTS: Final = 30
_NO_REQUIREMENTS: Final = Requirements()
_NO_DESIGN: Final = Design(overview="")


@dataclass(frozen=True)
class Surroundings:
    """What a document is judged against; a phase uses what its rules need."""

    paths: Container[str] = frozenset[str]()
    baseline: CheckEvidence | None = None
    baseline_accepted: bool = False
    exploration: Exploration | None = None
    requirements: Requirements = _NO_REQUIREMENTS
    design: Design = _NO_DESIGN
    limits: EvaluationLimits = DEFAULT_LIMITS


def read_document(phase: Phase, raw: JsonValue) -> tuple[GeneratedDocument | None, tuple[str, ...]]:
    """The document in this JSON, or what its schema complains of as ``path: message``."""
    try:
        return DOCUMENT_TYPES[phase].model_validate(raw), ()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)[:_MOST_FAULTS]
        return None, tuple(f"{'.'.join(map(str, e['loc'])) or '$'}: {e['msg']}" for e in faults)


def evaluate_json(
    phase: Phase, raw: JsonValue, around: Surroundings, threshold: float
) -> Evaluation:
    """Judge JSON that may not even be a document."""
    document, faults = read_document(phase, raw)
    if document is None:
        return schema_failure(phase, threshold, faults)
    return evaluate_document(document, around, threshold)


def evaluate_document(
    document: GeneratedDocument, around: Surroundings, threshold: float
) -> Evaluation:
    """Judge a document by the table of its phase."""
    match document:
        case Exploration():
            facts = ExploreFacts(document, around.paths, around.baseline, around.baseline_accepted)
            return EXPLORE_RULES.apply(facts, threshold)
        case Requirements():
            return REQUIREMENTS_RULES.apply(
                RequirementsFacts(document, around.exploration, around.limits), threshold
            )
        case Design():
            size = around.exploration.feature.size if around.exploration else "medium"
            return DESIGN_RULES.apply(
                DesignFacts(document, around.requirements, size, around.limits), threshold
            )
        case TaskPlan():
            return TASK_RULES.apply(
                PlanFacts(document, around.requirements, around.design), threshold
            )


def rule_book() -> tuple[PhaseRules, ...]:
    """Every rule of every phase, the schema's first, in the order they are applied."""
    schema = RuleInfo(id=SCHEMA_RULE, says=SCHEMA_MEANING, hard=True, weight=0)
    return tuple(
        PhaseRules(
            phase=table.phase,
            threshold=table.threshold,
            rules=(
                schema,
                *(
                    RuleInfo(id=rule.id, says=rule.says, hard=rule.hard, weight=rule.weight)
                    for rule in table.rules
                ),
            ),
        )
        for table in RULE_TABLES
    )
