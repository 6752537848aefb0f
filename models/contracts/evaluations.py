"""What an automatic evaluation of a document says."""

from pydantic import Field, StrictInt

from models.contracts.base import Payload
from models.contracts.phases import Phase


class Finding(Payload):
    """The verdict of one rule; ``where`` names ids or JSON paths that broke it."""

    rule: str
    weight: float = Field(ge=0)
    hard: bool
    score: float = Field(ge=0, le=1)
    message: str
    where: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """True when the rule was not met in full."""
        return self.score < 1


class EvaluationLimits(Payload):
    """How much a person can review; ``max_design_words`` is of a medium feature."""

    max_requirements: StrictInt = Field(default=25, ge=1, le=300)
    max_design_words: StrictInt = Field(default=2_500, ge=100, le=50_000)


DEFAULT_LIMITS = EvaluationLimits()


class JudgeVerdict(Payload):
    """What the optional model judge says: a score (0..1), and what it doubts."""

    passed: bool
    score: float = Field(ge=0, le=1)
    doubts: tuple[str, ...] = ()


class Evaluation(Payload):
    """All findings of one document.

    ``passed`` means that every hard rule holds and the weighted ``score`` (0..1) reaches
    ``threshold``.
    """

    phase: Phase
    score: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    passed: bool
    findings: tuple[Finding, ...]
    judge: JudgeVerdict | None = None

    def feedback(self) -> str:
        """What failed, as the model and the person both read it; empty when nothing did."""
        lines = [
            f"- [{'hard' if f.hard else f'weight {f.weight:g}'}] {f.rule}: {f.message}"
            + (f" (at {', '.join(f.where)})" if f.where else "")
            for f in self.findings
            if f.failed
        ]
        if self.judge is not None:
            lines += [f"- [judge] {doubt}" for doubt in self.judge.doubts]
        return "\n".join(lines)


class EvaluationSummary(Payload):
    """What the workflow needs of an evaluation; the whole is stored with the attempt.

    ``holds`` is True when every hard rule holds, whatever the score.
    """

    passed: bool
    score: float
    feedback: str
    holds: bool = True
    doubts: tuple[str, ...] = ()


class RuleInfo(Payload):
    """One rule as people read it; a hard rule has no weight."""

    id: str
    says: str
    hard: bool
    weight: float


class PhaseRules(Payload):
    """The rules of a phase, and the score to reach unless a project says otherwise."""

    phase: Phase
    threshold: float
    rules: tuple[RuleInfo, ...]
