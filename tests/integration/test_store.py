import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import JsonValue
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from models.contracts.artifacts import ArtifactKind
from models.contracts.base import ProjectId, SpecId
from models.contracts.budgets import Reservation
from models.contracts.conversations import ConversationState
from models.contracts.events import NewEvent
from models.contracts.facts import Progress
from models.contracts.projects import CreateProject, GitRepository
from models.contracts.specs import SpecInput, SpecStatus
from models.contracts.usage import Usage
from models.errors import KeyReused, NotFound, Superseded
from models.migrations.apply import downgrade, head_revision, upgrade
from models.rules.launch import first_view
from models.store import artifacts, budgets, conversations, events, projects, slots, specs
from models.store.budgets import Call
from models.store.database import Database, sqlalchemy_url
from models.tables.metadata import METADATA
from tests.support.stack import RunningStack, quick_settings


@pytest.fixture
async def project_id(stack: RunningStack) -> ProjectId:
    body = CreateProject(name="p", repository=GitRepository(path="/srv/p"))
    async with stack.database.begin() as session:
        return (await projects.create(session, ProjectId(uuid4()), body)).id


async def make_spec(
    database: Database, project_id: ProjectId, key: str | None = None, body: bytes = b"{}"
) -> SpecId:
    launch = SpecInput(
        spec_id=SpecId(uuid4()),
        project_id=project_id,
        title="t",
        description="d",
        base_branch="main",
        branch="spec/t",
        settings=quick_settings(),
        planner_model="m",
        agent_model="m",
    )
    view = first_view(launch, datetime.now(UTC), auto_execute=False)
    async with database.begin() as session:
        return await specs.create(session, launch, view, key, body)


def progress(key: str) -> NewEvent:
    return NewEvent(dedup_key=key, fact=Progress(message=key))


async def test_concurrent_appends_leave_no_gap_and_no_double(
    stack: RunningStack, project_id: ProjectId
) -> None:
    spec_ids = [await make_spec(stack.database, project_id) for _ in range(2)]
    keys = [f"k{n}" for n in range(60)]

    async def append(spec_id: SpecId, seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(10):
            chosen = [progress(rng.choice(keys)) for _ in range(rng.randint(1, 5))]
            async with stack.database.begin() as session:
                await events.append(session, project_id, spec_id, chosen)
                await asyncio.sleep(rng.random() / 200)  # commits late on purpose

    await asyncio.gather(*(append(spec_id, n) for n in range(6) for spec_id in spec_ids))
    found = [event for spec_id in spec_ids for event in await stack.events(spec_id)]
    for spec_id in spec_ids:
        mine = [event for event in found if event.spec_id == spec_id]
        assert [event.seq for event in mine] == list(range(1, len(mine) + 1))
        messages = [event.data.get("message") for event in mine[1:]]
        assert len(messages) == len(set(messages))
    numbers = sorted(event.project_seq for event in found)
    assert numbers == list(range(1, len(found) + 1))


async def test_the_read_model_is_the_fold_of_the_log(
    stack: RunningStack, project_id: ProjectId
) -> None:
    spec_id = await make_spec(stack.database, project_id)
    async with stack.database.begin() as session:
        await events.append(session, project_id, spec_id, [progress("a"), progress("b")])
        view = await specs.get_view(session, spec_id)
    last = (await stack.events(spec_id))[-1]
    assert view.as_of_seq == last.seq == 3
    assert last.view is not None
    assert last.view.spec == view


async def test_slots_never_exceed_the_limit_and_serve_by_priority(
    stack: RunningStack, project_id: ProjectId
) -> None:
    async def ask(holder: str, priority: int, limit: int = 2) -> bool:
        async with stack.database.begin() as session:
            return (await slots.request(session, project_id, holder, priority, limit)).granted

    holders = [f"{project_id}-{n}" for n in range(6)]
    granted = await asyncio.gather(*(ask(holder, 3) for holder in holders))
    assert sum(granted) == 2
    urgent = f"{project_id}-urgent"
    assert not await ask(urgent, 0)
    first = next(h for h, has in zip(holders, granted, strict=True) if has)
    async with stack.database.begin() as session:
        assert await slots.release(session, project_id, [first], 2) == (urgent,)
    async with stack.database.begin() as session:  # a lowered limit grants nothing until below it
        assert await slots.release(session, project_id, [urgent], 1) == ()
    assert not await ask(urgent, 0, limit=1)


async def test_only_the_newest_try_of_a_conversation_may_store_a_turn(
    stack: RunningStack, project_id: ProjectId
) -> None:
    spec_id = await make_spec(stack.database, project_id)
    name = f"{spec_id}/explore/1"
    async with stack.database.begin() as session:
        older = await conversations.open_conversation(session, name, spec_id, "first words")
    async with stack.database.begin() as session:
        newer = await conversations.open_conversation(session, name, spec_id, "other words")
    assert newer.opening == "first words"
    response: dict[str, JsonValue] = {"content": [], "stop_reason": "end_turn"}

    async def store(state: ConversationState) -> None:
        async with stack.database.begin() as session:
            worst = Reservation(usd=Decimal("0.5"), tokens=100)
            call = await budgets.begin_call(
                session, Call(name, spec_id, 1, "m", "v", worst, daily_usd=None)
            )
            await conversations.store_turn(session, state, 1, call, response, Usage(calls=1))

    with pytest.raises(Superseded):
        await store(older)
    await store(newer)
    async with stack.database.begin() as session:
        assert len(await conversations.list_turns(session, name)) == 1
        state = await budgets.get_state(session, spec_id)
    assert (state.reserved_usd, state.lost_calls) == (0, 0)


async def test_large_artifacts_come_back_whole(stack: RunningStack, project_id: ProjectId) -> None:
    content = random.Random(1).randbytes(9 * 1024 * 1024)
    async with stack.database.begin() as session:
        ref = await artifacts.put(session, project_id, content, ArtifactKind.BUNDLE, "x/y")
        again = await artifacts.put(session, project_id, content, ArtifactKind.BUNDLE, "x/y")
        assert ref == again
        assert (await artifacts.get(session, ref.sha256))[0] == content
        with pytest.raises(NotFound):
            await artifacts.get(session, "0" * 64)


async def test_a_launch_key_belongs_to_one_body(stack: RunningStack, project_id: ProjectId) -> None:
    key = str(uuid4())
    first = await make_spec(stack.database, project_id, key, b"one")
    assert await make_spec(stack.database, project_id, key, b"one") == first
    with pytest.raises(KeyReused):
        await make_spec(stack.database, project_id, key, b"two")


async def test_a_draft_waits_until_it_is_executed(
    stack: RunningStack, project_id: ProjectId
) -> None:
    spec_id = await make_spec(stack.database, project_id)
    async with stack.database.begin() as session:
        assert (await specs.get_view(session, spec_id)).status == SpecStatus.DRAFT


def test_migrations_run_up_and_down_and_match_the_tables(stack: RunningStack) -> None:
    url = stack.stack.status.database_url
    name = f"migrations_{uuid4().hex}"
    admin = create_engine(sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    fresh = url.replace("/postgres?", f"/{name}?")
    upgrade(fresh)
    upgrade(fresh)
    engine = create_engine(sqlalchemy_url(fresh))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == head_revision()
        assert compare_metadata(context, METADATA) == []
    assert METADATA is SQLModel.metadata
    downgrade(fresh, "base")
    with engine.connect() as connection:
        left = connection.execute(
            text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        ).scalar()
    engine.dispose()
    assert left == 1  # Alembic's own
