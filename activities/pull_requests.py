"""Pull requests: on a bare remote the local record of one, looked up before it is made."""

from temporalio import activity

from activities.evaluator import read_as
from models.contracts.documents import Exploration, Requirements
from models.contracts.events import NewEvent
from models.contracts.facts import PullRequestCreated
from models.contracts.phases import Phase
from models.contracts.repositories import OpenPullRequest, PullRequest
from models.contracts.specs import SpecView
from models.rules.trace import build_trace, pull_request_body
from models.store import documents, events, questions, specs, task_views
from models.store.database import Database, Session


class PullRequestActivities:
    """Pull requests; idempotent by the spec."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def open_pull_request(self, request: OpenPullRequest) -> PullRequest:
        """Make the record with its trace, or return the one that exists."""
        async with self._database.begin() as session:
            spec = await specs.get_view(session, request.spec_id)
            made = await specs.put_pull_request(
                session,
                request.project_id,
                request.spec_id,
                PullRequest(
                    number=0,
                    url=f"/projects/{request.project_id}/specs/{request.spec_id}?tab=changes",
                    title=request.title,
                    body=await _body(session, spec),
                    branch=request.branch,
                    base_branch=request.base_branch,
                    head=request.head,
                ),
            )
            fact = PullRequestCreated(number=made.number, url=made.url)
            await events.append(
                session,
                request.project_id,
                request.spec_id,
                [NewEvent(dedup_key=f"pull-request/{request.branch}/{request.head}", fact=fact)],
            )
        return made


async def _body(session: Session, spec: SpecView) -> str:
    versions = {v.phase: v.document for v in await documents.latest_versions(session, spec.id)}
    exploration = requirements = None
    if not spec.quick:
        exploration = await read_as(session, Phase.EXPLORE, versions, Exploration)
        requirements = await read_as(session, Phase.REQUIREMENTS, versions, Requirements)
    launch = await specs.get_launch(session, spec.id)
    summary = launch.description if exploration is None else exploration.feature.problem
    headline = spec.title if exploration is None else exploration.feature.one_liner
    tasks = (await task_views.list_tasks(session, spec.id)).items
    final = await specs.latest_check(session, spec.id, "final")
    asked = (await questions.list_questions(session, spec.id)).items
    trace = build_trace(requirements, tasks) if requirements is not None else None
    return pull_request_body(spec, (headline, summary), trace, tasks, final, asked)
