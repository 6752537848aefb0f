"""The worker's bare mirror of a repository: a per-host cache under a file lock."""

import asyncio
import fcntl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from activities.git import Git, GitResult, checked_remote, no_such_branch
from models.contracts.base import ProjectId
from models.contracts.projects import Project
from models.contracts.repositories import MirrorState
from models.errors import Unavailable
from models.rules.addresses import check_branch
from models.store import projects
from models.store.database import Database

FORGE = "refs/remotes/forge"


@dataclass(frozen=True)
class Mirror:
    """A project's mirror with the address of its forge."""

    project: Project
    git: Git
    remote: str

    async def fetch(self) -> None:
        """Bring every branch of the forge up to date."""
        spec = f"+refs/heads/*:{FORGE}/*"
        await self.git.run(
            "fetch",
            "--quiet",
            "--prune",
            "--no-tags",
            "--no-write-fetch-head",
            "--",
            self.remote,
            spec,
        )

    async def head(self, branch: str) -> str | None:
        """The commit of a forge's branch as last fetched, None when there is none."""
        found = await self.git.attempt(
            "rev-parse", "--verify", "--quiet", f"{FORGE}/{branch}^{{commit}}"
        )
        return found.text if found.exit_code == 0 else None

    async def push(self, commit: str, branch: str, expected: str) -> GitResult:
        """Push with the expected old value; an empty one means that there must be no branch."""
        lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
        refspec = f"{commit}:refs/heads/{branch}"
        done = await self.git.attempt("push", "--porcelain", lease, "--", self.remote, refspec)
        refusals = [line for line in done.text.splitlines() if line.startswith("!")]
        return GitResult(done.exit_code, done.output, "\n".join([done.errors, *refusals]).strip())


class Mirrors:
    """The mirrors on this host; any of them may be deleted and is rebuilt."""

    def __init__(
        self,
        database: Database,
        root: Path,
        roots: tuple[Path, ...],
        private_hosts: tuple[str, ...] = (),
    ) -> None:
        self._database = database
        self._root = root
        self._roots = roots
        self._private_hosts = private_hosts

    @asynccontextmanager
    async def locked(self, project_id: ProjectId) -> AsyncGenerator[Mirror]:
        """The mirror, while no other process on this host writes to it."""
        async with self._database.begin() as session:
            project = await projects.get(session, project_id)
        remote, local = await checked_remote(project.repository, self._roots, self._private_hosts)
        self._root.mkdir(parents=True, exist_ok=True)
        folder = self._root / f"{project_id}.git"
        lock = (self._root / f"{project_id}.lock").open("w")
        try:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            if not (folder / "HEAD").exists():
                await Git(self._root).run("init", "--quiet", "--bare", "--", str(folder))
            yield Mirror(project=project, git=Git(folder, local=local), remote=remote)
        finally:
            lock.close()

    def reader(self, project_id: ProjectId) -> Git:
        """Git in the mirror, for reads that need no lock."""
        return Git(self._root / f"{project_id}.git")

    async def ensure_commit(self, project_id: ProjectId, commit: str) -> Git:
        """Git in a mirror that has this commit, fetched when it is missing.

        Raises:
            Unavailable: the commit is not on the forge.
        """
        git = self.reader(project_id)
        if git.directory.is_dir() and await _has(git, commit):
            return git
        async with self.locked(project_id) as mirror:
            await mirror.fetch()
        if not await _has(git, commit):
            msg = f"The commit {commit[:12]} is not in the repository."
            raise Unavailable(msg, code="commit-missing")
        return git

    async def ensure(self, project_id: ProjectId, branch: str, *, check_push: bool) -> MirrorState:
        """Fetch, and find the base branch's head; see that a push would be taken.

        Raises:
            InvalidInput: the repository has no such branch.
            NotAllowed: the forge refuses a push.
        """
        check_branch(branch)
        async with self.locked(project_id) as mirror:
            await mirror.fetch()
            head = await mirror.head(branch)
            if head is None:
                raise no_such_branch(branch)
            if check_push:
                probe = f"{head}:refs/heads/spec/specwright-probe"
                await mirror.git.run("push", "--dry-run", "--porcelain", "--", mirror.remote, probe)
            return MirrorState(base_commit=head)


async def _has(git: Git, commit: str) -> bool:
    found = await git.attempt("cat-file", "-e", f"{commit}^{{commit}}")
    return found.exit_code == 0
