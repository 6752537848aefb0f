"""What the workflows ask of Git, and what Git answers."""

from typing import Literal

from pydantic import Field

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, SpecId, TaskId
from models.contracts.phases import Phase

SHA_PATTERN = r"^[0-9a-f]{40}([0-9a-f]{24})?$"


class EnsureMirror(Payload):
    """Bring the worker's bare mirror of a project up to date."""

    project_id: ProjectId
    base_branch: str
    check_push: bool = True


class MirrorState(Payload):
    """Where the base branch stood; a spec plans against this commit."""

    base_commit: str = Field(pattern=SHA_PATTERN)
    empty: bool = False


class PublishBranch(Payload):
    """Make the spec's branch on the forge, with the documents as its first commit.

    ``update`` also takes a branch that is there, and puts the documents on top of it.
    """

    project_id: ProjectId
    spec_id: SpecId
    branch: str
    base_commit: str = Field(pattern=SHA_PATTERN)
    title: str
    files: dict[str, ArtifactRef]
    update: bool = False


class BranchState(Payload):
    """A branch and its head on the forge."""

    branch: str
    head: str = Field(pattern=SHA_PATTERN)


class PrepareMerge(Payload):
    """Merge a task's work onto the head of the spec's branch, without pushing."""

    project_id: ProjectId
    spec_id: SpecId
    task_id: TaskId
    local_id: str
    title: str
    branch: str
    work: ArtifactRef
    work_head: str = Field(pattern=SHA_PATTERN)


class MergeCandidate(Payload):
    """The outcome of preparing a merge.

    ``commit`` is the merge commit when ``outcome`` is ``candidate`` or ``merged`` (already on the
    forge); ``conflicts`` are paths.
    """

    outcome: Literal["candidate", "merged", "conflict"]
    base: str
    commit: str | None = None
    conflicts: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


class FindCommit(Payload):
    """See that a commit is on a branch of the forge."""

    project_id: ProjectId
    branch: str
    commit: str = Field(pattern=SHA_PATTERN)


class FindMerges(Payload):
    """Find what of a spec is merged on its branch; the forge's ref is the truth."""

    project_id: ProjectId
    spec_id: SpecId
    branch: str


class FoundMerges(Payload):
    """Merge commits on the branch by the task's local id; empty without a branch."""

    commits: dict[str, str] = Field(default_factory=dict[str, str])


class PushMerge(Payload):
    """Push a checked merge commit, only if the branch still stands where it was."""

    project_id: ProjectId
    spec_id: SpecId
    branch: str
    commit: str = Field(pattern=SHA_PATTERN)
    expected: str = Field(pattern=SHA_PATTERN)


class PushResult(Payload):
    """``pushed`` is False when the branch had moved: prepare the merge again."""

    pushed: bool
    head: str


class OpenPullRequest(Payload):
    """Make the pull request of a spec, or find the one that exists."""

    project_id: ProjectId
    spec_id: SpecId
    branch: str
    base_branch: str
    title: str
    head: str = Field(pattern=SHA_PATTERN)


class PullRequest(Payload):
    """A pull request; on a bare remote it is our own record."""

    number: int
    url: str
    title: str
    body: str
    branch: str
    base_branch: str
    head: str
    state: Literal["open", "merged", "closed"] = "open"


class FindDrift(Payload):
    """Compare the target branch with a spec's base commit, for the files its documents cite."""

    project_id: ProjectId
    base_branch: str
    base_commit: str = Field(pattern=SHA_PATTERN)
    working_directory: str = ""
    documents: dict[Phase, ArtifactRef]


class DriftReport(Payload):
    """The branch's head, and cited files that differ there; none without drift."""

    head: str
    files: tuple[str, ...] = ()
