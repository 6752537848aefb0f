"""The regression set of documents: what each is, how it is made, and the verdict it must get."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import JsonValue

from models.contracts.checks import CheckEvidence, CheckPurpose
from models.contracts.evaluations import Evaluation, EvaluationLimits
from models.contracts.phases import Phase
from models.contracts.plans import DOCUMENT_TYPES
from models.rules.evaluations.documents import Surroundings, evaluate_json
from tests.support.documents import (
    good_design,
    good_exploration,
    good_plan,
    good_requirements,
)

FOLDER = Path(__file__).parents[1] / "evaluation"
PATHS = frozenset(
    {
        "ledger", "tests", "ledger/cli.py", "ledger/reports.py", "ledger/storage.py",
        "ledger/money.py", "CONTRIBUTING.md", "tests/test_cli.py",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A document; ``breaks`` are the rules that it must break, and no other."""

    phase: Phase
    name: str
    verdict: str
    breaks: tuple[str, ...]
    document: JsonValue
    around: Surroundings
    why: str


def evidence(*, passed: bool) -> CheckEvidence:
    return CheckEvidence(
        purpose=CheckPurpose.BASELINE,
        commit="0" * 40,
        command="true",
        passed=passed,
        exit_code=0 if passed else 1,
        duration_seconds=0.1,
        tail="",
    )


def good(phase: Phase) -> dict[str, Any]:
    made = {
        Phase.EXPLORE: good_exploration,
        Phase.REQUIREMENTS: good_requirements,
        Phase.DESIGN: good_design,
        Phase.TASKS: good_plan,
    }
    return made[phase]().model_dump(mode="json")


def surroundings(**change: Any) -> Surroundings:
    around: dict[str, Any] = {
        "paths": PATHS,
        "baseline": evidence(passed=True),
        "exploration": good_exploration(),
        "requirements": good_requirements(),
        "design": good_design(),
    }
    return Surroundings(**{**around, **change})


def changed(document: Any, changes: dict[str, Any]) -> Any:
    """A copy with values put at dotted places; ``$drop`` removes one, ``$repeat`` multiplies one,
    ``$number`` fills a list up with numbered copies of its first."""
    document = copy.deepcopy(document)
    for place, value in changes.items():
        *parents, last = place.split(".")
        node: Any = document
        for part in parents:
            node = node[_key(part)]
        key = _key(last)
        if value == "$drop":
            del node[key]
        elif isinstance(value, dict) and "$repeat" in value:
            node[key] = node[key] * int(cast(dict[str, int], value)["$repeat"])
        elif isinstance(value, dict) and "$number" in value:
            first: dict[str, Any] = node[key][0]
            more = range(len(node[key]) + 1, cast(dict[str, int], value)["$number"] + 1)
            node[key] += [{**first, "id": f"{first['id'][:4]}{n:03d}"} for n in more]
        elif isinstance(key, int) and key == len(node):
            node.append(value)
        else:
            node[key] = value
    return document


def _key(part: str) -> int | str:
    return int(part) if part.isdigit() else part


def load_cases() -> list[Case]:
    """Every case of every phase, in the order of the files."""
    return [case for phase in Phase if phase != Phase.SYNC for case in _of(phase)]


def _of(phase: Phase) -> list[Case]:
    text = (FOLDER / f"{phase.value}.yaml").read_text(encoding="utf-8")
    return [_case(phase, entry) for entry in yaml.safe_load(text)]


def _case(phase: Phase, entry: dict[str, Any]) -> Case:
    document = entry.get("document", good(phase))
    if "change" in entry and isinstance(document, dict):
        document = changed(document, entry["change"])
    around = surroundings()
    if "baseline" in entry:
        state = entry["baseline"]
        accepted = state == "accepted"
        proof = None if state == "none" else evidence(passed=False)
        around = surroundings(baseline=proof, baseline_accepted=accepted)
    if "around" in entry:
        around = surroundings(
            **{name: _near(name, entry["around"][name]) for name in entry["around"]}
        )
    return Case(
        phase=phase,
        name=entry["name"],
        verdict=entry["verdict"],
        breaks=tuple(entry.get("breaks", ())),
        document=document,
        around=around,
        why=entry.get("why", ""),
    )


def _near(name: str, changes: dict[str, Any]) -> Any:
    """A good document of another phase with changes, or other limits."""
    if name == "limits":
        return EvaluationLimits.model_validate(changes)
    phase = {"exploration": Phase.EXPLORE}.get(name) or Phase(name)
    return DOCUMENT_TYPES[phase].model_validate(changed(good(phase), changes))


def judged(case: Case, threshold: float = 0.7) -> Evaluation:
    """The evaluation of a case."""
    return evaluate_json(case.phase, case.document, case.around, threshold)


def broken_rules(evaluation: Evaluation) -> tuple[str, ...]:
    """The rules that were not met in full, in the table's order."""
    return tuple(f.rule for f in evaluation.findings if f.failed)
