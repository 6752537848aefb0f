"""Rules of requirements."""

import re
from typing import Final

from models.contracts.documents import Requirement, Requirements
from models.contracts.evaluations import Evaluation, Finding
from models.contracts.phases import Phase
from models.rules.dag import find_cycle
from models.rules.ears import EarsError, parse_ears
from models.rules.evaluations.rule import conclude, duplicates_of, hard, share, weighted

_REQUIREMENT_ID: Final = re.compile(r"REQ-\d{3,}")
_VAGUE: Final = re.compile(
    r"\b(fast|quick(?:ly)?|easy|easily|user-friendly|appropriate(?:ly)?|etc|and/or|tbd|intuitive|"
    r"robust|seamless(?:ly)?|as needed)\b",
    re.IGNORECASE,
)
_MAX_REQUIREMENTS: Final = 25
_MUST_CRITERIA: Final = 2


def evaluate_requirements(document: Requirements, threshold: float) -> Evaluation:
    """Judge requirements: their ids, their EARS, their criteria and their words."""
    all_of = document.requirements
    return conclude(Phase.REQUIREMENTS, (*_hard(all_of), *_weighted(all_of)), threshold)


def _ears_faults(requirements: tuple[Requirement, ...]) -> list[str]:
    faults: list[str] = []
    for requirement in requirements:
        try:
            sentence = parse_ears(requirement.text)
        except EarsError as error:
            faults.append(f"{requirement.id}: {error}")
            continue
        if sentence.pattern != requirement.pattern:
            faults.append(
                f"{requirement.id}: declared {requirement.pattern}, reads as {sentence.pattern}"
            )
    return faults


def _hard(requirements: tuple[Requirement, ...]) -> tuple[Finding, ...]:
    ids = [requirement.id for requirement in requirements]
    criteria = [c.id for r in requirements for c in r.acceptance_criteria]
    odd = [i for i in ids if not _REQUIREMENT_ID.fullmatch(i)]
    odd += [
        c.id
        for r in requirements
        for c in r.acceptance_criteria
        if not re.fullmatch(rf"AC-{re.escape(r.id.removeprefix('REQ-'))}\.\d+", c.id)
    ]
    thin = [
        r.id
        for r in requirements
        if r.priority == "must" and len(r.acceptance_criteria) < _MUST_CRITERIA
    ]
    dangling = [f"{r.id} -> {d}" for r in requirements for d in r.depends_on if d not in ids]
    cycle = find_cycle({r.id: r.depends_on for r in requirements})
    return (
        hard(
            "not-empty", [] if ids else ["requirements"], "there must be at least one requirement"
        ),
        hard("ids-unique", duplicates_of([*ids, *criteria]), "these ids occur more than once"),
        hard("ids-well-formed", odd, "ids read REQ-001 and AC-001.1"),
        hard("ears", _ears_faults(requirements), "each text must parse as its declared pattern"),
        hard("dependencies-resolve", dangling, "these dependencies do not exist"),
        hard("no-cycle", [" -> ".join(cycle)] if cycle else [], "the dependencies have a cycle"),
        hard("must-criteria", thin, f"each must needs at least {_MUST_CRITERIA} criteria"),
    )


def _weighted(requirements: tuple[Requirement, ...]) -> tuple[Finding, ...]:
    total = len(requirements)
    vague = [
        r.id
        for r in requirements
        if _VAGUE.search(" ".join([r.text, *(c.text for c in r.acceptance_criteria)]))
    ]
    silent = [r.id for r in requirements if not r.rationale]
    double = [r.id for r in requirements if len(re.findall(r"\bshall\b", r.text.lower())) > 1]
    return (
        weighted("no-vague-words", 3, share(total - len(vague), total), "vague words", vague),
        weighted("one-response", 2, share(total - len(double), total), "one shall each", double),
        weighted("rationale", 1, share(total - len(silent), total), "say why", silent),
        weighted(
            "not-too-many",
            1,
            1.0 if total <= _MAX_REQUIREMENTS else _MAX_REQUIREMENTS / total,
            f"at most {_MAX_REQUIREMENTS} requirements can be reviewed",
            ["requirements"],
        ),
    )
