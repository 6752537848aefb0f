"""Workspaces: a depth-1 clone goes in as a tar, commits come out as a bundle."""

import asyncio
import io
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from activities.git import Git
from activities.mirror import Mirrors
from activities.sandboxes.port import GIT_IDENTITY, JOURNAL, WORKSPACE_MARKER, Sandbox
from models.contracts.base import ProjectId
from models.errors import TooLarge, Unavailable

_BUNDLE: Final = f"{JOURNAL}/work.bundle"
_CHECKPOINT: Final = f"{JOURNAL}/checkpoint.bundle"
_BUNDLE_LIMIT: Final = 64 * 1024 * 1024
_MINUTES: Final = timedelta(minutes=5)
_LOAD: Final = """
set -e
find . -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +
mkdir .git
tar -xf - -C .git
git config core.bare false
git checkout -q -f -B work "$1"
"""
_EXPORT: Final = """
set -e
git add -A
git diff --cached --quiet || git commit -q --no-verify -m "$2"
head=$(git rev-parse HEAD)
[ "$head" = "$1" ] && exit 0
rm -f "$3"
git bundle create -q "$3" "$1..HEAD" HEAD
echo "$head"
git diff --name-only -z "$1" HEAD | tr '\\0' '\\n'
"""
# A commit of everything that lies there, without a touch to the agent's index and branch; its date is
# its parent's, so that an unchanged workspace makes the same commit.
_SAVE: Final = """
set -e
head=$(git rev-parse HEAD)
export GIT_INDEX_FILE=/journal/checkpoint.index
rm -f "$GIT_INDEX_FILE"
git read-tree HEAD
git add -A
tree=$(git write-tree)
[ "$tree" = "$(git rev-parse "$1^{tree}")" ] && [ "$head" = "$1" ] && exit 0
GIT_AUTHOR_DATE="@$(git log -1 --format=%ct) +0000"
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"
commit=$(git commit-tree "$tree" -p "$head" -m "Work in progress")
echo "$head $commit"
[ "$commit" = "$2" ] && exit 0
git update-ref refs/specwright/checkpoint "$commit"
rm -f "$3"
git bundle create -q "$3" "$1..refs/specwright/checkpoint"
"""
_RESTORE: Final = """
set -e
git fetch -q --no-tags "$3" +refs/specwright/checkpoint:refs/specwright/checkpoint
git checkout -q -f -B work "$1"
git reset -q --mixed "$2"
"""


@dataclass(frozen=True)
class Saved:
    """A workspace as it lay: the agent's head, our commit on top, and ``base..commit`` as bundle.

    ``bundle`` is None when the commit is the one that was saved before.
    """

    head: str
    commit: str
    bundle: bytes | None


@dataclass(frozen=True)
class Work:
    """What an agent committed: a bundle ``base..head`` and the paths it changed."""

    bundle: bytes
    head: str
    changed_files: tuple[str, ...]


class Workspaces:
    """Fills and empties the workspaces of sandboxes."""

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors

    async def load(
        self, sandbox: Sandbox, project_id: ProjectId, commit: str, *, key: str = ""
    ) -> None:
        """Check out ``commit`` in the sandbox, unless this very load was done before.

        Raises:
            Unavailable: the commit or the sandbox is away.
        """
        mark = f"{commit} {key}".encode()
        if await sandbox.get(WORKSPACE_MARKER) == mark:
            return
        git = await self._mirrors.ensure_commit(project_id, commit)
        packed = await _pack(git, commit)
        done = await sandbox.run(_LOAD, commit, stdin=packed, within=_MINUTES)
        if done.exit_code != 0:
            msg = f"The workspace could not be checked out: {done.stderr[-300:]}"
            raise Unavailable(msg, code="workspace-failed")
        await sandbox.put(WORKSPACE_MARKER, mark)

    async def save(self, sandbox: Sandbox, base: str, last: str) -> Saved | None:
        """Bundle what lies in the workspace, committed or not; None when that is the base.

        ``last`` is the commit that was saved before, which is not bundled again.
        """
        done = await sandbox.run(_SAVE, base, last, _CHECKPOINT, env=GIT_IDENTITY, within=_MINUTES)
        if done.exit_code != 0:
            msg = f"The work could not be saved: {done.stderr[-300:]}"
            raise Unavailable(msg, code="workspace-failed")
        if not done.stdout.strip():
            return None
        head, commit = done.stdout.split()[:2]
        if commit == last:
            return Saved(head=head, commit=commit, bundle=None)
        bundle = await sandbox.get(_CHECKPOINT)
        if bundle is None or len(bundle) > _BUNDLE_LIMIT:
            msg = "The work of this task is larger than 64 MB."
            raise TooLarge(msg, code="work-too-large")
        return Saved(head=head, commit=commit, bundle=bundle)

    async def restore(self, sandbox: Sandbox, head: str, commit: str, bundle: bytes) -> None:
        """Put saved work back into a workspace that was loaded at its base."""
        await sandbox.put(_CHECKPOINT, bundle)
        done = await sandbox.run(_RESTORE, commit, head, _CHECKPOINT, within=_MINUTES)
        if done.exit_code != 0:
            msg = f"The saved work could not be put back: {done.stderr[-300:]}"
            raise Unavailable(msg, code="workspace-failed")

    async def export(self, sandbox: Sandbox, base: str, message: str) -> Work | None:
        """Commit what lies in the workspace and bundle it; None when HEAD is still the base.

        Raises:
            TooLarge: the bundle is over 64 MB.
        """
        done = await sandbox.run(_EXPORT, base, message, _BUNDLE, env=GIT_IDENTITY, within=_MINUTES)
        if done.exit_code != 0:
            msg = f"The work could not be committed: {done.stderr[-300:]}"
            raise Unavailable(msg, code="workspace-failed")
        if not done.stdout:
            return None
        head, *changed = done.stdout.splitlines()
        bundle = await sandbox.get(_BUNDLE)
        if bundle is None or len(bundle) > _BUNDLE_LIMIT:
            msg = "The work of this task is larger than 64 MB."
            raise TooLarge(msg, code="work-too-large")
        return Work(bundle=bundle, head=head, changed_files=tuple(changed))


async def _pack(git: Git, commit: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone.git"
        local = Git(Path(scratch), local=True)
        await local.run("init", "--quiet", "--bare", "--", str(clone))
        await Git(clone, local=True).run(
            "fetch", "--quiet", "--depth=1", "--no-tags",
            "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true upload-pack",
            "--", str(git.directory.resolve()), f"{commit}:refs/heads/base",
        )  # fmt: skip
        return await asyncio.to_thread(_tar, clone)


def _tar(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for entry in sorted(folder.iterdir()):
            if entry.name != "hooks":
                archive.add(entry, arcname=entry.name)
    return packed.getvalue()
