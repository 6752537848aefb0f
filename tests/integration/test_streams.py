"""Every way to follow events: a task, everything, and the WebSocket's filter, messages and ends."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from models.contracts.base import ProjectId, SpecId
from models.store import events
from tests.integration.test_live import two_specs
from tests.integration.test_revision import code
from tests.integration.test_store import progress
from tests.support.model import free_port
from tests.support.stack import RunningStack


async def messages(
    stack: RunningStack, path: str, **headers: str
) -> AsyncIterator[tuple[str, Any]]:
    """Ids and events of a stream, without an end."""
    last = ""
    async with stack.http.stream("GET", f"/api/v1{path}", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                last = line.removeprefix("id: ")
            elif line.startswith("data: "):
                yield last, json.loads(line.removeprefix("data: "))


def socket_url(stack: RunningStack, query: str = "") -> str:
    base = str(stack.http.base_url).replace("http", "ws", 1)
    return f"{base}/api/v1/ws/events{query}"


async def say(stack: RunningStack, project_id: ProjectId, spec_id: SpecId, key: str) -> None:
    async with stack.database.begin() as session:
        await events.append(session, project_id, spec_id, [progress(key)])


async def told(socket: ClientConnection, kind: str = "event") -> Any:
    """The next message of a kind."""
    async with asyncio.timeout(20):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == kind:
                return message


async def test_a_tasks_stream_carries_its_own_events(stack: RunningStack) -> None:
    spec_id = await stack.launch(await stack.project(stack.remote()))
    await stack.until_closed(spec_id)
    task = (await stack.api.tasks(spec_id)).items[0]
    wanted = [e.seq for e in await stack.events(spec_id) if e.task_id == task.id]
    seen: list[int] = []
    async for position, event in messages(stack, f"/tasks/{task.id}/stream"):
        assert event["task_id"] == str(task.id)
        seen.append(int(position))
        if len(seen) == len(wanted):
            break
    assert seen == wanted
    async for position, _ in messages(stack, f"/tasks/{task.id}/stream?since={wanted[2]}"):
        assert int(position) == wanted[3]
        break


async def test_everything_is_followed_from_now_on_and_resumed_by_positions(
    stack: RunningStack,
) -> None:
    project_id, specs = await two_specs(stack.database)

    async def follow(count: int, last: str | None) -> list[tuple[str, Any]]:
        headers = {"Last-Event-ID": last} if last else {}
        found: list[tuple[str, Any]] = []
        async for position, event in messages(stack, "/stream", **headers):
            if event["project_id"] == str(project_id):
                found.append((position, event))
            if len(found) == count:
                break
        return found

    reading = asyncio.create_task(follow(1, None))
    for number in range(50):  # until the follower is there; what was before, it does not see
        await say(stack, project_id, specs[number % 2], f"one-{number}")
        if (await asyncio.wait({reading}, timeout=0.2))[0]:
            break
    (position, first), *_ = await reading
    await say(stack, project_id, specs[0], "two")
    (_, following), *_ = await follow(1, position)
    assert following["project_seq"] == first["project_seq"] + 1
    fresh, others = await two_specs(stack.database)  # a project that nobody knew
    (after, event), *_ = await _first_of(stack, fresh, position)
    assert event["project_seq"] == 1
    assert json.loads(after)[str(fresh)] == 1
    assert others


async def _first_of(
    stack: RunningStack, project_id: ProjectId, last: str
) -> list[tuple[str, dict[str, Any]]]:
    async for position, event in messages(stack, "/stream", **{"Last-Event-ID": last}):
        if event["project_id"] == str(project_id):
            return [(position, event)]
    raise AssertionError


@pytest.mark.parametrize("kind", ["specs", "tasks", "projects"])
async def test_a_stream_of_nothing_is_404_and_a_wrong_position_422(
    stack: RunningStack, kind: str
) -> None:
    missing = await stack.http.get(f"/api/v1/{kind}/{uuid4()}/stream")
    assert code(missing)[0] == 404
    wrong = await stack.http.get(f"/api/v1/{kind}/{uuid4()}/stream?since=-1")
    assert code(wrong) == (422, "validation-failed")


async def test_a_wrong_position_over_everything_is_told(stack: RunningStack) -> None:
    for since in ("x", "[]", '{"x": 1}', json.dumps({str(uuid4()): -1})):
        answer = await stack.http.get("/api/v1/stream", params={"since": since})
        assert code(answer) == (400, "invalid-position")


async def test_the_socket_filters_and_changes_its_filter(stack: RunningStack) -> None:
    project_id, specs = await two_specs(stack.database)
    since = quote(json.dumps({str(project_id): 2}))
    query = f"?entity_ids={specs[0]}&event_types=spec.progress&since={since}"
    async with connect(socket_url(stack, query)) as socket:
        await say(stack, project_id, specs[1], "not asked for")
        await say(stack, project_id, specs[0], "first")
        message = await told(socket)
        assert (message["entity_type"], message["entity_id"]) == ("spec", str(specs[0]))
        assert message["event"]["data"]["message"] == "first"
        assert message["position"][str(project_id)] == 4
        await socket.send(json.dumps({"type": "subscribe", "entity_ids": [str(specs[1])]}))
        await told(socket, "subscribed")
        await say(stack, project_id, specs[0], "no more")
        await say(stack, project_id, specs[1], "second")
        assert (await told(socket))["event"]["data"]["message"] == "second"
        for wrong in ("{", "[]", '{"type": "shout"}', '{"type": "subscribe", "entity_ids": 7}'):
            await socket.send(wrong)
            assert (await told(socket, "error"))["code"] == "validation-failed"


async def test_a_socket_with_a_wrong_position_is_told_and_closed(stack: RunningStack) -> None:
    async with connect(socket_url(stack, "?since=yesterday")) as socket:
        assert json.loads(await socket.recv())["code"] == "invalid-position"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


async def test_an_api_that_is_stopped_ends_its_streams_and_tells_to_come_again(
    stack: RunningStack,
) -> None:
    project_id, specs = await two_specs(stack.database)
    port = free_port()
    async with stack.another_api(port) as pid:
        url = f"ws://127.0.0.1:{port}/api/v1/ws/events?since=%7B%22{project_id}%22:2%7D"
        async with connect(url) as socket:
            await say(stack, project_id, specs[0], "before")
            before = await told(socket)
            while before["event"]["project_id"] != str(project_id):
                before = await told(socket)
            os.kill(pid, signal.SIGTERM)
            async with asyncio.timeout(3):
                with pytest.raises(ConnectionClosed) as closed:
                    await told(socket, "nothing of this kind")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
