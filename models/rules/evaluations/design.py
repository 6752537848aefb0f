"""Rules of design."""

from models.contracts.documents import Design, Requirements
from models.contracts.evaluations import Evaluation
from models.contracts.phases import Phase
from models.rules.evaluations.rule import conclude, duplicates_of, hard, share, weighted
from models.rules.paths import is_inside

_WORDS = 30


def evaluate_design(document: Design, requirements: Requirements, threshold: float) -> Evaluation:
    """Judge a design against the approved requirements."""
    components = document.components
    known = {r.id for r in requirements.requirements}
    claimed = {i for c in components for i in c.requirement_ids}
    musts = [r.id for r in requirements.requirements if r.priority == "must"]
    dangling = [f"{c.id} -> {i}" for c in components for i in c.requirement_ids if i not in known]
    outside = [path for c in components for path in c.file_paths if not is_inside(path)]
    vague = [c.id for c in components if not c.responsibility]
    bare = [c.id for c in components if not c.interfaces]
    findings = (
        hard("musts-claimed", [i for i in musts if i not in claimed], "no component claims these"),
        hard("references-resolve", dangling, "these requirements do not exist"),
        hard("ids-unique", duplicates_of([c.id for c in components]), "ids must be unique"),
        hard("paths-inside", outside, "paths must be relative and inside the repository"),
        weighted(
            "overview-substance",
            2,
            share(min(len(document.overview.split()), _WORDS), _WORDS),
            f"the overview should say more: at least {_WORDS} words",
            ["overview"],
        ),
        weighted(
            "responsibilities",
            1,
            share(len(components) - len(vague), len(components)),
            "say what each component is responsible for",
            vague,
        ),
        weighted(
            "interfaces",
            1,
            share(len(components) - len(bare), len(components)),
            "name each component's interfaces",
            bare,
        ),
        weighted(
            "tests-named", 2, float(bool(document.testing.unit)), "name unit tests", ["testing"]
        ),
        weighted(
            "error-handling",
            1,
            float(bool(document.error_handling)),
            "say what happens when something goes wrong",
            ["error_handling"],
        ),
    )
    return conclude(Phase.DESIGN, findings, threshold)
