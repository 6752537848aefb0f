"""The API's part of ``make bench``: how soon an event arrives, how many are taken, how pages read."""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx2
from sqlalchemy import text

from models.contracts.base import ProjectId, SpecId
from models.contracts.events import NewEvent
from models.contracts.facts import Progress
from models.store import events
from models.store.database import psycopg_url
from tests.integration.test_live import two_specs
from tests.support.model import free_port
from tests.support.stack import RunningStack, running_stack

_RUNS, _READERS, _RATE, _SECONDS = 3, 50, 200, 10
_PER_COMMIT: Final = 2
_BATCHES, _BATCH = 60, 100
_EVENTS: Final = 100_000
_ASKED: Final = 100
_AIM_MS, _AIM_PER_SECOND, _AIM_PAGE_MS = 100, 2_000, 25


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def _say(name: str, value: str, aim: str = "", *, met: bool = True) -> None:
    verdict = f"  (aim: {aim}, {'met' if met else 'missed'})" if aim else ""
    print(f"{name:<44}{value}{verdict}")  # noqa: T201 - the bench's output


async def _append_to_client(stack: RunningStack) -> tuple[float, float]:
    """p50 and p99 in ms, from before the commit to the arrival at each of the readers."""
    project_id, specs = await two_specs(stack.database)
    path = f"/api/v1/projects/{project_id}/stream?since=2"
    last = 2 + _RATE * _SECONDS
    address = f"127.0.0.1:{stack.http.base_url.port}"
    peers = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench_peers", "readers", address, path, str(_READERS)),
        str(last),
        stdout=asyncio.subprocess.PIPE,
    )
    assert peers.stdout is not None
    await peers.stdout.readline()
    sent: dict[int, float] = {}
    begun = time.monotonic()
    for number in range(0, _RATE * _SECONDS, _PER_COMMIT):
        spec_id = specs[number // _PER_COMMIT % 2]
        facts = [
            NewEvent(dedup_key=f"{number + n}", fact=Progress(message=f"line {number + n}"))
            for n in range(_PER_COMMIT)
        ]
        async with stack.database.begin() as session:
            await events.append(session, project_id, spec_id, facts)
            now = time.monotonic()
            sent |= {3 + number + n: now for n in range(_PER_COMMIT)}
        due = begun + (number + _PER_COMMIT) / _RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    output, _ = await peers.communicate()
    arrived: dict[str, list[float]] = json.loads(output)
    took = [(at - sent[int(seq)]) * 1000 for seq, moments in arrived.items() for at in moments]
    assert len(took) == _READERS * _RATE * _SECONDS
    return _percentile(took, 50), _percentile(took, 99)


async def _arrivals(stack: RunningStack) -> None:
    runs = [await _append_to_client(stack) for _ in range(_RUNS)]
    p50, p99 = (statistics.median(values) for values in zip(*runs, strict=True))
    _say(f"append to client, {_READERS} readers, {_RATE}/s: p50", f"{p50:7.1f} ms")
    _say("                                        p99", f"{p99:7.1f} ms", f"under {_AIM_MS} ms", met=p99 < _AIM_MS)  # fmt: skip


async def _per_second(post: Callable[[int], Coroutine[None, None, httpx2.Response]]) -> float:
    (await post(0)).raise_for_status()
    begun = time.monotonic()
    for number in range(1, _BATCHES + 1):
        (await post(number)).raise_for_status()
    return _BATCHES * _BATCH / (time.monotonic() - begun)


async def _posted(stack: RunningStack) -> None:
    """Events a second from one sandbox, one batch after another; and the floor's."""
    _, specs = await two_specs(stack.database)
    sandbox = f"/sandboxes/plan-{specs[0]}"
    token = (await stack.post(f"{sandbox}/token")).json()["token"]
    port = free_port()
    dsn = psycopg_url(stack.stack.status.database_url)
    floor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench_peers", "floor", str(port), dsn)
    )

    def batch(number: int) -> dict[str, object]:
        one = {"event_type": "agent.message", "data": {"text": "x" * 200, "turn": number}}
        return {"events": [{**one, "dedup_key": f"{number}/{n}"} for n in range(_BATCH)]}

    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        async with asyncio.timeout(20):
            while True:
                try:
                    await http.post("/events", json=batch(0))
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
        ours = await _per_second(
            lambda n: stack.post(f"{sandbox}/events", batch(n), Authorization=f"Bearer {token}")
        )
        bare = await _per_second(lambda n: http.post("/events", json=batch(n)))
    floor.terminate()
    await floor.wait()
    aim = f"at least {_AIM_PER_SECOND}"
    _say(f"posted events a second, batches of {_BATCH}", f"{ours:7.0f}", aim, met=ours >= _AIM_PER_SECOND)  # fmt: skip
    _say("floor: the same over HTTP, one INSERT each", f"{bare:7.0f}     ratio {bare / ours:.1f}")


