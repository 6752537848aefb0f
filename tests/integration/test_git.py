"""Git on the worker against a real bare remote."""

from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.mirror import Mirrors
from activities.repositories import RepositoryActivities
from models.contracts.artifacts import ArtifactKind, ArtifactRef
from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.repositories import (
    EnsureMirror,
    MergeCandidate,
    PrepareMerge,
    PublishBranch,
    PushMerge,
)
from models.errors import AppError, Conflict
from models.store import artifacts
from tests.integration.test_store import make_spec
from tests.support.stack import RunningStack
from workers.dev.demo.remote import git

BRANCH = "spec/feature-1"


class Bench:
    """A remote with its project, and the activities on it."""

    def __init__(self, stack: RunningStack, tmp_path: Path, project_id: ProjectId, remote: Path):
        mirrors = Mirrors(stack.database, tmp_path / "mirrors", (stack.data,))
        self.activities = RepositoryActivities(stack.database, mirrors)
        self.stack = stack
        self.tmp_path = tmp_path
        self.project_id = project_id
        self.remote = remote
        self.spec_id = SpecId(uuid4())
        self.env = ActivityEnvironment()

    async def base(self) -> str:
        request = EnsureMirror(project_id=self.project_id, base_branch="main")
        return (await self.env.run(self.activities.ensure_mirror, request)).base_commit

    async def publish(self) -> str:
        async with self.stack.database.begin() as session:
            ref = await artifacts.put(session, self.project_id, b"# D\n", ArtifactKind.MARKDOWN)
        request = PublishBranch(
            project_id=self.project_id,
            spec_id=self.spec_id,
            branch=BRANCH,
            base_commit=await self.base(),
            title="t",
            files={".spec/t-1/design.md": ref},
        )
        return (await self.env.run(self.activities.publish_branch, request)).head

    async def work(self, name: str, text: str) -> tuple[ArtifactRef, str]:
        """A bundle with one commit on the branch's head."""
        clone = self.tmp_path / uuid4().hex
        git(self.tmp_path, "clone", "-q", "-b", BRANCH, str(self.remote), clone.name)
        base = git(clone, "rev-parse", "HEAD")
        (clone / name).write_text(text)
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", f"change {name}")
        git(clone, "bundle", "create", "-q", "w.bundle", f"{base}..HEAD", "HEAD")
        content = (clone / "w.bundle").read_bytes()
        async with self.stack.database.begin() as session:
            ref = await artifacts.put(session, self.project_id, content, ArtifactKind.BUNDLE, "x/y")
        return ref, git(clone, "rev-parse", "HEAD")

    async def prepare(self, local_id: str, work: ArtifactRef, head: str) -> MergeCandidate:
        request = PrepareMerge(
            project_id=self.project_id,
            spec_id=self.spec_id,
            task_id=TaskId(uuid4()),
            local_id=local_id,
            title="title",
            branch=BRANCH,
            work=work,
            work_head=head,
        )
        return await self.env.run(self.activities.prepare_merge, request)

    async def push(self, candidate: MergeCandidate) -> bool:
        request = PushMerge(
            project_id=self.project_id,
            spec_id=self.spec_id,
            branch=BRANCH,
            commit=candidate.commit or "",
            expected=candidate.base,
        )
        return (await self.env.run(self.activities.push_merge, request)).pushed

    def head(self) -> str:
        return git(self.remote, "rev-parse", BRANCH)


@pytest.fixture
async def bench(stack: RunningStack, tmp_path: Path) -> Bench:
    remote = stack.remote()
    project = await stack.project(remote)
    made = Bench(stack, tmp_path, project.id, remote)
    made.spec_id = await make_spec(stack.database, project.id)
    return made


async def test_the_branch_begins_with_the_documents_and_is_made_once(bench: Bench) -> None:
    head = await bench.publish()
    assert await bench.publish() == head == bench.head()
    assert git(bench.remote, "show", f"{head}:.spec/t-1/design.md") == "# D"
    assert git(bench.remote, "rev-list", "--count", f"main..{BRANCH}") == "1"


async def test_a_retried_merge_makes_the_identical_commit_and_is_pushed_once(bench: Bench) -> None:
    await bench.publish()
    work, head = await bench.work("new.txt", "x\n")
    first = await bench.prepare("TSK-001", work, head)
    assert first.outcome == "candidate"
    assert await bench.prepare("TSK-001", work, head) == first
    assert await bench.push(first)
    assert await bench.push(first)
    merged = await bench.prepare("TSK-001", work, head)
    assert (merged.outcome, merged.commit) == ("merged", first.commit)
    assert git(bench.remote, "rev-list", "--merges", "--count", BRANCH) == "1"


async def test_a_conflict_names_its_paths_and_changes_nothing(bench: Bench) -> None:
    await bench.publish()
    one, one_head = await bench.work("README.md", "one\n")
    two, two_head = await bench.work("README.md", "two\n")
    assert await bench.push(await bench.prepare("TSK-001", one, one_head))
    before = bench.head()
    conflict = await bench.prepare("TSK-002", two, two_head)
    assert (conflict.outcome, conflict.conflicts) == ("conflict", ("README.md",))
    assert bench.head() == before


async def test_a_moved_branch_is_told_and_merged_onto(bench: Bench) -> None:
    await bench.publish()
    one, one_head = await bench.work("one.txt", "1\n")
    two, two_head = await bench.work("two.txt", "2\n")
    stale = await bench.prepare("TSK-002", two, two_head)
    assert await bench.push(await bench.prepare("TSK-001", one, one_head))
    assert not await bench.push(stale)
    assert await bench.push(await bench.prepare("TSK-002", two, two_head))
    files = git(bench.remote, "ls-tree", "--name-only", BRANCH).splitlines()
    assert {"one.txt", "two.txt"} <= set(files)


async def test_a_foreign_branch_of_our_name_is_a_conflict(bench: Bench) -> None:
    tree = git(bench.remote, "rev-parse", "main^{tree}")
    theirs = git(bench.remote, "commit-tree", tree, "-p", "main", "-m", "Theirs")
    git(bench.remote, "branch", BRANCH, theirs)
    with pytest.raises(Conflict) as caught:
        await bench.publish()
    assert caught.value.stable_code == "branch-exists"


async def test_a_branch_that_was_made_before_at_the_base_is_ours(bench: Bench) -> None:
    git(bench.remote, "branch", BRANCH, "main")
    made = await bench.publish()
    assert git(bench.remote, "rev-parse", BRANCH) == made
    assert made != git(bench.remote, "rev-parse", "main")


async def test_a_hook_of_the_remote_that_refuses_is_told(bench: Bench) -> None:
    hook = bench.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(AppError) as caught:
        await bench.publish()
    assert caught.value.stable_code == "repository-not-writable"


async def test_a_missing_base_branch_is_told(bench: Bench) -> None:
    request = EnsureMirror(project_id=bench.project_id, base_branch="nope")
    with pytest.raises(AppError) as caught:
        await bench.env.run(bench.activities.ensure_mirror, request)
    assert caught.value.stable_code == "branch-not-found"


async def test_a_path_outside_the_roots_is_refused(bench: Bench, stack: RunningStack) -> None:
    project = await stack.project(Path("/etc"))
    request = EnsureMirror(project_id=project.id, base_branch="main")
    with pytest.raises(AppError) as caught:
        await bench.env.run(bench.activities.ensure_mirror, request)
    assert caught.value.stable_code == "repository-path-not-allowed"
