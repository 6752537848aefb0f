"""Rules of requirements."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from models.contracts.documents import Criterion, Exploration, Requirement, Requirements
from models.contracts.evaluations import DEFAULT_LIMITS, EvaluationLimits
from models.contracts.phases import Phase
from models.rules.dag import find_cycle
from models.rules.ears import EarsError, parse_ears
from models.rules.evaluations.rule import (
    Rule,
    RuleTable,
    Verdict,
    all_but,
    duplicates_of,
    none_of,
    share,
)
from models.rules.evaluations.words import similar_pairs, stems

_REQUIREMENT_ID: Final = re.compile(r"REQ-\d{3,}")
_VAGUE: Final = re.compile(
    r"\b(?:fast(?:er)?|quick(?:ly)?|eas(?:y|ily)|user-friendly|appropriate(?:ly)?|etc|and/or|tbd|"
    r"intuitive(?:ly)?|robust|seamless(?:ly)?|as needed|if possible|flexible|simple|efficient(?:ly)?)"
    r"(?!\w)",
    re.IGNORECASE,
)
_UNMEASURABLE: Final = re.compile(
    r"\b(?:works?|correctly|properly|as expected|well|good|nice(?:ly)?|acceptable|reasonabl[ey]|"
    r"adequate(?:ly)?|sufficient(?:ly)?|optimal(?:ly)?|better|improved)\b",
    re.IGNORECASE,
)
_MEASURE: Final = re.compile("[0-9'\"`\u201c\u2018]")
_FEWEST_WORDS: Final = 4
_MUST_CRITERIA: Final = 2
_DUPLICATE: Final = 0.8
_REACHED: Final = 0.5
_KIND_SIGNS: Final[dict[str, re.Pattern[str]]] = {
    "security": re.compile(
        r"attack|leak|secret|passw|inject|privacy|permission|unauthor|spoof|forg(?:e|ing)|malicious",
        re.IGNORECASE,
    ),
    "performance": re.compile(
        r"slow|latency|throughput|overload|scal(?:e|ing)|memory", re.IGNORECASE
    ),
    "reliability": re.compile(
        r"crash|data loss|lost|corrupt|outage|concurren|race cond", re.IGNORECASE
    ),
    "usability": re.compile(r"confus|accessib|misread|misunderst", re.IGNORECASE),
}


@dataclass(frozen=True)
class RequirementsFacts:
    """What requirements are judged by; without an exploration its two rules hold."""

    document: Requirements
    exploration: Exploration | None = None
    limits: EvaluationLimits = DEFAULT_LIMITS

    @property
    def all(self) -> tuple[Requirement, ...]:
        """The requirements."""
        return self.document.requirements

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion of every requirement."""
        return tuple(c for r in self.all for c in r.acceptance_criteria)


def _ids_well_formed(facts: RequirementsFacts) -> Verdict:
    odd = [r.id for r in facts.all if not _REQUIREMENT_ID.fullmatch(r.id)]
    odd += [
        c.id
        for r in facts.all
        for c in r.acceptance_criteria
        if not re.fullmatch(rf"AC-{re.escape(r.id.removeprefix('REQ-'))}\.\d+", c.id)
    ]
    return none_of(odd)


def _ears(facts: RequirementsFacts) -> Verdict:
    faults: list[str] = []
    for requirement in facts.all:
        try:
            sentence = parse_ears(requirement.text)
        except EarsError as error:
            faults.append(f"{requirement.id}: {error}")
            continue
        if sentence.pattern != requirement.pattern:
            told = f"declared {requirement.pattern}, reads as {sentence.pattern}"
            faults.append(f"{requirement.id}: {told}")
    return none_of(faults)


def _dependencies(facts: RequirementsFacts) -> Verdict:
    ids = {r.id for r in facts.all}
    return none_of(f"{r.id} -> {d}" for r in facts.all for d in r.depends_on if d not in ids)


def _no_cycle(facts: RequirementsFacts) -> Verdict:
    cycle = find_cycle({r.id: r.depends_on for r in facts.all})
    return none_of([" -> ".join(cycle)] if cycle else [])


def _must_criteria(facts: RequirementsFacts) -> Verdict:
    return none_of(
        r.id
        for r in facts.all
        if r.priority == "must" and len(r.acceptance_criteria) < _MUST_CRITERIA
    )


def _one_response(facts: RequirementsFacts) -> Verdict:
    double = [r.id for r in facts.all if len(re.findall(r"\bshall\b", r.text.lower())) > 1]
    return all_but(double, len(facts.all))


