"""Something is down: every route answers as documented, within three seconds, and never hangs."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest

from models.contracts.phases import Phase
from models.contracts.specs import SpecStatus
from tests.integration.test_revision import asking
from tests.support.routes import Operation, body_of, operations
from tests.support.stack import RunningStack, running_stack

_LIMIT_SECONDS = 3.0
_AT_ONCE = 4
# reads of Git, which a worker does, and of Temporal's own history
_ASKING = ("projects/{project_id}/branches", "repositories", "specs/{spec_id}/history")
_OUTAGES = ("postgres", "temporal", "worker")


@pytest.fixture(scope="module")
async def own_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningStack]:
    """A stack of its own, because its parts are taken away."""
    async with running_stack(tmp_path_factory.mktemp("outages")) as running:
        yield running


async def ids(stack: RunningStack) -> dict[str, str]:
    """A spec that waits for a person, and a task and a ticket of another that has ended."""
    project = await stack.project(stack.remote(), asking(Phase.REQUIREMENTS))
    spec_id = await stack.launch(project)
    await stack.gate(spec_id)
    done = await stack.launch(await stack.project(stack.remote(), asking()))
    assert (await stack.until_closed(done)).status == SpecStatus.COMPLETED
    task = (await stack.api.tasks(done)).items[0]
    return {
        "project_id": str(project.id),
        "spec_id": str(spec_id),
        "task_id": str(task.id),
        "ticket_id": str(task.ticket_id),
        "sandbox_id": f"plan-{spec_id}",
    }


async def call_every_route(
    stack: RunningStack, known: dict[str, str]
) -> list[tuple[str, int, str, float]]:
    """Route, status, code and seconds of each, a few at once."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def call(operation: Operation) -> tuple[str, int, str, float]:
        there = {} if operation.method == "DELETE" else known
        url = operation.url(**{k: v for k, v in there.items() if k in operation.names})
        if url.endswith("/diff"):
            url += "?phase=explore&from=1&to=1"
        async with room:
            began = time.monotonic()
            headers = {"If-Match": '"1"', "Idempotency-Key": str(uuid4())}
            body = body_of(operation)
            answer = await stack.http.request(operation.method, url, json=body, headers=headers)
            took = time.monotonic() - began
        failed = answer.status_code >= 400 and operation.path != "/readyz"
        code = answer.json()["code"] if failed else ""
        if answer.status_code == 503 and failed:
            assert int(answer.headers["retry-after"]) > 0, operation
        return f"{operation.method} {operation.path}", answer.status_code, code, took

    return list(await asyncio.gather(*(call(operation) for operation in operations())))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("outage", _OUTAGES)
async def test_every_route_answers_while_something_is_down(
    own_stack: RunningStack, outage: str
) -> None:
    stack = own_stack
    known = await ids(stack)
    await stack.stack.supervisor.stop([outage])
    try:
        answers = await call_every_route(stack, known)
        stream = await stack.http.get("/api/v1/stream") if outage == "postgres" else None
    finally:
        child = stack.stack.supervisor.children[outage]
        child.stopping = False
        await stack.stack.supervisor.start(child)
    slow = [answer for answer in answers if answer[3] >= _LIMIT_SECONDS]
    assert slow == []
    assert [answer for answer in answers if answer[1] == 500] == []
    told = Counter(code for _, status, code, _ in answers if status == 503)
    print(f"{outage} is down: {told}, slowest {max(a[3] for a in answers):.1f} s")  # noqa: T201
    if stream is not None:
        assert (stream.status_code, stream.json()["code"]) == (503, "database-unavailable")
        assert told["database-unavailable"] > 90
    else:
        asking = {f"GET /api/v1/{end}" for end in _ASKING} | {"GET /readyz"}
        reads = [a for a in answers if a[0].startswith("GET") and a[0] not in asking]
        assert [a for a in reads if a[1] == 503] == []
        assert told, "what needs it says so"
    async with asyncio.timeout(60):
        while (await stack.http.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - a state
            await asyncio.sleep(0.2)
