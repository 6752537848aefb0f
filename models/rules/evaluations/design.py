"""Rules of design."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel

from models.contracts.documents import Component, Design, Requirements
from models.contracts.evaluations import DEFAULT_LIMITS, EvaluationLimits
from models.contracts.phases import Phase
from models.rules.evaluations.diagrams import diagram_fault
from models.rules.evaluations.rule import (
    Rule,
    RuleTable,
    Verdict,
    all_but,
    duplicates_of,
    none_of,
    share,
    up_to,
)
from models.rules.paths import is_inside

_OVERVIEW_WORDS: Final = 30
_RESPONSIBILITY_WORDS: Final = 2
# A small feature gets half the words of a medium one, a large one twice as many.
_SIZE_FACTOR: Final = {"small": 0.5, "medium": 1.0, "large": 2.0}


@dataclass(frozen=True)
class DesignFacts:
    """What a design is judged by; ``size`` is the feature's, from explore."""

    document: Design
    requirements: Requirements
    size: Literal["small", "medium", "large"] = "medium"
    limits: EvaluationLimits = DEFAULT_LIMITS

    @property
    def components(self) -> tuple[Component, ...]:
        """The components."""
        return self.document.components


def _musts_claimed(facts: DesignFacts) -> Verdict:
    claimed = {i for c in facts.components for i in c.requirement_ids}
    return none_of(
        r.id
        for r in facts.requirements.requirements
        if r.priority == "must" and r.id not in claimed
    )


def _references(facts: DesignFacts) -> Verdict:
    known = {r.id for r in facts.requirements.requirements}
    return none_of(
        f"{c.id} -> {i}" for c in facts.components for i in c.requirement_ids if i not in known
    )


def _paths_inside(facts: DesignFacts) -> Verdict:
    return none_of(
        f"{c.id}: {path}" for c in facts.components for path in c.file_paths if not is_inside(path)
    )


def _diagram(facts: DesignFacts) -> Verdict:
    fault = diagram_fault(facts.document.diagram)
    return none_of([f"diagram: {fault}"] if fault else [])


def _responsibilities(facts: DesignFacts) -> Verdict:
    vague = [
        c.id for c in facts.components if len(c.responsibility.split()) < _RESPONSIBILITY_WORDS
    ]
    return all_but(vague, len(facts.components))


def _interfaces(facts: DesignFacts) -> Verdict:
    bare = [
        c.id
        for c in facts.components
        if not c.interfaces or any(not i.errors.strip() for i in c.interfaces)
    ]
    return all_but(bare, len(facts.components))


def _models_typed(facts: DesignFacts) -> Verdict:
    models = facts.document.data_models
    loose = [m.name for m in models if not m.fields or any(not f.type.strip() for f in m.fields)]
    return all_but(loose, len(models))


def _tests(facts: DesignFacts) -> Verdict:
    testing = facts.document.testing
    missing = [
        f"testing.{name}"
        for name, named in (("unit", testing.unit), ("integration", testing.integration))
        if not named
    ]
    return Verdict(share(2 - len(missing), 2), tuple(missing))


def _alternatives(facts: DesignFacts) -> Verdict:
    if facts.size == "small":
        return Verdict(1)
    told = [a for a in facts.document.alternatives if a.option.strip() and a.why_not.strip()]
    return up_to(len(told), 1, "alternatives")


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _words(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType] - any field of a document
            yield from _words(item)  # pyright: ignore[reportUnknownArgumentType]


def _not_too_long(facts: DesignFacts) -> Verdict:
    most = int(facts.limits.max_design_words * _SIZE_FACTOR[facts.size])
    total = sum(1 for _ in _words(facts.document))
    return Verdict(1.0 if total <= most else most / total / 2, (f"{total} words, at most {most}",))


DESIGN_RULES: Final = RuleTable[DesignFacts](
    Phase.DESIGN,
    (
        Rule("musts-claimed", "every must requirement needs a component", _musts_claimed),
        Rule("references-resolve", "components must cite requirements that exist", _references),
        Rule(
            "ids-unique",
            "component ids must occur once",
            lambda f: none_of(duplicates_of([c.id for c in f.components])),
        ),
        Rule("paths-inside", "paths must be relative and inside the repository", _paths_inside),
        Rule(
            "overview-substance",
            f"the overview must say how it works, in at least {_OVERVIEW_WORDS} words",
            lambda f: up_to(len(f.document.overview.split()), _OVERVIEW_WORDS, "overview"),
            weight=2,
        ),
        Rule("diagram", "draw the parts in a well-formed Mermaid diagram", _diagram, 1),
        Rule(
            "responsibilities", "say what each component is responsible for", _responsibilities, 1
        ),
        Rule("interfaces", "name each component's interfaces with their errors", _interfaces, 1),
        Rule("data-models-typed", "give each field of a data model its type", _models_typed, 1),
        Rule(
            "endpoint-errors",
            "say how each endpoint fails",
            lambda f: all_but(
                [f"{e.method} {e.path}" for e in f.document.api_endpoints if not e.errors],
                len(f.document.api_endpoints),
            ),
            weight=1,
        ),
        Rule(
            "error-handling",
            "say what happens when something goes wrong",
            lambda f: up_to(len(f.document.error_handling), 1, "error_handling"),
            weight=1,
        ),
        Rule("tests-named", "name unit and integration tests", _tests, 2),
        Rule(
            "security",
            "name security points, even if it is only what is trusted",
            lambda f: up_to(len(f.document.security), 1, "security"),
            weight=1,
        ),
        Rule(
            "alternatives",
            "a medium or large feature needs one rejected alternative with the reason",
            _alternatives,
            1,
        ),
        Rule("not-too-long", "no longer than a person can review", _not_too_long, 1),
    ),
)
