"""Live events under strain: cut again and again, commits that come late, readers that stand still."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine
from urllib.parse import quote
from uuid import uuid4

import psutil
import pytest
from websockets.asyncio.client import connect

from models.contracts.base import ProjectId, SpecId
from models.contracts.events import NewEvent
from models.contracts.facts import Progress
from models.contracts.projects import CreateProject, GitRepository
from models.store import events, projects
from models.store.database import Database
from tests.integration.test_store import make_spec
from tests.support.stack import RunningStack

_RATE = 200
_SECONDS = 20
_BATCH = 5
_SSE, _SOCKETS, _CUTS = 6, 4, 110


async def two_specs(database: Database) -> tuple[ProjectId, list[SpecId]]:
    body = CreateProject(name="live", repository=GitRepository(path="/srv/p"))
    async with database.begin() as session:
        project_id = (await projects.create(session, ProjectId(uuid4()), body)).id
    return project_id, [await make_spec(database, project_id) for _ in range(2)]


async def write(
    database: Database, project_id: ProjectId, spec_id: SpecId, events_in_all: int
) -> None:
    """Half of the rate on one spec; every transaction stays open for a while after its inserts."""
    chance = random.Random(spec_id.int)
    begun = time.monotonic()
    for number in range(0, events_in_all, _BATCH):
        facts = [
            NewEvent(dedup_key=f"{number + n}", fact=Progress(message=f"{number + n}"))
            for n in range(_BATCH)
        ]
        async with database.begin() as session:
            await events.append(session, project_id, spec_id, facts)
            await asyncio.sleep(chance.uniform(0, 0.02))  # commits late, on purpose
        due = begun + (number + _BATCH) / (_RATE / 2)
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def read_sse(
    stack: RunningStack, path: str, last: Callable[[], int], chance: random.Random
) -> tuple[list[int], int]:
    """Every id in the order of arrival, and how often the stream was cut."""
    seen: list[int] = []
    cuts = 0
    while not seen or seen[-1] < last():
        take = chance.randint(1, 30) if cuts < _CUTS else 10**6
        headers = {"Last-Event-ID": str(seen[-1])} if seen else {}
        async with stack.http.stream("GET", path, headers=headers) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("id: "):
                    seen.append(int(line.removeprefix("id: ")))
                    take -= 1
                    if take == 0 or seen[-1] >= last():
                        break
        cuts += 1
    return seen, cuts


async def read_socket(
    url: str, project_id: ProjectId, last: Callable[[], int], chance: random.Random
) -> tuple[list[int], int]:
    """The same over the WebSocket, filtered to the project."""
    seen: list[int] = []
    position = json.dumps({str(project_id): 0})
    cuts = 0
    while not seen or seen[-1] < last():
        take = chance.randint(1, 30) if cuts < _CUTS else 10**6
        query = f"?entity_ids={project_id}&since={quote(position)}"
        async with connect(url + query) as socket:
            while take and (not seen or seen[-1] < last()):
                told = json.loads(await socket.recv())
                if "position" in told:
                    position = json.dumps(told["position"], separators=(",", ":"))
                if told["type"] == "event":
                    seen.append(told["event"]["project_seq"])
                    take -= 1
            socket.transport.abort()  # cut, not closed
        cuts += 1
    return seen, cuts


@pytest.mark.timeout(300)
async def test_a_thousand_cuts_leave_no_gap_and_no_double(stack: RunningStack) -> None:
    project_id, specs = await two_specs(stack.database)
    each = _RATE * _SECONDS // 2
    chance = random.Random(7)
    url = str(stack.http.base_url)
    socket = url.replace("http", "ws", 1) + "/api/v1/ws/events"

    def upto(number: int) -> Callable[[], int]:
        return lambda: number

    of_project = upto(2 * each)
    readers: list[Coroutine[None, None, tuple[list[int], int]]] = []
    for number in range(_SSE):
        own = random.Random(chance.random())
        if number % 2:
            readers.append(
                read_sse(stack, f"/api/v1/projects/{project_id}/stream", of_project, own)
            )
        else:
            path = f"/api/v1/specs/{specs[number // 2 % 2]}/stream"
            readers.append(read_sse(stack, path, upto(each), own))
    readers += [
        read_socket(socket, project_id, of_project, random.Random(chance.random()))
        for _ in range(_SOCKETS)
    ]
    begun = time.monotonic()
    writers = [write(stack.database, project_id, spec_id, each) for spec_id in specs]
    async with asyncio.timeout(240):
        results, _ = await asyncio.gather(asyncio.gather(*readers), asyncio.gather(*writers))
    took = time.monotonic() - begun
    cuts = sum(cut for _, cut in results)
    print(f"{2 * each} events in {took:.1f} s, {cuts} connections")  # noqa: T201 - what was strained
    for seen, _ in results:
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) in {each, 2 * each}
    assert cuts >= 1_000


async def test_a_reader_that_stands_still_costs_no_memory(stack: RunningStack) -> None:
    project_id, specs = await two_specs(stack.database)
    api = psutil.Process(_pid_of(stack, "api"))
    url = stack.http.base_url
    request = (
        f"GET /api/v1/projects/{project_id}/stream HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n\r\n"
    )

    async def grown(readers: int, name: str) -> float:
        """By how many MB 16 MB of events make the API grow while so many more stand still."""
        for _ in range(readers):
            stalled.append(await asyncio.open_connection(url.host, url.port, limit=1))
            stalled[-1][1].write(request.encode())
        before = api.memory_info().rss
        for part in range(20):
            await _append(stack.database, project_id, specs[0], f"{name}-{part}", 200)
        return (api.memory_info().rss - before) / 1024**2

    stalled: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    one, many = await grown(1, "one"), await grown(40, "many")
    print(f"16 MB of events: {one:.0f} MB with one reader, then {many:.0f} MB for 40 more")  # noqa: T201
    assert many < 80, "a queue for each would be 640 MB"
    async with asyncio.timeout(60):  # they are dropped, and what is left ends
        for reader, writer in stalled:
            while await reader.read(1_000_000):
                pass
            writer.close()


async def _append(
    database: Database, project_id: ProjectId, spec_id: SpecId, name: str, count: int
) -> None:
    text = "x" * 4_000
    facts = [
        NewEvent(dedup_key=f"{name}/{n}", fact=Progress(message=f"{n} {text}"))
        for n in range(count)
    ]
    async with database.begin() as session:
        await events.append(session, project_id, spec_id, facts)


def _pid_of(stack: RunningStack, name: str) -> int:
    process = stack.stack.supervisor.children[name].process
    assert process is not None
    return process.pid
