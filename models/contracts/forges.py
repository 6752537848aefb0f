"""Short reads of Git for the API, and what people ask of the forge."""

from typing import Literal

from pydantic import Field, StrictBool

from models.contracts.base import Payload, ProjectId, Request, SpecId
from models.contracts.repositories import PullRequest

LOOKUP_WORKFLOW = "LookupWorkflow"
FORGE_WORKFLOW = "ForgeWorkflow"


class Lookup(Payload):
    """One short read; ``query`` belongs to ``repositories``, the commits to ``diff``."""

    kind: Literal["probe", "branches", "repositories", "diff"]
    project_id: ProjectId | None = None
    query: str = ""
    base: str = ""
    head: str = ""


class RepositoryProbe(Payload):
    """Whether a repository can be used; ``problem`` says what is wrong."""

    reachable: bool
    default_branch: str | None = None
    can_push: bool = False
    problem: str | None = None
    code: str | None = None


class Branch(Payload):
    """A branch of a repository."""

    name: str
    head: str
    is_default: bool = False


class Branches(Payload):
    """Branches of a repository by name, with their heads; at most 1,000."""

    items: tuple[Branch, ...]


class FoundRepository(Payload):
    """A repository that a project may be made of."""

    name: str
    path: str


class FoundRepositories(Payload):
    """Repositories whose path has the words; at most 100."""

    items: tuple[FoundRepository, ...]


class ChangedFile(Payload):
    """A file with its counts of lines; ``None`` for a binary one."""

    path: str
    added: int | None
    removed: int | None


class Changes(Payload):
    """What a spec's branch changes; ``patch`` holds at most 256 kB."""

    base: str
    head: str
    files: tuple[ChangedFile, ...]
    patch: str
    truncated: bool = False


class LookupResult(Payload):
    """The answer of a lookup: the field of its kind."""

    probe: RepositoryProbe | None = None
    branches: Branches | None = None
    repositories: FoundRepositories | None = None
    changes: Changes | None = None


class ForgeRequest(Payload):
    """Something to do on the forge for a spec, once by its nature."""

    kind: Literal["create_branch", "create_pull_request", "merge", "close"]
    spec_id: SpecId
    project_id: ProjectId
    by: str


class ForgeResult(Payload):
    """What is there now."""

    branch: str | None = None
    pull_request: PullRequest | None = None
    already_exists: bool = False


class CreatePullRequest(Request):
    """``force`` makes one although tasks are not merged."""

    force: StrictBool = False


class BranchCreatedAnswer(Payload):
    """The seeds' answer; a failure is a problem with its own status."""

    success: bool = True
    branch_name: str
    error: str | None = None


class PullRequestAnswer(Payload):
    """The seeds' answer; a failure is a problem with its own status."""

    success: bool = True
    pr_number: int
    pr_url: str
    already_exists: bool = Field(default=False)
    error: str | None = None
