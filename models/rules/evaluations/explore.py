"""Rules of explore."""

from collections.abc import Container

from models.contracts.checks import CheckEvidence
from models.contracts.documents import Exploration
from models.contracts.evaluations import Evaluation
from models.contracts.phases import Phase
from models.rules.evaluations.rule import conclude, hard, share, weighted

_WORDS = 15
_KEY_FILES = 3


def evaluate_exploration(
    document: Exploration,
    paths: Container[str],
    baseline: CheckEvidence | None,
    threshold: float,
    *,
    baseline_accepted: bool = False,
) -> Evaluation:
    """Judge an exploration.

    Args:
        document: what the model wrote.
        paths: files and folders at the base commit, folders without a trailing slash.
        baseline: evidence of set-up and check on the base commit; None when there is no check
            command.
        threshold: the score to reach.
        baseline_accepted: a person accepted a red baseline or the lack of a check.
    """
    cited = [
        *(f.path for f in document.key_files),
        *(f.path for f in document.related_files),
        *(f.path for f in document.structure),
    ]
    missing = [path for path in cited if path.rstrip("/") not in paths]
    red = baseline is None or not baseline.passed
    feature = document.feature
    categories = {question.category for question in document.questions}
    conventions = document.conventions
    told = [conventions.naming, conventions.testing, *conventions.patterns[:1]]
    findings = (
        hard("paths-exist", missing, "these paths do not exist at the base commit"),
        hard(
            "baseline-proven",
            ["check_command"] if red and not baseline_accepted else [],
            "set-up and check must have been run on the base commit and be green, or accepted",
        ),
        weighted(
            "summary-substance",
            2,
            share(min(len(document.codebase_summary.split()), _WORDS), _WORDS),
            f"the summary should say more: at least {_WORDS} words",
            ["codebase_summary"],
        ),
        weighted(
            "key-files",
            2,
            share(min(len([f for f in document.key_files if f.purpose]), _KEY_FILES), _KEY_FILES),
            f"name at least {_KEY_FILES} key files with their purpose",
            ["key_files"],
        ),
        weighted(
            "tech-stack", 1, float(bool(document.tech_stack)), "name the stack", ["tech_stack"]
        ),
        weighted(
            "conventions",
            1,
            share(len([text for text in told if text]), 3),
            "say how code is named, tested and patterned",
            ["conventions"],
        ),
        weighted(
            "question-categories",
            1,
            share(min(len(categories), 3), 3),
            "ask about at least three of the five categories",
            ["questions"],
        ),
        weighted(
            "scope",
            2,
            share(len([s for s in (feature.in_scope, feature.out_of_scope) if s]), 2),
            "say what is in and what is out of scope",
            ["feature.in_scope", "feature.out_of_scope"],
        ),
        weighted(
            "risks",
            1,
            share(len([s for s in (feature.constraints, feature.risks) if s]), 2),
            "name constraints and risks",
            ["feature.constraints", "feature.risks"],
        ),
    )
    return conclude(Phase.EXPLORE, findings, threshold)
