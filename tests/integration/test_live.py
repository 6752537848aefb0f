"""Live events under strain: cut again and again, commits that come late, readers that stand still."""

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID, uuid4

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
from tests.support.model import free_port
from tests.support.stack import RunningStack

_RATE = 200
_BATCH = 5
_CUTS = 1_000
_LONGEST_SECONDS = 180  # on a slow machine the last cuts come when all is written
_MOST = 100  # events a connection, so that readers keep up
_SSE, _SOCKETS = 6, 4
_UNKNOWN = 10**9


@dataclass
class Strain:
    """What writers and readers know of each other; ``last`` is each stream's end, once it is known."""

    project_id: ProjectId
    specs: list[SpecId]
    cuts: int = 0
    last: dict[UUID, int] = field(default_factory=dict[UUID, int])

    def end_of(self, stream: UUID) -> int:
        """Where a reader may stop."""
        return self.last.get(stream, _UNKNOWN)


async def two_specs(database: Database) -> tuple[ProjectId, list[SpecId]]:
    body = CreateProject(name="live", repository=GitRepository(path="/srv/p"))
    async with database.begin() as session:
        project_id = (await projects.create(session, ProjectId(uuid4()), body)).id
    return project_id, [await make_spec(database, project_id) for _ in range(2)]


async def write(database: Database, strain: Strain, spec_id: SpecId) -> int:
    """Half of the rate on one spec until there were enough cuts; transactions commit late."""
    chance = random.Random(spec_id.int)
    begun = time.monotonic()
    number = 0
    while strain.cuts < _CUTS and time.monotonic() - begun < _LONGEST_SECONDS:
        facts = [
            NewEvent(dedup_key=f"{number + n}", fact=Progress(message=f"{number + n}"))
            for n in range(_BATCH)
        ]
        async with database.begin() as session:
            await events.append(session, strain.project_id, spec_id, facts)
            await asyncio.sleep(chance.uniform(0, 0.02))  # commits late, on purpose
        number += _BATCH
        await asyncio.sleep(max(0.0, begun + number / (_RATE / 2) - time.monotonic()))
    return number


async def write_all(database: Database, strain: Strain) -> int:
    """Write on both specs; then say where the streams end, and wake who waits at the end."""
    written = sum(await asyncio.gather(*(write(database, strain, s) for s in strain.specs)))
    async with database.begin() as session:
        for spec_id in strain.specs:
            strain.last[spec_id] = await events.last_seq(session, spec_id) + 1
        total = await events.last_project_seq(session, strain.project_id)
        strain.last[strain.project_id] = total + len(strain.specs)
    for spec_id in strain.specs:
        async with database.begin() as session:
            end = NewEvent(dedup_key="end", fact=Progress(message="end"))
            await events.append(session, strain.project_id, spec_id, [end])
    return written


async def read_sse(stack: RunningStack, strain: Strain, stream: UUID, seed: int) -> list[int]:
    """Every id in the order of arrival, over connections that are cut after a few events."""
    seen = [0]
    chance = random.Random(seed)
    kind = "projects" if stream == strain.project_id else "specs"
    while seen[-1] < strain.end_of(stream):
        take = chance.randint(1, _MOST if stream == strain.project_id else _MOST // 2)
        headers = {"Last-Event-ID": str(seen[-1])}
        url = f"/api/v1/{kind}/{stream}/stream"
        async with stack.http.stream("GET", url, headers=headers) as lines:
            async for line in lines.aiter_lines():
                if line.startswith("id: "):
                    seen.append(int(line.removeprefix("id: ")))
                    take -= 1
                    if take == 0 or seen[-1] >= strain.end_of(stream):
                        break
        strain.cuts += 1
    return seen[1:]


async def read_socket(stack: RunningStack, strain: Strain, seed: int) -> list[int]:
    """The same over the WebSocket, filtered to the project."""
    seen = [0]
    chance = random.Random(seed)
    url = str(stack.http.base_url).replace("http", "ws", 1) + "/api/v1/ws/events"
    position = json.dumps({str(strain.project_id): 0})
    while seen[-1] < strain.end_of(strain.project_id):
        take = chance.randint(1, _MOST)
        query = f"?entity_ids={strain.project_id}&since={quote(position)}"
        async with connect(url + query) as socket:
            while take and seen[-1] < strain.end_of(strain.project_id):
                told = json.loads(await socket.recv())
                if "position" in told:
                    position = json.dumps(told["position"], separators=(",", ":"))
                if told["type"] == "event":
                    seen.append(told["event"]["project_seq"])
                    take -= 1
            socket.transport.abort()  # cut, not closed
        strain.cuts += 1
    return seen[1:]


@pytest.mark.timeout(500)
async def test_a_thousand_cuts_leave_no_gap_and_no_double(stack: RunningStack) -> None:
    project_id, specs = await two_specs(stack.database)
    strain = Strain(project_id, specs)
    streams = [[project_id, specs[0], specs[1]][n % 3] for n in range(_SSE)]
    readers = [read_sse(stack, strain, stream, seed) for seed, stream in enumerate(streams)]
    readers += [read_socket(stack, strain, 100 + n) for n in range(_SOCKETS)]
    begun = time.monotonic()
    async with asyncio.timeout(450):
        written, *results = await asyncio.gather(write_all(stack.database, strain), *readers)
    took = time.monotonic() - begun
    print(f"{written} events and {strain.cuts} cuts in {took:.1f} s")  # noqa: T201 - what was strained
    assert strain.cuts >= _CUTS
    for stream, seen in zip([*streams, *[project_id] * _SOCKETS], results, strict=True):
        assert seen == list(range(1, strain.last[stream] + 1))


async def test_a_reader_that_stands_still_costs_no_memory_and_is_dropped(
    stack: RunningStack,
) -> None:
    port = free_port()
    async with stack.another_api(port, SLOW_CLIENT_SECONDS="4") as pid:
        await _stand_still(stack.database, psutil.Process(pid), port)


async def _stand_still(database: Database, api: psutil.Process, port: int) -> None:
    project_id, specs = await two_specs(database)
    path = f"/api/v1/projects/{project_id}/stream"
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    stalled: list[asyncio.StreamWriter] = []

    async def grown(readers: int, name: str) -> float:
        """By how many MB 16 MB of events make the API grow while so many more stand still."""
        for _ in range(readers):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            writer.write(request)
            stalled.append(writer)
        await _append(database, project_id, specs[0], f"{name}-first", 200)
        before = api.memory_info().rss
        for part in range(20):
            await _append(database, project_id, specs[0], f"{name}-{part}", 200)
        return (api.memory_info().rss - before) / 1024**2

    one, many = await grown(1, "one"), await grown(40, "many")
    print(f"16 MB of events: {one:.0f} MB with one reader, then {many:.0f} MB for 40 more")  # noqa: T201
    assert many < 250, "a queue for each would be 640 MB"
    async with asyncio.timeout(60):
        while _connections(api, port):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.2)
    for writer in stalled:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


def _connections(process: psutil.Process, port: int) -> int:
    """How many clients of this port the process holds."""
    held = process.net_connections("tcp")
    return sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port for c in held)


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
