"""Short reads of Git for the API, which does no I/O of its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from temporalio import activity

from activities.mirror import FORGE, Mirror, Mirrors
from models.contracts.base import ProjectId
from models.contracts.forges import (
    Branch,
    Branches,
    ChangedFile,
    Changes,
    FoundRepositories,
    FoundRepository,
    Lookup,
    LookupResult,
    RepositoryProbe,
)
from models.errors import AppError, InvalidInput

_MOST_BRANCHES: Final = 1_000
_MOST_REPOSITORIES: Final = 100
_DEEPEST: Final = 4
_PATCH_BYTES: Final = 256 * 1024


class LookupActivities:
    """Reads; each may be repeated."""

    def __init__(self, mirrors: Mirrors, roots: tuple[Path, ...]) -> None:
        self._mirrors = mirrors
        self._roots = roots

    @activity.defn
    async def look_up(self, request: Lookup) -> LookupResult:
        """Answer one question about a repository.

        Raises:
            InvalidInput: it names no project.
        """
        if request.kind == "repositories":
            found = await asyncio.to_thread(self._repositories, request.query)
            return LookupResult(repositories=found)
        if request.project_id is None:
            msg = "This lookup needs a project."
            raise InvalidInput(msg)
        if request.kind == "probe":
            return LookupResult(probe=await self._probe(request.project_id))
        if request.kind == "branches":
            return LookupResult(branches=await self._branches(request.project_id))
        return LookupResult(changes=await self._changes(request.project_id, request))

    async def _probe(self, project_id: ProjectId) -> RepositoryProbe:
        try:
            async with self._mirrors.locked(project_id) as mirror:
                await mirror.fetch()
                default = await _default_branch(mirror)
                head = await mirror.head(default or mirror.project.default_branch)
                if head is None:
                    return RepositoryProbe(reachable=True, default_branch=default)
                spec = f"{head}:refs/heads/spec/specwright-probe"
                pushed = await mirror.git.attempt(
                    "push", "--dry-run", "--porcelain", "--", mirror.remote, spec
                )
        except AppError as error:
            return RepositoryProbe(reachable=False, problem=error.detail, code=error.stable_code)
        problem = None if pushed.exit_code == 0 else "A push would be refused."
        return RepositoryProbe(
            reachable=True,
            default_branch=default,
            can_push=problem is None,
            problem=problem,
            code=None if problem is None else "push-refused",
        )

    async def _branches(self, project_id: ProjectId) -> Branches:
        async with self._mirrors.locked(project_id) as mirror:
            await mirror.fetch()
            default = await _default_branch(mirror) or mirror.project.default_branch
            listed = await mirror.git.run(
                "for-each-ref", f"--count={_MOST_BRANCHES}",
                "--format=%(objectname) %(refname)", f"{FORGE}/",
            )  # fmt: skip
        pairs = (line.split(" ", 1) for line in listed.text.splitlines())
        named = ((head, ref.removeprefix(f"{FORGE}/")) for head, ref in pairs)
        return Branches(
            items=tuple(Branch(name=n, head=h, is_default=n == default) for h, n in named)
        )

    def _repositories(self, query: str) -> FoundRepositories:
        words = query.lower().split()
        found = (
            FoundRepository(name=path.name.removesuffix(".git"), path=str(path))
            for root in self._roots
            for path in _walk(root.resolve(), _DEEPEST)
            if all(word in str(path).lower() for word in words)
        )
        return FoundRepositories(
            items=tuple(sorted(found, key=lambda r: r.path))[:_MOST_REPOSITORIES]
        )

    async def _changes(self, project_id: ProjectId, request: Lookup) -> Changes:
        async with self._mirrors.locked(project_id) as mirror:
            await mirror.fetch()
            head = await mirror.head(request.head) or request.base
        span = f"{request.base}..{head}"
        git = self._mirrors.reader(project_id)
        counted = await git.run("diff", "--numstat", "-z", "--no-renames", span)
        patch = await git.run("diff", "--no-color", "--no-ext-diff", "--no-renames", span)
        return Changes(
            base=request.base,
            head=head,
            files=tuple(_files(counted.text)),
            patch=patch.output[:_PATCH_BYTES].decode(errors="replace"),
            truncated=len(patch.output) > _PATCH_BYTES,
        )


async def _default_branch(mirror: Mirror) -> str | None:
    """The forge's own default branch."""
    told = await mirror.git.attempt("ls-remote", "--symref", "--", mirror.remote, "HEAD")
    first = told.text.splitlines()[:1]
    words = first[0].split() if first else []
    named = len(words) > 1 and words[0] == "ref:"
    return words[1].removeprefix("refs/heads/") if named else None


def _walk(folder: Path, left: int) -> Iterator[Path]:
    """Repositories in a folder, not looked into."""
    if ((folder / "HEAD").is_file() and (folder / "objects").is_dir()) or (
        folder / ".git"
    ).exists():
        yield folder
    elif left and folder.is_dir() and not folder.is_symlink():
        try:
            inside = sorted(path for path in folder.iterdir() if path.is_dir())
        except OSError:
            return
        for path in inside:
            yield from _walk(path, left - 1)


def _files(text: str) -> Iterator[ChangedFile]:
    """Lines of ``git diff --numstat -z``: a dash stands for a binary file."""
    for line in text.split("\0"):
        added, _, rest = line.partition("\t")
        removed, _, path = rest.partition("\t")
        if path:
            yield ChangedFile(
                path=path,
                added=int(added) if added.isdigit() else None,
                removed=int(removed) if removed.isdigit() else None,
            )
