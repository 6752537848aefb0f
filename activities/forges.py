"""What people ask of the forge beside a run: a branch, a pull request, its merge or its end."""

from temporalio import activity

from activities.commits import commit_tree, merge_trees
from activities.git import explain
from activities.heartbeats import heartbeating
from activities.mirror import Mirror, Mirrors
from activities.pull_requests import PullRequestActivities
from activities.repositories import RepositoryActivities
from models.contracts.base import ProjectId, SpecId
from models.contracts.events import EventSource, Fact, NewEvent
from models.contracts.facts import BranchCreated, PullRequestMoved
from models.contracts.forges import ForgeRequest, ForgeResult
from models.contracts.repositories import OpenPullRequest, PublishBranch, PullRequest
from models.errors import Conflict
from models.store import events, specs
from models.store.database import Database


class ForgeActivities:
    """Each looks before it acts, so that a repeat finds what is there."""

    def __init__(
        self,
        database: Database,
        mirrors: Mirrors,
        repositories: RepositoryActivities,
        pull_requests: PullRequestActivities,
    ) -> None:
        self._database = database
        self._mirrors = mirrors
        self._repositories = repositories
        self._pull_requests = pull_requests

    @activity.defn
    async def act_on_forge(self, request: ForgeRequest) -> ForgeResult:
        """Do one thing on the forge, and put it on record.

        Raises:
            Conflict: what it needs is not there, or the branch does not merge.
        """
        async with heartbeating():
            match request.kind:
                case "create_branch":
                    return await self._create_branch(request)
                case "create_pull_request":
                    return await self._create_pull_request(request)
                case "merge":
                    return await self._merge(request)
                case "close":
                    return await self._settle(request, await self._open(request.spec_id), "closed")

    async def _create_branch(self, request: ForgeRequest) -> ForgeResult:
        async with self._database.begin() as session:
            launch = await specs.get_launch(session, request.spec_id)
            view = await specs.get_view(session, request.spec_id)
        branch = view.branch_name or launch.branch
        if view.base_commit is None:
            msg = "The spec has not looked at its repository yet; start it first."
            raise Conflict(msg, code="phase-not-reached")
        known = await self._head(request.project_id, branch)
        if known is not None:
            return ForgeResult(branch=branch, already_exists=True)
        made = await self._repositories.publish_branch(
            PublishBranch(
                project_id=request.project_id,
                spec_id=request.spec_id,
                branch=branch,
                base_commit=view.base_commit,
                title=view.title,
                files={},
            )
        )
        await self._tell(request, BranchCreated(branch_name=made.branch, head=made.head), made.head)
        return ForgeResult(branch=made.branch)

    async def _create_pull_request(self, request: ForgeRequest) -> ForgeResult:
        async with self._database.begin() as session:
            view = await specs.get_view(session, request.spec_id)
            known = await specs.get_pull_request(session, request.spec_id)
        branch = view.branch_name
        head = await self._head(request.project_id, branch) if branch is not None else None
        if branch is None or head is None:
            msg = "This spec has no branch yet; create it first."
            raise Conflict(msg, code="branch-missing")
        if known is not None and known.branch == branch:
            return ForgeResult(branch=branch, pull_request=known, already_exists=True)
        made = await self._pull_requests.open_pull_request(
            OpenPullRequest(
                project_id=request.project_id,
                spec_id=request.spec_id,
                branch=branch,
                base_branch=view.base_branch,
                title=view.title,
                head=head,
            )
        )
        return ForgeResult(branch=branch, pull_request=made)

    async def _merge(self, request: ForgeRequest) -> ForgeResult:
        found = await self._open(request.spec_id)
        async with self._mirrors.locked(request.project_id) as mirror:
            await mirror.fetch()
            base = await mirror.head(found.base_branch)
            head = await mirror.head(found.branch)
            if base is None or head is None:
                msg = "A branch of this pull request is gone from the forge."
                raise Conflict(msg, code="branch-gone")
            await _merge_onto(mirror, found, base, head)
        return await self._settle(request, found, "merged")

    async def _open(self, spec_id: SpecId) -> PullRequest:
        async with self._database.begin() as session:
            found = await specs.get_pull_request(session, spec_id)
        if found is None:
            msg = "This spec has no pull request."
            raise Conflict(msg, code="pull-request-missing")
        return found

    async def _settle(self, request: ForgeRequest, found: PullRequest, state: str) -> ForgeResult:
        """Record how a pull request ended; what ended before stays so.

        Raises:
            Conflict: it ended in the other way.
        """
        if found.state == state:
            return ForgeResult(branch=found.branch, pull_request=found, already_exists=True)
        if found.state != "open":
            msg = f"The pull request is {found.state}."
            raise Conflict(msg, code="pull-request-not-open")
        settled = PullRequest.model_validate({**found.model_dump(), "state": state})
        fact = PullRequestMoved.model_validate(
            {"event_type": f"spec.pull_request_{state}", "number": found.number, "by": request.by}
        )
        async with self._database.begin() as session:
            await specs.put_pull_request(session, request.project_id, request.spec_id, settled)
        await self._tell(request, fact, f"{found.number}/{state}")
        return ForgeResult(branch=found.branch, pull_request=settled)

    async def _head(self, project_id: ProjectId, branch: str) -> str | None:
        async with self._mirrors.locked(project_id) as mirror:
            await mirror.fetch()
            return await mirror.head(branch)

    async def _tell(self, request: ForgeRequest, fact: Fact, key: str) -> None:
        told = NewEvent(
            dedup_key=f"forge/{request.kind}/{key}", fact=fact, source=EventSource.SYSTEM
        )
        async with self._database.begin() as session:
            await events.append(session, request.project_id, request.spec_id, [told])


async def _merge_onto(mirror: Mirror, found: PullRequest, base: str, head: str) -> None:
    """Push a merge commit onto the target branch, unless the work is on it already.

    Raises:
        Conflict: it does not merge cleanly.
    """
    contained = await mirror.git.attempt("merge-base", "--is-ancestor", head, base)
    if contained.exit_code == 0:
        return
    tree, _ = await merge_trees(mirror.git, base, head)
    if tree is None:
        msg = f"The branch does not merge into {found.base_branch} without conflicts."
        raise Conflict(msg, code="merge-conflict")
    message = f"Merge pull request #{found.number}: {found.title}\n"
    commit = await commit_tree(mirror.git, tree, [base, head], message)
    pushed = await mirror.push(commit, found.base_branch, base)
    if pushed.exit_code != 0:
        raise explain(["push"], pushed)
