"""``make evaluation``: prints every document of the regression set with its verdict."""

import sys

from models.contracts.phases import GENERATED_PHASES
from tests.support.evaluations import broken_rules, judged, load_cases


def main() -> int:
    """Print the table; 1 when a verdict is not as it must be."""
    wrong = 0
    cases = load_cases()
    for phase in GENERATED_PHASES:
        print(f"\n{phase.value}")  # noqa: T201 - the table is the point
        for case in (case for case in cases if case.phase == phase):
            evaluation = judged(case)
            broken = broken_rules(evaluation)
            verdict = "pass" if evaluation.passed else "fail"
            right = verdict == case.verdict and set(broken) == set(case.breaks)
            wrong += not right
            mark = "" if right else f"  <-- must {case.verdict} by {', '.join(case.breaks) or '—'}"
            told = ", ".join(broken) or "—"
            print(f"  {verdict}  {evaluation.score:.2f}  {case.name:<52} {told}{mark}")  # noqa: T201
    print(f"\n{len(cases)} documents, {len(cases) - wrong} as they must be, {wrong} not")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
