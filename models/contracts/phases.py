"""The one list of phases; workflow, API and UI read it and repeat nothing."""

from enum import StrEnum
from typing import Final

from models.contracts.base import Payload


class Phase(StrEnum):
    """The phases of a spec, in order."""

    EXPLORE = "explore"
    REQUIREMENTS = "requirements"
    DESIGN = "design"
    TASKS = "tasks"
    SYNC = "sync"


class PhaseInfo(Payload):
    """What a person reads about a phase."""

    phase: Phase
    title: str
    meaning: str


PHASES: Final = tuple(Phase)
GENERATED_PHASES: Final = (Phase.EXPLORE, Phase.REQUIREMENTS, Phase.DESIGN, Phase.TASKS)
PHASE_INFO: Final = (
    PhaseInfo(
        phase=Phase.EXPLORE, title="Explore", meaning="Reads the code and frames the feature"
    ),
    PhaseInfo(
        phase=Phase.REQUIREMENTS, title="Requirements", meaning="Says in EARS what must be true"
    ),
    PhaseInfo(phase=Phase.DESIGN, title="Design", meaning="Says how: components, data, errors"),
    PhaseInfo(phase=Phase.TASKS, title="Tasks", meaning="Breaks the design into tasks with checks"),
    PhaseInfo(
        phase=Phase.SYNC, title="Sync", meaning="Computes coverage and makes tickets and tasks"
    ),
)
