"""Rules of explore."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from models.contracts.checks import CheckEvidence
from models.contracts.documents import Exploration
from models.contracts.phases import Phase
from models.rules.evaluations.rule import Rule, RuleTable, Verdict, none_of, share, up_to

_WORDS: Final = 15
_KEY_FILES: Final = 3
_CATEGORIES: Final = 5
_CONVENTIONS: Final = 3


@dataclass(frozen=True)
class ExploreFacts:
    """What an exploration is judged by.

    Attributes:
        document: what the model, or a person, wrote.
        paths: files and folders at the base commit, folders without a trailing slash.
        baseline: evidence of set-up and check on the base commit; None when there is none.
        baseline_accepted: a person accepted a red baseline or the lack of a check.
    """

    document: Exploration
    paths: Container[str]
    baseline: CheckEvidence | None = None
    baseline_accepted: bool = False


def _paths(facts: ExploreFacts) -> Verdict:
    document = facts.document
    cited = [
        *(f.path for f in document.key_files),
        *(f.path for f in document.related_files),
        *(f.path for f in document.structure),
    ]
    return none_of(path for path in cited if path.rstrip("/") not in facts.paths)


def _baseline(facts: ExploreFacts) -> Verdict:
    red = facts.baseline is None or not facts.baseline.passed
    return none_of(["check_command"] if red and not facts.baseline_accepted else [])


def _key_files(facts: ExploreFacts) -> Verdict:
    named = [f for f in facts.document.key_files if f.purpose.strip()]
    return up_to(len(named), _KEY_FILES, "key_files")


def _conventions(facts: ExploreFacts) -> Verdict:
    told = facts.document.conventions
    missing = [
        name
        for name, value in (
            ("conventions.naming", told.naming.strip()),
            ("conventions.testing", told.testing.strip()),
            ("conventions.patterns", told.patterns),
        )
        if not value
    ]
    return Verdict(share(_CONVENTIONS - len(missing), _CONVENTIONS), tuple(missing))


def _both(facts: ExploreFacts, *names: str) -> Verdict:
    missing = [f"feature.{name}" for name in names if not getattr(facts.document.feature, name)]
    return Verdict(share(len(names) - len(missing), len(names)), tuple(missing))


EXPLORE_RULES: Final = RuleTable[ExploreFacts](
    Phase.EXPLORE,
    (
        Rule("paths-exist", "every cited path must exist at the base commit", _paths),
        Rule(
            "baseline-proven",
            "set-up and check must have been run on the base commit and be green, or be accepted",
            _baseline,
        ),
        Rule(
            "summary-substance",
            f"the summary must say what the code base is, in at least {_WORDS} words",
            lambda f: up_to(len(f.document.codebase_summary.split()), _WORDS, "codebase_summary"),
            weight=2,
        ),
        Rule(
            "key-files", f"name at least {_KEY_FILES} key files with their purpose", _key_files, 2
        ),
        Rule(
            "tech-stack",
            "name the stack",
            lambda f: up_to(len(f.document.tech_stack), 1, "tech_stack"),
            weight=1,
        ),
        Rule("conventions", "say how code is named, tested and patterned", _conventions, 1),
        Rule(
            "question-categories",
            "ask over all five categories: value, users, scope, technical, risks",
            lambda f: up_to(
                len({q.category for q in f.document.questions}), _CATEGORIES, "questions"
            ),
            weight=1,
        ),
        Rule(
            "scope",
            "say what is in scope and what is out of it",
            lambda f: _both(f, "in_scope", "out_of_scope"),
            weight=2,
        ),
        Rule(
            "constraints-and-risks",
            "name constraints and risks",
            lambda f: _both(f, "constraints", "risks"),
            weight=1,
        ),
    ),
)
