"""The log and its fold: any prefix, against what the store said at that moment."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.contracts.base import ProjectId, SpecId
from models.contracts.events import NewEvent, RawEvent
from models.contracts.facts import Progress
from models.contracts.history import StreamView
from models.contracts.projects import CreateProject, GitRepository
from models.contracts.tasks import TaskView
from models.store import events, folding, projects, specs
from models.store.database import Database
from tests.integration.test_store import make_spec
from tests.support.logs import logs, make_tasks
from tests.support.stack import RunningStack
from workers.rebuild import rebuild

_ALMOST_A_SNAPSHOT = 490


async def begun(database: Database, filler: int) -> tuple[ProjectId, SpecId, list[TaskView]]:
    """A spec with tasks; ``filler`` events bring it to the edge of a snapshot."""
    body = CreateProject(name="p", repository=GitRepository(path="/srv/p"))
    async with database.begin() as session:
        project_id = (await projects.create(session, ProjectId(uuid4()), body)).id
    spec_id = await make_spec(database, project_id)
    async with database.begin() as session:
        tasks = await make_tasks(session, project_id, spec_id)
        lines = [NewEvent(dedup_key=f"f{n}", fact=Progress(message="x")) for n in range(filler)]
        await events.append(session, project_id, spec_id, lines)
    return project_id, spec_id, tasks


async def append_and_remember(
    database: Database,
    project_id: ProjectId,
    spec_id: SpecId,
    batches: Sequence[Sequence[NewEvent | RawEvent]],
) -> dict[int, StreamView]:
    """The store's own views after each transaction, by ``seq``."""
    remembered: dict[int, StreamView] = {}
    for batch in batches:
        async with database.begin() as session:
            last = await events.append(session, project_id, spec_id, batch)
        async with database.begin() as session:
            remembered[last] = await folding.read_model(session, spec_id, last)
        async with database.begin() as session:  # duplicates change nothing
            assert await events.append(session, project_id, spec_id, batch) == last
            assert await folding.read_model(session, spec_id, last) == remembered[last]
    return remembered


@pytest.mark.timeout(900)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_any_prefix_of_the_log_folds_to_what_the_store_said_then(
    stack: RunningStack, data: st.DataObject
) -> None:
    database = stack.database
    filler = data.draw(st.sampled_from([0, 0, 0, _ALMOST_A_SNAPSHOT]))
    project_id, spec_id, tasks = await begun(database, filler)
    batches = data.draw(logs(spec_id, tasks))
    remembered = await append_and_remember(database, project_id, spec_id, batches)
    for seq, view in remembered.items():
        async with database.begin() as session:
            assert (await events.fold_to(session, spec_id, seq)).view() == view
    assert not await rebuild(database, spec_id, check=True)


async def test_the_read_model_is_made_again_from_its_log(stack: RunningStack) -> None:
    database = stack.database
    project = await stack.project(stack.remote())
    spec_id = await stack.launch(project)
    closed = await stack.until_closed(spec_id)
    async with database.begin() as session:
        last = await events.last_seq(session, spec_id)
        stored = await folding.read_model(session, spec_id, last)
        broken = stored.tasks[0].model_copy(update={"turns": 99})
        await folding.replace_task(session, broken)
    assert await rebuild(database, spec_id, check=True)
    assert await rebuild(database, spec_id, check=False)
    assert not await rebuild(database, spec_id, check=True)
    async with database.begin() as session:
        assert await folding.read_model(session, spec_id, last) == stored
        assert (await specs.get_view(session, spec_id)).status == closed.status
    past = await stack.http.get(f"/api/v1/specs/{spec_id}/at/1")
    assert past.json()["spec"]["tasks_total"] == 0
    now = await stack.http.get(f"/api/v1/specs/{spec_id}/at/{last}")
    assert StreamView.model_validate(now.json()) == stored
    beyond = await stack.http.get(f"/api/v1/specs/{spec_id}/at/{last + 1}")
    assert (beyond.status_code, beyond.json()["code"]) == (404, "event-not-found")
