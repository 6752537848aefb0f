"""What every phase's rules are made of, and how findings become a score."""

from collections.abc import Iterable, Sequence

from models.contracts.evaluations import Evaluation, Finding
from models.contracts.phases import Phase


def hard(rule: str, broken: Iterable[str], message: str) -> Finding:
    """A rule that must hold: ``broken`` are the places where it does not."""
    where = tuple(dict.fromkeys(broken))
    return Finding(
        rule=rule,
        weight=0,
        hard=True,
        score=0 if where else 1,
        message=message if where else "holds",
        where=where[:20],
    )


def weighted(
    rule: str, weight: float, score: float, message: str, where: Iterable[str] = ()
) -> Finding:
    """A rule that counts ``weight`` times its score (0..1)."""
    bounded = min(1.0, max(0.0, score))
    return Finding(
        rule=rule,
        weight=weight,
        hard=False,
        score=bounded,
        message=message if bounded < 1 else "holds",
        where=tuple(where)[:20] if bounded < 1 else (),
    )


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


def duplicates_of(ids: Sequence[str]) -> list[str]:
    """Ids that occur more than once, each once."""
    return [value for value in dict.fromkeys(ids) if ids.count(value) > 1]
