"""Postgres and the API go away while tasks run; nobody loses anything, and readers go on."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from models.contracts.base import SpecId
from models.contracts.specs import SpecStatus
from tests.support.kills import inspect
from tests.support.stack import PLANTED_KEY, RunningStack, running_stack


@pytest.fixture(scope="module")
async def slow_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningStack]:
    """A stack of its own, whose model takes its time."""
    async with running_stack(tmp_path_factory.mktemp("restarts"), latency=0.15) as running:
        yield running


async def working(stack: RunningStack) -> tuple[SpecId, Path, int]:
    """A spec whose first agent has begun."""
    remote = stack.remote()
    spec_id = await stack.launch(await stack.project(remote))
    hit = await stack.until(
        spec_id, lambda e: e.event_type == "agent.turn" and e.task_id is not None
    )
    return spec_id, remote, hit.seq


async def test_without_postgres_the_api_says_so_and_the_run_goes_on_after(
    slow_stack: RunningStack,
) -> None:
    stack = slow_stack
    spec_id, remote, seq = await working(stack)
    seen: list[int] = []

    async def follow() -> None:
        seen.extend([event.seq async for event in stack.api.follow(spec_id, seq)])

    reading = asyncio.create_task(follow())
    postgres = stack.stack.supervisor.children["postgres"]
    await stack.stack.supervisor.stop(["postgres"])
    began = time.monotonic()
    answer = await stack.http.get(f"/api/v1/specs/{spec_id}")
    waited = time.monotonic() - began
    ready = await stack.http.get("/readyz")
    postgres.stopping = False
    await stack.stack.supervisor.start(postgres)
    assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
    assert answer.headers["retry-after"]
    assert waited < 3
    assert ready.status_code == 503
    spec = await stack.until_closed(spec_id, seconds=120)
    await asyncio.wait_for(reading, 30)
    assert spec.status == SpecStatus.COMPLETED
    assert seen == list(range(seq + 1, seen[-1] + 1)), "the stream went on without a gap"
    assert (await inspect(stack, remote, spec, kills=1)).faults == []


async def test_when_the_api_is_killed_only_its_readers_notice(slow_stack: RunningStack) -> None:
    stack = slow_stack
    spec_id, remote, seq = await working(stack)
    api = stack.stack.supervisor.children["api"].process
    assert api is not None
    os.kill(api.pid, signal.SIGKILL)
    seen = [event.seq async for event in stack.api.follow(spec_id, seq)]
    assert seen == list(range(seq + 1, seen[-1] + 1))
    spec = await stack.until_closed(spec_id)
    after = await inspect(stack, remote, spec, kills=1)
    assert after.faults == []
    assert after.calls_in_flight == 0, "no agent noticed"


async def test_the_planted_key_is_nowhere(slow_stack: RunningStack) -> None:
    """In no table, history, log, sandbox or artifact; run last, over all that ran before."""
    stack = slow_stack
    held: list[str] = []
    async with stack.database.engine.connect() as connection:
        names = await connection.exec_driver_sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        for name in names.scalars().all():
            found = await connection.exec_driver_sql(
                f'SELECT count(*) FROM "{name}" AS row WHERE row::text LIKE %s',  # noqa: S608 - our own tables
                (f"%{PLANTED_KEY}%",),
            )
            held += [f"table {name}"] if found.scalar() else []
            if name.startswith("artifact"):
                raw = await connection.exec_driver_sql(
                    f'SELECT count(*) FROM "{name}" AS row WHERE row::text LIKE %s',  # noqa: S608
                    (f"%{PLANTED_KEY.encode().hex()}%",),
                )
                held += [f"bytes in {name}"] if raw.scalar() else []
    held += [line for line in stack.lines if PLANTED_KEY in line]
    for path in stack.data.rglob("*"):
        if path.is_file() and PLANTED_KEY.encode() in path.read_bytes():
            held.append(str(path))
    assert held == [], "Temporal's own database is among the files"
