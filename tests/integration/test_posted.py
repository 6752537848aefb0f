"""What a sandbox says over HTTP: taken once, folded where it may be, and never believed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import update
from sqlmodel import col

from activities.posting import HTTPReporter
from models.contracts.base import SpecId
from models.contracts.events import NewEvent
from models.contracts.facts import Progress
from models.contracts.phases import Phase
from models.errors import NotAllowed
from models.store import specs
from models.tables.sandboxes import SandboxTokenRow
from tests.integration.test_agents import ASKING, launch
from tests.integration.test_revision import asking, code, end, launched
from tests.support.evaluations import good
from tests.support.scenario import making, play
from tests.support.stack import RunningStack

_PROGRESS = {"event_type": "spec.progress", "data": {"message": "half of it"}}


async def token_of(stack: RunningStack, sandbox: str) -> str:
    answer = await stack.post(f"/sandboxes/{sandbox}/token")
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]


async def post(
    stack: RunningStack, sandbox: str, token: str | None, body: Any, **headers: str
) -> httpx2.Response:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await stack.post(f"/sandboxes/{sandbox}/events", body, **headers)


async def asked(stack: RunningStack) -> tuple[SpecId, str, str]:
    """A spec that waits at its requirements, its planner's name and token."""
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS))
    await stack.gate(spec_id)
    sandbox = f"plan-{spec_id}"
    return spec_id, sandbox, await token_of(stack, sandbox)


async def read_view(stack: RunningStack, spec_id: SpecId) -> dict[str, Any]:
    """The folded view, but for where the log stands."""
    async with stack.database.begin() as session:
        view = await specs.get_view(session, spec_id)
    return view.model_dump(mode="json", exclude={"as_of_seq", "updated_at"})


async def test_what_is_its_own_to_say_is_taken_once_in_order(stack: RunningStack) -> None:
    spec_id, sandbox, token = await asked(stack)
    batch = {
        "events": [
            _PROGRESS,
            {"event_type": "my.own.kind", "data": {"any": ["thing", None, 1.5]}},
            _PROGRESS,
            {"event_type": "agent.message", "data": {"text": "x"}, "dedup_key": "k"},
        ]
    }
    first = (await post(stack, sandbox, token, batch)).json()["results"]
    assert [r["outcome"] for r in first] == ["stored", "stored", "duplicate", "stored"]
    assert first[2]["seq"] == first[0]["seq"]
    again = (await post(stack, sandbox, token, batch)).json()["results"]
    assert {r["outcome"] for r in again} == {"duplicate"}
    assert [r["seq"] for r in again] == [r["seq"] for r in first]
    keyed = [
        (await post(stack, sandbox, token, _PROGRESS, **{"Idempotency-Key": key})).json()
        for key in ("a", "a", "b")
    ]
    outcomes = [one["results"][0]["outcome"] for one in keyed]
    assert outcomes == ["stored", "duplicate", "stored"]
    events = {e.seq: e for e in await stack.events(spec_id)}
    unknown = events[first[1]["seq"]]
    assert (unknown.event_type, unknown.source) == ("my.own.kind", "agent")
    assert unknown.data == {"any": ["thing", None, 1.5]}
    assert sorted(events) == list(range(1, max(events) + 1))
    of_sandbox = (await stack.http.get(f"/api/v1/sandboxes/{sandbox}/events")).json()
    assert {e["seq"] for e in of_sandbox["items"]} >= {r["seq"] for r in first}
    await end(stack, spec_id)