def _no_vague_words(facts: RequirementsFacts) -> Verdict:
    vague: list[str] = []
    for r in facts.all:
        text = " ".join([r.text, *(c.text for c in r.acceptance_criteria)])
        words = dict.fromkeys(match.group().lower() for match in _VAGUE.finditer(text))
        if words:
            vague.append(f"{r.id}: {', '.join(words)}")
    return all_but(vague, len(facts.all))


def _measurable(facts: RequirementsFacts) -> Verdict:
    loose = [c.id for c in facts.criteria if not _is_measurable(c.text)]
    return all_but(loose, len(facts.criteria))


def _is_measurable(text: str) -> bool:
    """True unless it is a fragment, or a word of praise without a number or a quoted value."""
    if len(text.split()) < _FEWEST_WORDS:
        return False
    return not _UNMEASURABLE.search(text) or bool(_MEASURE.search(text))


def _scope_reached(facts: RequirementsFacts) -> Verdict:
    if facts.exploration is None:
        return Verdict(1)
    told = [
        stems(" ".join([r.title, r.text, *(c.text for c in r.acceptance_criteria)]))
        for r in facts.all
    ]
    items = facts.exploration.feature.in_scope
    missed = [item for item in items if not _reached(stems(item), told)]
    return all_but(missed, len(items))


def _reached(item: frozenset[str], told: list[frozenset[str]]) -> bool:
    return not item or any(len(item & words) >= _REACHED * len(item) for words in told)


def _kinds(facts: RequirementsFacts) -> Verdict:
    if facts.exploration is None:
        return Verdict(1)
    risks = " ".join(risk.risk for risk in facts.exploration.feature.risks)
    asked = [kind for kind, sign in _KIND_SIGNS.items() if sign.search(risks)]
    present = {r.kind for r in facts.all}
    return all_but([kind for kind in asked if kind not in present], len(asked))


def _no_duplicates(facts: RequirementsFacts) -> Verdict:
    pairs = similar_pairs([r.text for r in facts.all], _DUPLICATE)
    again = {second for _, second in pairs}
    where = tuple(f"{facts.all[a].id} ~ {facts.all[b].id}" for a, b in pairs)
    return Verdict(share(len(facts.all) - len(again), len(facts.all)), where)


def _not_too_many(facts: RequirementsFacts) -> Verdict:
    most, total = facts.limits.max_requirements, len(facts.all)
    return Verdict(1.0 if total <= most else most / total / 2, (f"{total}, at most {most}",))


REQUIREMENTS_RULES: Final = RuleTable[RequirementsFacts](
    Phase.REQUIREMENTS,
    (
        Rule(
            "not-empty",
            "there must be at least one requirement",
            lambda f: none_of([] if f.all else ["requirements"]),
        ),
        Rule(
            "ids-unique",
            "ids must occur once",
            lambda f: none_of(duplicates_of([*(r.id for r in f.all), *(c.id for c in f.criteria)])),
        ),
        Rule("ids-well-formed", "ids must read REQ-001, and AC-001.1 below it", _ids_well_formed),
        Rule("ears", "each text must parse as its declared EARS pattern", _ears),
        Rule("dependencies-resolve", "every depends_on must name a requirement", _dependencies),
        Rule("no-cycle", "the dependencies must have no cycle", _no_cycle),
        Rule(
            "must-criteria",
            f"each must needs at least {_MUST_CRITERIA} acceptance criteria",
            _must_criteria,
        ),
        Rule(
            "one-response", "one response, so one 'shall', for each requirement", _one_response, 2
        ),
        Rule("no-vague-words", "no vague words such as fast, easy or etc.", _no_vague_words, 3),
        Rule(
            "measurable-criteria",
            "criteria must say what is observed: a value, an output, a state; not 'works well'",
            _measurable,
            2,
        ),
        Rule(
            "scope-reached", "every in-scope item of explore needs a requirement", _scope_reached, 2
        ),
        Rule("kinds-for-risks", "a risk of explore needs a requirement of its kind", _kinds, 1),
        Rule("no-duplicates", "no two requirements may say the same", _no_duplicates, 2),
        Rule(
            "rationale",
            "say why each requirement is there",
            lambda f: all_but([r.id for r in f.all if not r.rationale.strip()], len(f.all)),
            weight=1,
        ),
        Rule("not-too-many", "no more requirements than a person can review", _not_too_many, 1),
    ),
)
