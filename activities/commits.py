"""Commits that a worker makes without a work tree, the same bytes however often it makes them."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from activities.git import Git, explain

_IDENTITY: Final = {
    "GIT_AUTHOR_NAME": "Specwright",
    "GIT_AUTHOR_EMAIL": "bot@specwright.invalid",
    "GIT_COMMITTER_NAME": "Specwright",
    "GIT_COMMITTER_EMAIL": "bot@specwright.invalid",
}
_CONFLICT: Final = 1
_GONE: Final = f"0 {'0' * 40}"


async def commit_tree(git: Git, tree: str, parents: Sequence[str], message: str) -> str:
    """A commit with a fixed author and the date of its newest parent."""
    dates = [int((await git.run("log", "-1", "--format=%ct", parent)).text) for parent in parents]
    date = f"@{max(dates)} +0000"
    env = {**_IDENTITY, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    flags = [part for parent in parents for part in ("-p", parent)]
    made = await git.run("commit-tree", tree, *flags, stdin=message.encode(), env=env)
    return made.text


async def merge_trees(git: Git, ours: str, theirs: str) -> tuple[str | None, tuple[str, ...]]:
    """The tree of two commits merged without a work tree; None, and the paths, on a conflict.

    Raises:
        AppError: Git failed in another way.
    """
    merged = await git.attempt(
        "merge-tree", "--write-tree", "--name-only", "--no-messages", ours, theirs
    )
    if merged.exit_code not in {0, _CONFLICT}:
        raise explain(["merge-tree"], merged)
    tree, *conflicts = merged.text.splitlines()
    return (tree if merged.exit_code == 0 else None), tuple(conflicts)


async def tree_with(git: Git, start: str, entries: Mapping[str, str | None]) -> str:
    """The tree of a commit with some paths replaced: ``mode blob`` each, or None to leave it out."""
    with tempfile.TemporaryDirectory() as scratch:
        env = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        await git.run("read-tree", start, env=env)
        # Mode 0 takes an entry out; this form also works without a work tree.
        lines = [f"{entries[path] or _GONE}\t{path}\0" for path in sorted(entries)]
        await git.run("update-index", "-z", "--index-info", stdin="".join(lines).encode(), env=env)
        return (await git.run("write-tree", env=env)).text


async def with_files_of(git: Git, head: str, base: str, paths: Sequence[str]) -> str:
    """A commit on top of ``head`` whose ``paths`` are as in ``base``; ``head`` when they are."""
    entries: dict[str, str | None] = {}
    for path in paths:
        listed = (await git.run("ls-tree", base, "--", path)).text
        mode, _, rest = listed.partition(" ")
        entries[path] = f"{mode} {rest.split()[1]}" if listed else None
    if not entries:
        return head
    tree = await tree_with(git, head, entries)
    commit = await commit_tree(git, tree, [head], "Take the check's configuration from the base\n")
    await git.run("update-ref", f"refs/specwright/checks/{commit}", commit)
    return commit
