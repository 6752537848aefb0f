"""Git for the workflows: mirror, spec branch, merge candidates, pushes.

The forge's ref is the truth. Commits of ours have fixed authors and dates taken from their
parents, so that a retry makes the identical commit.
"""

import tempfile

from temporalio import activity

from activities.commits import commit_tree, merge_trees, tree_with
from activities.git import explain
from activities.heartbeats import heartbeating
from activities.mirror import Mirror, Mirrors
from models.contracts.base import SpecId
from models.contracts.events import NewEvent
from models.contracts.facts import ForeignCommits
from models.contracts.repositories import (
    BranchState,
    EnsureMirror,
    FindCommit,
    FindMerges,
    FoundMerges,
    MergeCandidate,
    MirrorState,
    PrepareMerge,
    PublishBranch,
    PushMerge,
    PushResult,
)
from models.errors import Conflict
from models.rules.paths import is_inside
from models.store import artifacts, events, specs
from models.store.database import Database


class RepositoryActivities:
    """Git on the worker's mirrors; every method may be repeated without a second effect."""

    def __init__(self, database: Database, mirrors: Mirrors) -> None:
        self._database = database
        self._mirrors = mirrors

    @activity.defn
    async def ensure_mirror(self, request: EnsureMirror) -> MirrorState:
        """Bring the mirror up to date and find the base commit."""
        async with heartbeating():
            return await self._mirrors.ensure(
                request.project_id, request.base_branch, check_push=request.check_push
            )

    @activity.defn
    async def publish_branch(self, request: PublishBranch) -> BranchState:
        """Make the spec's branch, with its documents as first commit, unless it is ours already.

        Without documents, for a quick task, it begins at the base itself.

        Raises:
            Conflict: the forge has a branch of this name that is not this spec's.
        """
        async with heartbeating(), self._mirrors.locked(request.project_id) as mirror:
            await mirror.fetch()
            head = await mirror.head(request.branch)
            if head is not None and request.update:
                return await self._update_documents(mirror, request, head)
            commit = request.base_commit
            if request.files:
                commit = await self._documents_commit(mirror, request, request.base_commit)
            if head is None or head == request.base_commit:  # a person may have made it before
                pushed = await mirror.push(commit, request.branch, head or "")
                if pushed.exit_code != 0:
                    raise explain(["push"], pushed)
                return BranchState(branch=request.branch, head=commit)
            contained = await mirror.git.attempt("merge-base", "--is-ancestor", commit, head)
            if contained.exit_code != 0:
                msg = f"The forge already has another branch {request.branch}."
                raise Conflict(msg, code="branch-exists")
            return BranchState(branch=request.branch, head=head)

    async def _update_documents(
        self, mirror: Mirror, request: PublishBranch, head: str
    ) -> BranchState:
        """Put the documents on top of a branch that is there; unchanged ones make no commit."""
        commit = await self._documents_commit(mirror, request, head)
        same = await mirror.git.attempt("diff-tree", "--quiet", head, commit)
        if same.exit_code == 0:
            return BranchState(branch=request.branch, head=head)
        pushed = await mirror.push(commit, request.branch, head)
        if pushed.exit_code != 0:
            raise explain(["push"], pushed)
        return BranchState(branch=request.branch, head=commit)

    async def _documents_commit(self, mirror: Mirror, request: PublishBranch, parent: str) -> str:
        git = mirror.git
        entries: dict[str, str | None] = {}
        for path in sorted(request.files):
            if not is_inside(path):
                msg = f"{path} is not a path inside the repository."
                raise Conflict(msg, code="path-outside")
            async with self._database.begin() as session:
                content, _ = await artifacts.get(session, request.files[path].sha256)
            blob = await git.run("hash-object", "-w", "--stdin", stdin=content)
            entries[path] = f"100644 {blob.text}"
        tree = await tree_with(git, parent, entries)
        message = f"Specify: {request.title}\n\nSpecwright-Spec: {request.spec_id}\n"
        return await commit_tree(git, tree, [parent], message)

    @activity.defn
    async def prepare_merge(self, request: PrepareMerge) -> MergeCandidate:
        """Merge a task's work onto the branch's head without a work tree, and push nothing."""
        async with heartbeating(), self._mirrors.locked(request.project_id) as mirror:
            await mirror.fetch()
            head = await mirror.head(request.branch)
            if head is None:
                msg = f"The branch {request.branch} is gone from the forge."
                raise Conflict(msg, code="branch-gone")
            merged = await _merged_as(mirror, head, request)
            if merged is not None:
                return MergeCandidate(outcome="merged", base=head, commit=merged)
            await self._tell_foreign(mirror, request, head)
            await self._import_work(mirror, request)
            tree, conflicts = await merge_trees(mirror.git, head, request.work_head)
            if tree is None:
                return MergeCandidate(outcome="conflict", base=head, conflicts=conflicts)
            message = (
                f"Merge {request.local_id}: {request.title}\n\n"
                f"Specwright-Spec: {request.spec_id}\nSpecwright-Task: {request.local_id}\n"
            )
            commit = await commit_tree(mirror.git, tree, [head, request.work_head], message)
            await mirror.git.run("update-ref", f"refs/specwright/candidates/{commit}", commit)
            return MergeCandidate(outcome="candidate", base=head, commit=commit)

    @activity.defn
    async def find_merges(self, request: FindMerges) -> FoundMerges:
        """The tasks that are merged on the branch, also those whose run did not live to say so."""
        async with heartbeating(), self._mirrors.locked(request.project_id) as mirror:
            await mirror.fetch()
            head = await mirror.head(request.branch)
            merged = await _merges(mirror, head, request.spec_id) if head is not None else []
        return FoundMerges(commits={local_id: commit for commit, local_id in reversed(merged)})

    async def _tell_foreign(self, mirror: Mirror, request: PrepareMerge, head: str) -> None:
        """Put commits on the branch that are not ours on record, each once."""
        async with self._database.begin() as session:
            base = (await specs.get_view(session, request.spec_id)).base_commit
        if base is None:
            return
        log = await mirror.git.run(
            "log", "--first-parent", "--reverse", "--max-count=200",
            "--format=%H %(trailers:key=Specwright-Spec,valueonly,separator=%x20)", f"{base}..{head}",
        )  # fmt: skip
        foreign = tuple(line.strip() for line in log.text.splitlines() if not line.split()[1:])
        if foreign:
            fact = ForeignCommits(branch_name=request.branch, commits=foreign)
            new = NewEvent(dedup_key=f"foreign/{foreign[-1]}", fact=fact)
            async with self._database.begin() as session:
                await events.append(session, request.project_id, request.spec_id, [new])

    @activity.defn
    async def find_commit(self, request: FindCommit) -> None:
        """See that a commit is on a branch.

        Raises:
            Conflict: it is not (``commit-not-found``).
        """
        async with heartbeating(), self._mirrors.locked(request.project_id) as mirror:
            await mirror.fetch()
            head = await mirror.head(request.branch)
            found = await mirror.git.attempt(
                "merge-base", "--is-ancestor", request.commit, head or "HEAD"
            )
        if head is None or found.exit_code != 0:
            msg = f"The commit {request.commit[:12]} is not on the branch {request.branch}."
            raise Conflict(msg, code="commit-not-found")

    async def _import_work(self, mirror: Mirror, request: PrepareMerge) -> None:
        async with self._database.begin() as session:
            content, _ = await artifacts.get(session, request.work.sha256)
        await import_bundle(mirror, content, request.work_head)

    @activity.defn
    async def push_merge(self, request: PushMerge) -> PushResult:
        """Push a checked merge commit; a moved branch is told, not overwritten."""
        async with heartbeating(), self._mirrors.locked(request.project_id) as mirror:
            pushed = await mirror.push(request.commit, request.branch, request.expected)
            await mirror.fetch()
            head = await mirror.head(request.branch)
            if head is None:
                raise explain(["push"], pushed)
            contained = await mirror.git.attempt(
                "merge-base", "--is-ancestor", request.commit, head
            )
            if contained.exit_code == 0:
                return PushResult(pushed=True, head=head)
            if head == request.expected:
                raise explain(["push"], pushed)
            return PushResult(pushed=False, head=head)


