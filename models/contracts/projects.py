"""Projects: a repository, how it proves itself, and the settings a spec starts from."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from models.contracts.base import Payload, ProjectId, Request
from models.contracts.phases import Phase

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
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
    at_least: float = Field(default=0.9, ge=0, le=1)


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
    that nothing needs to be done.
    """

    setup_command: Command = ""
    check_command: Command = ""
    confirmed: bool = False


class ConfirmEnvironment(Payload):
    """The commands of a project that a person accepted at the explore gate."""

    project_id: ProjectId
    environment: Environment


class ProjectSettings(Payload):
    """Settings of a project; a spec starts with a copy and may override them."""

    planner_model: str | None = None
    agent_model: str | None = None
    max_attempts: int = Field(default=3, ge=1, le=10)
    threshold: float = Field(default=0.7, ge=0, le=1)
    gates: dict[Phase, GatePolicy] = Field(default_factory=default_gates)
    max_parallel_tasks: int = Field(default=4, ge=1, le=50)
    max_rounds: int = Field(default=3, ge=1, le=10)
    max_turns: int = Field(default=200, ge=1, le=1_000)
    environment: Environment = Environment()

    @field_validator("gates")
    @classmethod
    def _every_phase_has_a_policy(cls, gates: dict[Phase, GatePolicy]) -> dict[Phase, GatePolicy]:
        return {**default_gates(), **gates}


class Project(Payload):
    """A project as it is read; ``is_demo`` marks the one that the scripted model serves."""

    id: ProjectId
    name: str
    repository: Repository
    default_branch: str
    settings: ProjectSettings
    is_demo: bool = False
    created_at: datetime


class CreateProject(Request):
    """What makes a project."""

    name: Name
    repository: Repository
    default_branch: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "main"
    settings: ProjectSettings = ProjectSettings()


class ProjectPage(Payload):
    """One page of projects, newest first; ``next_cursor`` is None on the last."""

    items: tuple[Project, ...]
    next_cursor: str | None = None
