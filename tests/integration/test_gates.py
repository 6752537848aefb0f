"""Gates, questions and budgets through the API, against the real stack."""

import asyncio
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from models.contracts.base import SpecId
from models.contracts.budgets import BudgetLimits
from models.contracts.gates import DecisionKind, Gate, GateKind, GateStatus
from models.contracts.phases import PHASES, Phase
from models.contracts.projects import Environment, GatePolicy, ProjectSettings
from models.contracts.specs import PhaseState, SpecStatus
from tests.integration.test_revision import asking, code, end, launched, read
from tests.support.faults import FAULTS, ModelFault
from tests.support.stack import FEATURE, RunningStack, quick_settings
from workers.dev.demo.documents import CHECK_COMMAND

SECOND = timedelta(seconds=1)


async def test_two_people_decide_at_once_and_one_is_told(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS))
    gate, _ = await stack.gate(spec_id)
    answers = await asyncio.gather(*(stack.decide(gate, "approve") for _ in range(2)))
    assert sorted(a.status_code for a in answers) == [202, 409]
    loser = next(a for a in answers if a.status_code == 409)
    assert code(loser) == (409, "gate-not-open")
    await end(stack, spec_id)


async def test_a_decision_without_a_worker_is_answered_and_has_one_effect(
    stack: RunningStack,
) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS))
    gate, _ = await stack.gate(spec_id)
    await stack.stack.supervisor.stop(["worker"])
    key = {"Idempotency-Key": str(uuid4())}
    body = {"kind": "approve", "artifact_sha256": gate.document.sha256 if gate.document else ""}
    url = f"/api/v1/specs/{spec_id}/gates/{gate.id}/decision"
    began = time.monotonic()
    answer = await stack.http.post(url, json=body, headers=key)
    seconds = time.monotonic() - began
    assert code(answer) == (503, "outcome-unknown")
    assert answer.headers["retry-after"]
    assert seconds < 3
    worker = stack.stack.supervisor.children["worker"]
    worker.stopping = False
    await stack.stack.supervisor.start(worker)
    while answer.status_code == 503:
        answer = await stack.http.post(url, json=body, headers=key)
    assert answer.status_code == 202, answer.text
    again = await stack.http.post(url, json=body, headers=key)
    assert again.status_code == 202, "the same key is the same decision"
    await stack.until(
        spec_id, lambda e: e.event_type == "spec.phase_completed" and e.phase == "requirements"
    )
    decided = [e for e in await stack.events(spec_id) if e.event_type == "spec.gate_decided"]
    assert len(decided) == 1
    await end(stack, spec_id)


@pytest.mark.parametrize(
    ("policy", "then"), [("approve", SpecStatus.EXECUTING), ("reject", SpecStatus.CANCELLED)]
)
async def test_a_deadline_decides_by_policy(
    stack: RunningStack, policy: str, then: SpecStatus
) -> None:
    settings = asking(Phase.REQUIREMENTS, gate_deadline=SECOND, on_deadline=policy)
    spec_id = await launched(stack, settings)
    gate, _ = await stack.gate(spec_id)
    assert gate.deadline is not None
    expired = await stack.until(spec_id, lambda e: e.event_type == "spec.gate_expired")
    closed = Gate.model_validate(expired.data["gate"])
    assert (closed.status, closed.decision and closed.decision.by) == (
        GateStatus.EXPIRED,
        "policy",
    )
    if then == SpecStatus.CANCELLED:
        assert (await stack.until_closed(spec_id)).status == then
        return
    assert closed.decision is not None
    assert closed.decision.artifact_sha256 == (gate.document.sha256 if gate.document else None)
    await stack.until(
        spec_id, lambda e: e.event_type == "spec.phase_started" and e.phase == "design"
    )
    await end(stack, spec_id)


async def test_requirements_are_approved_by_their_shorthand(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS))
    gate, _ = await stack.gate(spec_id)
    url = f"/specs/{spec_id}/approve-requirements"
    assert code(await stack.post(url, {"artifact_sha256": "0" * 64})) == (409, "stale-document")
    early = await stack.post(f"/specs/{spec_id}/approve-design", {"artifact_sha256": "0" * 64})
    assert code(early) == (409, "gate-not-open")
    sha256 = gate.document.sha256 if gate.document else ""
    assert (await stack.post(url, {"artifact_sha256": sha256})).status_code == 202
    content = await read(stack, f"/specs/{spec_id}/versions/requirements/1/content")
    assert [r["id"] for r in content["requirements"]][:2] == ["REQ-001", "REQ-002"]
    await end(stack, spec_id)