async def _fill(stack: RunningStack, project_id: ProjectId, spec_id: SpecId) -> None:
    """Copies of one event, until the spec has 100,000."""
    async with stack.database.begin() as session:
        fact = NewEvent(dedup_key="one", fact=Progress(message="one line"))
        last = await events.append(session, project_id, spec_id, [fact])
        first = await events.last_project_seq(session, project_id)
        values = {"spec": spec_id, "last": last, "first": first, "count": _EVENTS}
        await session.execute(
            text(
                "INSERT INTO sandbox_events (id, stream_id, project_id, seq, project_seq, dedup_key, "
                "event_type, phase, source, claimed, data, view, occurred_at, created_at) "
                "SELECT gen_random_uuid(), stream_id, project_id, :last + n, :first + n, 'k' || n, "
                "event_type, phase, source, claimed, data, view, occurred_at, created_at "
                "FROM sandbox_events, generate_series(1, :count - :last) n "
                "WHERE stream_id = :spec AND seq = :last"
            ),
            values,
        )
        for table, key, end in (
            ("stream_counters", "stream_id", _EVENTS),
            ("project_counters", "project_id", first + _EVENTS - last),
        ):
            wanted = {"end": end, "id": spec_id if key == "stream_id" else project_id}
            update = text(f"UPDATE {table} SET last_seq = :end WHERE {key} = :id")  # noqa: S608 - ours
            await session.execute(update, wanted)


async def _p95(stack: RunningStack, path: str) -> float:
    took: list[float] = []
    for _ in range(_ASKED):
        begun = time.monotonic()
        (await stack.http.get(f"/api/v1{path}")).raise_for_status()
        took.append((time.monotonic() - begun) * 1000)
    return _percentile(took, 95)


async def _pages(stack: RunningStack) -> None:
    project_id, specs = await two_specs(stack.database)
    spec_id: UUID = specs[0]
    await _fill(stack, project_id, specs[0])
    floor = await _p95(stack, "/meta")
    asked = {
        "GET /specs/{id}": f"/specs/{spec_id}",
        "event page, the first": f"/specs/{spec_id}/events",
        "event page, in the middle": f"/specs/{spec_id}/events?cursor={_EVENTS // 2}",
        "event page, the last": f"/specs/{spec_id}/events?offset={_EVENTS - 60}",
    }
    print(f"at {_EVENTS} events, p95 of {_ASKED}; floor GET /meta {floor:.1f} ms")  # noqa: T201
    for name, path in asked.items():
        p95 = await _p95(stack, path)
        _say(f"  {name}", f"{p95:7.1f} ms", f"under {_AIM_PAGE_MS} ms", met=p95 < _AIM_PAGE_MS)


async def bench_api() -> None:
    """Measure on a stack of its own, and print."""
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch)) as stack:
            await _arrivals(stack)
            await _posted(stack)
            await _pages(stack)


if __name__ == "__main__":
    asyncio.run(bench_api())