async def import_bundle(mirror: Mirror, content: bytes, head: str) -> None:
    """Bring a bundle's commits into the mirror under a ref of ours."""
    with tempfile.NamedTemporaryFile(suffix=".bundle") as file:
        file.write(content)
        file.flush()
        await mirror.git.run(
            "-c", "protocol.file.allow=always", "fetch", "--quiet", "--no-tags",
            "--no-write-fetch-head", "--", file.name, f"+HEAD:refs/specwright/work/{head}",
        )  # fmt: skip


async def _merged_as(mirror: Mirror, head: str, request: PrepareMerge) -> str | None:
    """The merge commit of this task on the branch, None when it is not merged yet."""
    for commit, local_id in await _merges(mirror, head, request.spec_id):
        if local_id == request.local_id:
            parents = (await mirror.git.run("rev-list", "--parents", "-1", commit)).text.split()
            if request.work_head in parents:
                return commit
    return None


async def _merges(mirror: Mirror, head: str, spec_id: SpecId) -> list[tuple[str, str]]:
    """Merge commits of a spec on a branch with their tasks' local ids, newest first."""
    log = await mirror.git.run(
        "log", "--first-parent", "--max-count=2000",
        "--format=%H %(trailers:key=Specwright-Spec,valueonly,separator=%x20)"
        " %(trailers:key=Specwright-Task,valueonly,separator=%x20)", head,
    )  # fmt: skip
    lines = [line.split() for line in log.text.splitlines()]
    return [(words[0], words[2]) for words in lines if words[1:2] == [str(spec_id)] and words[2:]]