async def test_a_reminder_keeps_the_gate_open(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS, gate_deadline=SECOND / 2))
    gate, _ = await stack.gate(spec_id)
    reminded = await stack.until(
        spec_id,
        lambda e: (
            e.event_type == "spec.gate_reminded"
            and Gate.model_validate(e.data["gate"]).reminders == 2
        ),
    )
    assert Gate.model_validate(reminded.data["gate"]).id == gate.id
    assert (await stack.decide(gate, "approve")).status_code == 202
    await end(stack, spec_id)


async def test_time_never_confirms_commands(stack: RunningStack) -> None:
    unconfirmed = Environment(check_command=CHECK_COMMAND, confirmed=False)
    settings = quick_settings(
        environment=unconfirmed, gate_deadline=SECOND / 4, on_deadline="approve"
    )
    spec_id = await launched(stack, settings)
    reminded = await stack.until(spec_id, lambda e: e.event_type == "spec.gate_reminded")
    assert Gate.model_validate(reminded.data["gate"]).phase == Phase.EXPLORE
    assert (await stack.api.spec(spec_id)).open_gate is not None
    await end(stack, spec_id)


async def test_a_question_is_answered_and_another_assumed(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.EXPLORE))
    gate, _ = await stack.gate(spec_id)
    asked = (await read(stack, f"/specs/{spec_id}/questions"))["items"]
    assert [q["status"] for q in asked] == ["open"] * 5
    assert (await stack.api.spec(spec_id)).open_questions == 5
    url = f"/questions/{asked[0]['id']}/answer"
    assert (await stack.post(url, {"answer": "Yes, up to one month."})).status_code == 202
    assert code(await stack.post(url, {"answer": "No."})) == (409, "question-not-open")
    assert code(await stack.post(f"/questions/{uuid4()}/answer", {"answer": "x"})) == (
        404,
        "question-not-found",
    )
    await stack.decide(gate, "approve")
    spec = await stack.until_closed(spec_id)
    assert (spec.status, spec.open_questions) == (SpecStatus.COMPLETED, 0)
    settled = (await read(stack, f"/specs/{spec_id}/questions"))["items"]
    assert [(q["status"], q["by"]) for q in settled[:2]] == [
        ("answered", "owner"),
        ("assumed", "policy"),
    ]
    attempts = await read(stack, f"/specs/{spec_id}/attempts")
    design = next(a for a in attempts if a["phase"] == "design")
    prompt = await read(stack, f"/specs/{spec_id}/attempts/{design['id']}/prompt")
    assert f"- {asked[0]['text']}: Yes, up to one month.\n" in prompt["opening"]
    assert f"{asked[1]['assumed_answer']} (assumed)" in prompt["opening"]
    assert spec.pull_request is not None
    assumed = spec.pull_request.body.split("## Assumed answers")[1].split("##")[0]
    assert asked[1]["text"] in assumed
    assert asked[0]["text"] not in assumed
    text = (await stack.http.get(f"/api/v1/specs/{spec_id}/export")).text
    assert f"**{asked[1]['text']}** {asked[1]['assumed_answer']} *(assumed)*" in text


@pytest.mark.parametrize("answered", [True, False])
async def test_questions_wait_until_their_deadline(stack: RunningStack, answered: bool) -> None:
    settings = asking(Phase.REQUIREMENTS, question_deadline=SECOND * (60 if answered else 1))
    spec_id = await launched(stack, settings)
    await stack.until(spec_id, lambda e: e.event_type == "question.asked")
    if answered:
        await stack.until(spec_id, lambda e: e.event_type == "spec.artifact_created")
        for question in (await read(stack, f"/specs/{spec_id}/questions"))["items"]:
            assert question["deadline"]
            answer = await stack.post(f"/questions/{question['id']}/answer", {"answer": "Yes."})
            assert answer.status_code == 202, answer.text
    await stack.gate(spec_id)
    settled = (await read(stack, f"/specs/{spec_id}/questions"))["items"]
    assert {q["status"] for q in settled} == {"answered" if answered else "assumed"}
    await end(stack, spec_id)


async def test_answers_given_at_launch_are_told_to_explore_and_after(stack: RunningStack) -> None:
    project = await stack.project(stack.remote(), asking(Phase.REQUIREMENTS))
    body = {
        "project_id": str(project.id),
        "description": FEATURE,
        "answers": [{"category": "scope", "answer": "Only whole months."}],
    }
    spec_id = SpecId((await stack.post("/specs/launch", body)).json()["spec_id"])
    await stack.gate(spec_id)
    for attempt in await read(stack, f"/specs/{spec_id}/attempts"):
        prompt = await read(stack, f"/specs/{spec_id}/attempts/{attempt['id']}/prompt")
        assert "- scope: Only whole months." in prompt["opening"]
    await end(stack, spec_id)