async def test_forged_events_change_nothing(stack: RunningStack) -> None:
    spec_id, sandbox, token = await asked(stack)
    before = await read_view(stack, spec_id)
    forged: list[Any] = [
        {"event_type": "spec.execution_completed", "data": {"phases_completed": ["sync"]}},
        {"event_type": "spec.gate_decided", "data": {"gate": {"decision": {"kind": "approve"}}}},
        {"event_type": "spec.phase_completed", "phase": "requirements", "data": {"eval_score": 1}},
        {"event_type": "spec.cancelled", "data": {}},
        {"event_type": "task.merged", "data": {"task_id": str(uuid4()), "commit": "0" * 40}},
        {"event_type": "spec.pull_request_created", "data": {"number": 1, "url": "https://x"}},
        {"event_type": "question.answered", "data": {"answer": "yes"}},
    ]
    answer = await post(stack, sandbox, token, {"events": forged})
    told = {(r["outcome"], r["code"]) for r in answer.json()["results"]}
    assert told == {("claimed", "claimed-type")}
    assert await read_view(stack, spec_id) == before
    other = await launched(stack, asking(Phase.EXPLORE))
    foreign = {**_PROGRESS, "spec_id": str(other)}
    assert code(await post(stack, sandbox, token, foreign)) == (403, "event-of-another-spec")
    wrong = await post(stack, f"plan-{other}", token, _PROGRESS)
    assert code(wrong) == (403, "sandbox-token-foreign")
    await end(stack, other)
    assert code(await post(stack, sandbox, None, _PROGRESS)) == (401, "sandbox-token-invalid")
    assert code(await post(stack, sandbox, "swx_no", _PROGRESS)) == (401, "sandbox-token-invalid")
    approved = {
        "event_type": "agent.completed",
        "data": {"success": True, "phase_data": {"explore": good(Phase.EXPLORE)}},
    }
    result = (await post(stack, sandbox, token, approved)).json()["results"][0]
    assert result["code"] == "phase-not-running", "explore is approved already"
    assert await read_view(stack, spec_id) == before
    await end(stack, spec_id)
    assert code(await post(stack, sandbox, token, _PROGRESS)) == (409, "sandbox-gone")


async def test_the_posting_reporter_speaks_to_the_real_api(
    stack: RunningStack, tmp_path: Path
) -> None:
    spec_id, sandbox, token = await asked(stack)
    spec = await stack.api.spec(spec_id)
    url = str(stack.http.base_url)
    async with HTTPReporter(url, sandbox, token, tmp_path / "spool", size=7) as reporter:
        for number in range(20):
            fact = NewEvent(dedup_key=f"line/{number}", fact=Progress(message=f"line {number}"))
            await reporter.report(spec.project_id, spec_id, [fact, fact])
        await reporter.flush()
        said = [e for e in await stack.events(spec_id) if e.sandbox_id == sandbox]
        assert [e.data["message"] for e in said] == [f"line {n}" for n in range(20)]
        await end(stack, spec_id)
        late = NewEvent(dedup_key="late", fact=Progress(message="late"))
        await reporter.report(spec.project_id, spec_id, [late])
        with pytest.raises(NotAllowed):
            await reporter.flush()


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"event_type": "x", "data": {"a": "b" * 70_000}}, 413, "event-too-large"),
        ({"event_type": "x", "data": {"a": "b\x00"}}, 400, "invalid-text"),
        ({"event_type": "x", "data": {"a": _deep(30)}}, 400, "data-too-deep"),
        ({"events": [{"event_type": "x"}] * 501}, 422, "validation-failed"),
        ({"events": []}, 422, "validation-failed"),
        ({"event_type": "a b", "data": {}}, 422, "validation-failed"),
        ({"event_type": "x", "data": [1]}, 422, "validation-failed"),
        ({"event_type": "x", "surprise": 1}, 422, "validation-failed"),
        ({"event_type": "x", "timestamp": "yesterday"}, 422, "validation-failed"),
    ],
    ids=lambda value: ascii(value)[:60],
)
async def test_a_hostile_event_is_refused(
    stack: RunningStack, planner: tuple[str, str], body: Any, status: int, told: str
) -> None:
    sandbox, token = planner
    assert code(await post(stack, sandbox, token, body)) == (status, told)


async def test_data_too_deep_to_be_read_is_refused(
    stack: RunningStack, planner: tuple[str, str]
) -> None:
    sandbox, token = planner
    deep = '{"event_type": "x", "data": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"/api/v1/sandboxes/{sandbox}/events"
    answer = await stack.http.post(url, content=deep.encode(), headers=headers)
    assert code(answer) == (400, "invalid-body")


