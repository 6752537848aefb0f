"""Good documents to vary: those of the demo's script, as contracts."""

from typing import Any

from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.plans import TaskPlan
from workers.dev.demo.documents import PHASE_TURNS


def _submitted(phase: str) -> dict[str, Any]:
    last_attempt = PHASE_TURNS[phase][-1]
    return next(value for name, value in last_attempt[-1] if name == "submit")


def good_exploration() -> Exploration:
    return Exploration.model_validate(_submitted("explore"))


def good_requirements() -> Requirements:
    return Requirements.model_validate(_submitted("requirements"))


def weak_requirements() -> Requirements:
    first_attempt = PHASE_TURNS["requirements"][0]
    return Requirements.model_validate(first_attempt[-1][0][1])


def good_design() -> Design:
    return Design.model_validate(_submitted("design"))


def good_plan() -> TaskPlan:
    return TaskPlan.model_validate(_submitted("tasks"))