async def test_steering_notes_reach_every_phase(stack: RunningStack) -> None:
    project = await stack.project(stack.remote(), asking(Phase.REQUIREMENTS))
    put = await stack.http.put(
        f"/api/v1/projects/{project.id}/steering", json={"text": "Money is whole cents."}
    )
    assert put.json() == {"text": "Money is whole cents."}
    kept = await read(stack, f"/projects/{project.id}")
    assert kept["settings"]["gates"] == project.settings.model_dump(mode="json")["gates"]
    spec_id = await stack.launch(project)
    await stack.gate(spec_id)
    attempts = await read(stack, f"/specs/{spec_id}/attempts")
    prompt = await read(stack, f"/specs/{spec_id}/attempts/{attempts[0]['id']}/prompt")
    assert "# Steering notes of the project\n\nMoney is whole cents." in prompt["opening"]
    await end(stack, spec_id)


def limited(tokens: int, **update: Any) -> ProjectSettings:
    gates = {p: GatePolicy(mode="auto") for p in PHASES}
    return quick_settings(gates=gates, budget=BudgetLimits(usd=None, tokens=tokens), **update)


async def test_a_spent_budget_asks_once_and_a_raise_goes_on(stack: RunningStack) -> None:
    spec_id = await launched(stack, limited(40_000))
    gate, _ = await stack.gate(spec_id)
    assert (gate.kind, gate.options) == (
        GateKind.BUDGET,
        (DecisionKind.RAISE, DecisionKind.STOP),
    )
    assert code(await stack.decide(gate, "raise")) == (409, "budget-missing")
    before = stack.model_calls(spec_id)
    answer = await stack.decide(gate, "raise", budget={"usd": None, "tokens": 5_000_000})
    assert answer.status_code == 202, answer.text
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED
    calls = [call["call"] for call in stack.model_calls(spec_id)]
    assert len(calls) == len(set(calls)), "no stored turn is asked for again"
    assert calls[: len(before)] == [call["call"] for call in before]
    events = await stack.events(spec_id)
    assert len([e for e in events if e.event_type == "spec.gate_opened"]) == 1
    warned = [e for e in events if e.event_type == "spec.budget_warning"]
    assert warned[0].data["limit_tokens"] == 40_000
    usage = await read(stack, f"/specs/{spec_id}/usage")
    assert usage["spent_tokens"] > 0
    assert (usage["reserved_tokens"], usage["lost_calls"]) == (0, 0)


async def test_many_agents_that_hit_the_budget_open_one_gate(stack: RunningStack) -> None:
    spec_id = await launched(stack, limited(5_000_000))
    await stack.until(spec_id, lambda e: e.event_type == "task.working")
    low = {"budget": {"usd": None, "tokens": 20_000}}
    assert (await stack.post(f"/specs/{spec_id}/commands/set_budget", low)).status_code == 202
    gate, _ = await stack.gate(spec_id)
    assert gate.kind == GateKind.BUDGET
    waiting = await stack.until(
        spec_id, lambda e: e.event_type == "task.waiting" and "budget" in str(e.data["reason"])
    )
    assert waiting.task_id is not None
    high = {"budget": {"usd": None, "tokens": 9_000_000}}
    assert (await stack.post(f"/specs/{spec_id}/commands/set_budget", high)).status_code == 202
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED
    opened = [e for e in await stack.events(spec_id) if e.event_type == "spec.gate_opened"]
    assert len(opened) == 1


async def test_a_spent_budget_can_stop_the_spec(stack: RunningStack) -> None:
    spec_id = await launched(stack, limited(20_000))
    gate, _ = await stack.gate(spec_id)
    await stack.decide(gate, "stop", note="too dear")
    spec = await stack.until_closed(spec_id)
    assert (spec.status, spec.error) == (SpecStatus.CANCELLED, "too dear")


async def test_the_wall_clock_holds_the_spec(stack: RunningStack) -> None:
    budget = BudgetLimits(usd=None, tokens=9_000_000, wall_clock=SECOND)
    spec_id = await launched(stack, quick_settings(budget=budget))
    gate, _ = await stack.gate(spec_id)
    assert (gate.kind, "wall clock" in gate.summary) == (GateKind.BUDGET, True)
    more = {"usd": None, "tokens": 9_000_000, "wall_clock": "PT10M"}
    await stack.decide(gate, "raise", budget=more)
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED


async def test_a_model_without_a_price_needs_a_token_budget(stack: RunningStack) -> None:
    settings = quick_settings(planner_model="no-price", budget=BudgetLimits())
    project = await stack.project(stack.remote(), settings, is_demo=False)
    answer = await stack.post("/specs/launch", {"project_id": str(project.id), "description": "d"})
    assert code(answer) == (409, "price-unknown")
    assert "MODEL_PRICES" in answer.json()["detail"]


async def test_an_estimate_comes_from_the_projects_own_history(stack: RunningStack) -> None:
    project = await stack.project(stack.remote())
    body = {"project_id": str(project.id)}
    none = (await stack.post("/specs/estimate", body)).json()
    assert (none["usd"], none["source"]) == (None, "none")
    await stack.until_closed(await stack.launch(project))
    known = (await stack.post("/specs/estimate", body)).json()
    assert (known["specs"], known["source"]) == (1, "history")
    assert Decimal(known["usd"]["least"]) == 0
    assert Decimal(known["minutes"]["most"]) > 0


async def test_a_pause_stops_the_planner_between_two_turns(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking())
    await stack.until(spec_id, lambda e: e.event_type == "spec.phase_started")
    assert (await stack.post(f"/specs/{spec_id}/commands/pause")).status_code == 202
    assert (await stack.api.spec(spec_id)).status == SpecStatus.PAUSED
    assert (await stack.post(f"/specs/{spec_id}/commands/resume")).status_code == 202
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED
    calls = [call["call"] for call in stack.model_calls(spec_id)]
    assert len(calls) == len(set(calls))
    assert all(view.state == PhaseState.DONE for view in spec.phases)


async def test_a_judge_adds_its_verdict(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS, judge="blocking"))
    await stack.gate(spec_id)
    attempts = await read(stack, f"/specs/{spec_id}/attempts")
    judged = attempts[-1]["evaluation"]
    assert judged["judge"] == {"passed": True, "score": 0.9, "doubts": []}
    assert "judge" in [f["rule"] for f in judged["findings"]]
    calls = [call["call"] for call in stack.model_calls(spec_id)]
    assert len([call for call in calls if call.endswith("/judge")]) == 2, "not where rules failed"
    await end(stack, spec_id)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_what_a_person_sees_of_each_model_fault(
    stack: RunningStack, fault: ModelFault
) -> None:
    settings = quick_settings(planner_model=fault.name)
    project = await stack.project(stack.remote(), settings, is_demo=False)
    spec_id = await stack.launch(project)
    if fault.sees == "waits":
        await stack.until(spec_id, lambda e: e.event_type == "waiting")
        spec = await stack.api.spec(spec_id)
        assert spec.waiting_until is not None
        assert f"Resumes at {spec.waiting_until:%H:%M}" in (spec.waiting_reason or "")
        assert spec.open_gate is None
    else:
        gate, _ = await stack.gate(spec_id)
        assert (gate.kind, gate.reason_code) == (GateKind.FAILURE, fault.sees)
        assert DecisionKind.RETRY in gate.options
    await end(stack, spec_id)


async def test_an_attempt_that_waits_is_given_up_for_a_retry(stack: RunningStack) -> None:
    settings = quick_settings(planner_model="answer-429-long")
    project = await stack.project(stack.remote(), settings, is_demo=False)
    spec_id = await stack.launch(project)
    waits = await stack.until(spec_id, lambda e: e.event_type == "waiting")
    answer = await stack.post(f"/specs/{spec_id}/commands/retry_phase", {"reason": "again"})
    assert answer.status_code == 202, answer.text
    begun = await stack.until(
        spec_id, lambda e: e.event_type == "spec.phase_started" and e.seq > waits.seq
    )
    assert begun.data["attempt"] == 2
    await end(stack, spec_id)


async def test_an_agent_that_waits_for_the_provider_holds_no_slot(stack: RunningStack) -> None:
    settings = quick_settings(agent_model="answer-429-long")
    spec_id = await stack.launch(await stack.project(stack.remote(), settings))
    told = await stack.until(
        spec_id,
        lambda e: e.event_type == "task.waiting" and "asks to wait until" in str(e.data["reason"]),
    )
    spec = await stack.api.spec(spec_id)
    async with asyncio.timeout(10):
        while await _slots(stack, str(spec.project_id), str(told.task_id)):  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.05)
    await end(stack, spec_id)


async def _slots(stack: RunningStack, project_id: str, task_id: str) -> int:
    """How many slots, or places in the queue, a task has."""
    async with stack.database.begin() as session:
        found = await session.execute(
            text("SELECT count(*) FROM task_slots WHERE project_id = :p AND holder LIKE :t"),
            {"p": project_id, "t": f"%{task_id}%"},
        )
    return int(found.scalar_one())
