"""What an automatic evaluation of a document says."""

from pydantic import Field

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

    def feedback(self) -> str:
        """What failed, as the model and the person both read it; empty when nothing did."""
        lines = [
            f"- [{'hard' if f.hard else f'weight {f.weight:g}'}] {f.rule}: {f.message}"
            + (f" (at {', '.join(f.where)})" if f.where else "")
            for f in self.findings
            if f.failed
        ]
        return "\n".join(lines)
