"""Projects: a repository, how it proves itself, and the settings a spec starts from."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StringConstraints, field_validator

from models.contracts.base import Payload, ProjectId, Request
from models.contracts.budgets import BudgetLimits
from models.contracts.evaluations import EvaluationLimits
from models.contracts.phases import Phase

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Host = Annotated[str, StringConstraints(pattern=r"^(\*\.)?[A-Za-z0-9.-]{1,253}(:\d{1,5})?$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Command = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]


class GitHubRepository(Payload):
    """A repository on GitHub or GitHub Enterprise."""

    kind: Literal["github"] = "github"
    owner: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$")
    name: str = Field(pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}$")


class GitRepository(Payload):
    """Any Git repository: an https or ssh ``url``, or in local mode an absolute ``path``."""

    kind: Literal["git"] = "git"
    url: str | None = Field(default=None, max_length=2_000)
    path: str | None = Field(default=None, max_length=4_000)


Repository = Annotated[GitHubRepository | GitRepository, Field(discriminator="kind")]


class GatePolicy(Payload):
    """When a phase's gate opens: always, never, or below a score."""

    mode: Literal["auto", "ask", "auto_if_score"] = "ask"
    at_least: StrictFloat = Field(default=0.9, ge=0, le=1)


def default_gates() -> dict[Phase, GatePolicy]:
    """Ask at requirements, design and tasks; explore and sync pass by themselves."""
    ask, auto = GatePolicy(mode="ask"), GatePolicy(mode="auto")
    return {
        Phase.EXPLORE: auto,
        Phase.REQUIREMENTS: ask,
        Phase.DESIGN: ask,
        Phase.TASKS: ask,
        Phase.SYNC: auto,
    }


class Environment(Payload):
    """How the project is set up and proves itself.

    ``confirmed`` is True once a person has accepted the two commands; until then they run in a
    sandbox only and the explore gate opens under every policy. An empty ``setup_command`` means
    that nothing needs to be done. ``network_for_setup`` are the hosts that set-up may reach, by name
    (``pypi.org``, ``*.npmjs.org``, ``host:8080``); nothing else has a network. ``variables`` are set
    for every command and are no place for secrets.
    """

    setup_command: Command = ""
    check_command: Command = ""
    network_for_setup: tuple[Host, ...] = Field(default=(), max_length=100)
    variables: dict[VariableName, Annotated[str, StringConstraints(max_length=2_000)]] = Field(
        default_factory=dict[VariableName, str], max_length=100
    )
    confirmed: StrictBool = False


class ConfirmEnvironment(Payload):
    """The commands of a project that a person accepted at the explore gate."""

    project_id: ProjectId
    environment: Environment


class ProjectSettings(Payload):
    """Settings of a project; a spec starts with a copy and may override them.

    ``models`` and ``thresholds`` override one phase. ``gate_deadline`` is how long a gate waits
    before ``on_deadline`` holds, for ever when None. ``question_deadline`` is how long explore's
    questions wait for a person; None lets the assumed answers stand once explore is approved.
    ``steering`` is told to every model in addition to ``.spec/steering.md`` of the repository.
    """

    planner_model: str | None = None
    agent_model: str | None = None
    models: dict[Phase, str] = Field(default_factory=dict[Phase, str])
    max_attempts: StrictInt = Field(default=3, ge=1, le=10)
    threshold: StrictFloat = Field(default=0.7, ge=0, le=1)
    thresholds: dict[Phase, Annotated[StrictFloat, Field(ge=0, le=1)]] = Field(
        default_factory=dict[Phase, float]
    )
    limits: EvaluationLimits = EvaluationLimits()
    judge: Literal["off", "advisory", "blocking"] = "off"
    gates: dict[Phase, GatePolicy] = Field(default_factory=default_gates)
    gate_deadline: timedelta | None = Field(default=None, gt=timedelta(0), le=timedelta(days=364))
    on_deadline: Literal["remind", "approve", "reject"] = "remind"
    question_deadline: timedelta | None = Field(
        default=None, gt=timedelta(0), le=timedelta(days=364)
    )
    drift_policy: Literal["go_on", "ask", "re_explore"] = "go_on"
    budget: BudgetLimits = BudgetLimits()
    steering: str = Field(default="", max_length=20_000)
    max_parallel_tasks: StrictInt = Field(default=4, ge=1, le=50)
    max_rounds: StrictInt = Field(default=3, ge=1, le=10)
    max_turns: StrictInt = Field(default=200, ge=1, le=1_000)
    environment: Environment = Environment()

    @field_validator("gates")
    @classmethod
    def _every_phase_has_a_policy(cls, gates: dict[Phase, GatePolicy]) -> dict[Phase, GatePolicy]:
        return {**default_gates(), **gates}

    def threshold_of(self, phase: Phase) -> float:
        """The score that a document of this phase must reach."""
        return self.thresholds.get(phase, self.threshold)

    def overridden_by(self, other: "ProjectSettings | None") -> "ProjectSettings":
        """These settings with those fields of another that were given there."""
        if other is None:
            return self
        given = {name: getattr(other, name) for name in other.model_fields_set}
        return self.model_copy(update=given)


class Project(Payload):
    """A project as it is read; ``is_demo`` marks the one that the scripted model serves."""

    id: ProjectId
    name: str
    repository: Repository
    default_branch: str
    settings: ProjectSettings
    is_demo: bool = False
    archived_at: datetime | None = None
    created_at: datetime


class CreateProject(Request):
    """What makes a project."""

    name: Name
    repository: Repository
    default_branch: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "main"
    settings: ProjectSettings = ProjectSettings()


class UpdateProject(Request):
    """Fields of a project to change; those not given stay."""

    name: Name | None = None
    default_branch: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    settings: ProjectSettings | None = None


class Steering(Request):
    """Notes that every model of the project reads."""

    text: str = Field(max_length=20_000)


class ProjectPage(Payload):
    """One page of projects, newest first; ``next_cursor`` is None on the last."""

    items: tuple[Project, ...]
    next_cursor: str | None = None