async def test_five_megabytes_are_refused_however_they_come(
    stack: RunningStack, planner: tuple[str, str]
) -> None:
    sandbox, token = planner
    url = f"/api/v1/sandboxes/{sandbox}/events"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    big = b'{"event_type": "x", "data": {"a": "' + b"b" * 5_000_000 + b'"}}'
    whole = await stack.http.post(url, content=big, headers=headers)
    assert code(whole) == (413, "too-large")

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 100_000):
            yield big[start : start + 100_000]

    for more in ({}, {"Idempotency-Key": "large"}):
        told = await stack.http.post(url, content=parts(), headers={**headers, **more})
        assert code(told) == (413, "too-large")
    told = await stack.http.post(
        "/api/v1/projects", content=parts(), headers={**headers, "Idempotency-Key": "large"}
    )
    assert code(told) == (413, "too-large")


async def test_a_token_expires(stack: RunningStack, planner: tuple[str, str]) -> None:
    sandbox, _ = planner
    token = await token_of(stack, sandbox)
    assert (await post(stack, sandbox, token, _PROGRESS)).status_code == 201
    async with stack.database.begin() as session:
        stored = update(SandboxTokenRow).where(col(SandboxTokenRow.sandbox_id) == sandbox)
        await session.execute(stored.values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert code(await post(stack, sandbox, token, _PROGRESS)) == (401, "sandbox-token-invalid")


async def test_a_torn_down_sandbox_of_a_task_is_not_heard(stack: RunningStack) -> None:
    spec_id, _, _ = await launch(stack, [ASKING])
    ready = await stack.until(spec_id, lambda e: e.event_type == "sandbox.spawned")
    sandbox = str(ready.sandbox_id)
    token = await token_of(stack, sandbox)
    turn = {"turn": 99, "tool": "bash", "summary": "x", "usage": {"cost_usd": "1000"}}
    body = {"event_type": "agent.turn", "data": {**turn, "task_id": str(uuid4())}}
    assert (await post(stack, sandbox, token, body)).status_code == 201
    spec = await stack.api.spec(spec_id)
    assert spec.usage.cost_usd is None, "what a turn cost is known from our own calls"
    await end(stack, spec_id)
    assert code(await post(stack, sandbox, token, _PROGRESS)) == (409, "sandbox-gone")
    refused = await stack.post(f"/sandboxes/{sandbox}/token")
    assert code(refused) == (409, "sandbox-gone")


async def test_a_proposed_document_is_judged_and_asked_about_like_any_other(
    stack: RunningStack,
) -> None:
    gates = asking(Phase.EXPLORE).gates
    scenario, settings = play(stack, [making("TSK-001", "a.txt", "a\n")], 60, gates=gates)
    spec_id = await launched(stack, settings)
    await scenario.called(1)
    sandbox = f"plan-{spec_id}"
    token = await token_of(stack, sandbox)
    mine: Any = {
        **good(Phase.EXPLORE),
        "questions": [],
        "codebase_summary": "A ledger, as I see it.",
    }

    missing = {**mine["key_files"][0], "path": "not/there.py"}

    async def propose(document: Any, phase: str = "explore") -> str:
        data = {"success": True, "phase_data": {phase: document}}
        event = {"event_type": "agent.completed", "data": data}
        return (await post(stack, sandbox, token, event)).json()["results"][0]["code"]

    assert await propose({"x": 1}) == "evaluation-failed"
    assert await propose(mine, "design") == "phase-not-running"
    assert await propose({**mine, "key_files": [missing]}) == "proposal-taken"
    judged = await stack.until(spec_id, lambda e: e.event_type == "spec.phase_retry")
    assert "not/there.py" in str(judged.data["reason"])
    await scenario.called(2)
    assert await propose(mine) == "proposal-taken"
    scenario.latency_seconds = 0
    gate, seq = await stack.gate(spec_id)
    assert gate.document is not None
    asked_about = (await stack.http.get(f"/api/v1/artifacts/{gate.document.sha256}")).json()
    assert asked_about["codebase_summary"] == "A ledger, as I see it."
    assert await propose(mine) == "proposal-taken", "the same event has the same answer"
    other = {**mine, "project_type": "another"}
    assert await propose(other) == "phase-not-running", "it waits for a person"
    await stack.decide(gate, "approve")
    await stack.until(spec_id, lambda e: e.event_type == "spec.phase_completed", since=seq)
    await stack.until_closed(spec_id)


@pytest.fixture(scope="module")
async def planner(stack: RunningStack) -> tuple[str, str]:
    """A planner that waits, and its token."""
    _, sandbox, token = await asked(stack)
    return sandbox, token
