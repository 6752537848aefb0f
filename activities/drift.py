"""Drift: files that a spec cites and that have changed on the target branch since its base."""

from collections.abc import Iterator

from temporalio import activity

from activities.documents import read_stored
from activities.heartbeats import heartbeating
from activities.mirror import Mirrors
from models.contracts.documents import Design, Exploration
from models.contracts.plans import GeneratedDocument, TaskPlan
from models.contracts.repositories import DriftReport, FindDrift
from models.store.database import Database

_MOST_FILES = 100


class DriftActivities:
    """Compares the spec's base commit with the target branch's head; changes nothing."""

    def __init__(self, database: Database, mirrors: Mirrors) -> None:
        self._database = database
        self._mirrors = mirrors

    @activity.defn
    async def find_drift(self, request: FindDrift) -> DriftReport:
        """Name cited files that differ at the branch's head now.

        A folder that is cited stands for what is in it. A branch that is gone has not drifted.
        """
        async with heartbeating():
            cited = await self._cited(request)
            async with self._mirrors.locked(request.project_id) as mirror:
                await mirror.fetch()
                head = await mirror.head(request.base_branch)
            if head is None or head == request.base_commit:
                return DriftReport(head=head or request.base_commit)
            git = await self._mirrors.ensure_commit(request.project_id, request.base_commit)
            listed = await git.run(
                "diff-tree", "-r", "-z", "--name-only", "--no-renames", request.base_commit, head
            )
        changed = [name for name in listed.output.decode(errors="replace").split("\0") if name]
        prefix = f"{request.working_directory}/" if request.working_directory else ""
        hit = [name for name in changed if _is_cited(name.removeprefix(prefix), cited)]
        return DriftReport(head=head, files=tuple(hit[:_MOST_FILES]))

    async def _cited(self, request: FindDrift) -> set[str]:
        paths: set[str] = set()
        async with self._database.begin() as session:
            for phase, ref in request.documents.items():
                document = await read_stored(session, phase, ref)
                paths.update(path.strip("/") for path in _paths(document))
        return paths


def _paths(document: GeneratedDocument) -> Iterator[str]:
    match document:
        case Exploration():
            yield from (f.path for f in document.key_files)
            yield from (f.path for f in document.related_files)
        case Design():
            yield from (path for c in document.components for path in c.file_paths)
        case TaskPlan():
            yield from (path for task in document.tasks for path in task.files)
        case _:
            return


def _is_cited(name: str, cited: set[str]) -> bool:
    parts = name.split("/")
    return any("/".join(parts[:n]) in cited for n in range(1, len(parts) + 1))
