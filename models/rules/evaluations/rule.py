"""What every phase's rules are made of: a table of rules, and how their verdicts become a score."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from models.contracts.evaluations import Evaluation, Finding
from models.contracts.phases import Phase

FactsT = TypeVar("FactsT")
DEFAULT_THRESHOLD: Final = 0.7
_SHOWN_PLACES: Final = 20
SCHEMA_RULE: Final = "schema"
SCHEMA_MEANING: Final = "the document must have the phase's shape: no field missing, odd or unknown"


@dataclass(frozen=True)
class Verdict:
    """What one rule says of one document; ``where`` names ids or JSON paths that broke it."""

    score: float
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule(Generic[FactsT]):
    """One rule.

    Attributes:
        id: stable kebab-case name.
        says: what must be so, as the model and the person read it.
        judge: the decision on the phase's facts.
        weight: how much it counts; 0 for a hard rule, which must hold.
    """

    id: str
    says: str
    judge: Callable[[FactsT], Verdict]
    weight: float = 0

    @property
    def hard(self) -> bool:
        """True when the document fails without it."""
        return self.weight == 0

    def apply(self, facts: FactsT) -> Finding:
        """Judge a document."""
        verdict = self.judge(facts)
        score = min(1.0, max(0.0, verdict.score))
        return Finding(
            rule=self.id,
            weight=self.weight,
            hard=self.hard,
            score=score,
            message=self.says if score < 1 else "holds",
            where=verdict.where[:_SHOWN_PLACES] if score < 1 else (),
        )


@dataclass(frozen=True)
class RuleTable(Generic[FactsT]):
    """All rules of one phase, and the score that a document must reach unless a project says."""

    phase: Phase
    rules: tuple[Rule[FactsT], ...]
    threshold: float = DEFAULT_THRESHOLD

    def apply(self, facts: FactsT, threshold: float) -> Evaluation:
        """Judge a document by every rule."""
        return conclude(self.phase, [rule.apply(facts) for rule in self.rules], threshold)


def none_of(broken: Iterable[str]) -> Verdict:
    """All or nothing: holds when there is no broken place."""
    where = tuple(dict.fromkeys(broken))
    return Verdict(0 if where else 1, where)


def all_but(broken: Sequence[str], total: int) -> Verdict:
    """The share of ``total`` that is not broken; whole when there is nothing to judge."""
    return Verdict(share(total - len(broken), total), tuple(broken))


def up_to(found: int, wanted: int, where: str) -> Verdict:
    """How much of what is wanted was found."""
    return Verdict(share(min(found, wanted), wanted), (where,))


def share(good: int, total: int) -> float:
    """Part of the whole; 1 for an empty whole."""
    return good / total if total else 1.0


def conclude(phase: Phase, findings: Sequence[Finding], threshold: float) -> Evaluation:
    """Passed when every hard rule holds and the weighted score reaches the threshold."""
    weight = sum(f.weight for f in findings)
    score = sum(f.weight * f.score for f in findings) / weight if weight else 1.0
    holds = all(f.score == 1 for f in findings if f.hard)
    return Evaluation(
        phase=phase,
        score=round(score, 4),
        threshold=threshold,
        passed=holds and round(score, 4) >= threshold,
        findings=tuple(findings),
    )


def schema_failure(phase: Phase, threshold: float, places: Sequence[str]) -> Evaluation:
    """The evaluation of something that is not even a document of its phase."""
    finding = Finding(
        rule=SCHEMA_RULE,
        weight=0,
        hard=True,
        score=0,
        message=SCHEMA_MEANING,
        where=tuple(places)[:_SHOWN_PLACES],
    )
    return Evaluation(phase=phase, score=0, threshold=threshold, passed=False, findings=(finding,))


def duplicates_of(ids: Sequence[str]) -> list[str]:
    """Ids that occur more than once, each once, in order."""
    return [value for value, count in Counter(ids).items() if count > 1]
