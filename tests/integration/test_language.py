"""The real Anthropic client against a real server: every fault, and what is asked again."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr
from temporalio.testing import ActivityEnvironment

from activities.heartbeats import Progress
from activities.language.calls import CallBook
from activities.language.client import ModelClient
from activities.language.loop import ToolLoop
from activities.language.talks import Ended, Reply, Talk, ToolUse
from models.contracts.base import SpecId
from models.contracts.budgets import BudgetLimits
from models.contracts.phases import Phase
from models.contracts.projects import Project
from models.errors import AppError, RetryableError
from models.settings import LanguageSettings
from models.store import budgets, conversations
from tests.integration.test_store import make_spec
from tests.support.faults import FAULTS, ModelFault
from tests.support.stack import RunningStack


@pytest.fixture
async def client(stack: RunningStack) -> AsyncGenerator[ModelClient]:
    settings = LanguageSettings(
        anthropic_api_key=SecretStr("k"),
        anthropic_base_url=stack.model.url,
        scripted_model_url=f"{stack.model.url}/scripted",
    )
    made = ModelClient(settings)
    yield made
    await made.close()


async def ask(client: ModelClient, model: str) -> None:
    await client.ask(
        scripted=False,
        model=model,
        system="s",
        messages=[{"role": "user", "content": "hello"}],
        tools=[],
        headers={},
        on_progress=lambda: None,
    )


async def test_no_key_and_no_script_means_not_configured() -> None:
    with pytest.raises(AppError) as caught:
        await ask(ModelClient(LanguageSettings(anthropic_api_key=None)), "m")
    assert caught.value.stable_code == "model-not-configured"


class Tools:
    """Ends on ``submit``; counts what was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        return [{"name": "submit", "input_schema": {"type": "object"}}]

    async def call(self, use: ToolUse) -> Reply:
        self.calls.append(use.name)
        if use.name == "submit" and use.input:
            return Reply("ok", ends=True, value=dict(use.input))
        if use.name == "submit":
            return Reply("The document is not valid", is_error=True)
        return Reply(f"no tool {use.name}", is_error=True)


def talk(project: Project, spec_id: SpecId, model: str, *, max_turns: int = 10) -> Talk:
    return Talk(
        conversation_id=f"{spec_id}/explore/{model}",
        project_id=project.id,
        spec_id=spec_id,
        scripted=model == "scripted-model",
        model=model,
        system="s",
        opening="o",
        headers={"x-spec-id": str(spec_id), "x-spec-phase": "explore", "x-attempt": "1"},
        max_turns=max_turns,
        nudge="Call submit.",
        phase=Phase.EXPLORE,
    )


class Bench:
    """A spec and a loop to talk in."""

    def __init__(self, stack: RunningStack, client: ModelClient, project: Project, spec: SpecId):
        self.stack, self.project, self.spec_id = stack, project, spec
        book = CallBook(
            stack.database, client, daily_usd=Decimal(50), longest_pause=timedelta(seconds=30)
        )
        self.loop = ToolLoop(stack.database, client, book)
        self.tools = Tools()

    async def run(self, model: str, *, stop_after: int | None = None, max_turns: int = 10) -> Ended:
        asked = 0

        async def should_stop() -> bool:
            nonlocal asked
            asked += 1
            return stop_after is not None and asked > stop_after

        async def inside() -> Ended:
            progress = Progress(timedelta(minutes=1))
            chosen = talk(self.project, self.spec_id, model, max_turns=max_turns)
            return await self.loop.run(chosen, self.tools, progress, should_stop)

        return await ActivityEnvironment().run(inside)


@pytest.fixture
async def bench(stack: RunningStack, client: ModelClient) -> Bench:
    project = await stack.project(Path("/srv/none"))
    return Bench(stack, client, project, await make_spec(stack.database, project.id))


async def test_a_resumed_conversation_asks_for_no_stored_turn_again(bench: Bench) -> None:
    stopped = await bench.run("scripted-model", stop_after=2)
    assert stopped.stopped
    ended = await bench.run("scripted-model")
    assert ended.finished
    mine = [call for call in bench.stack.model.script.calls if call.startswith(str(bench.spec_id))]
    assert len(mine) == len(set(mine)) == 3
    async with bench.stack.database.begin() as session:
        assert (await budgets.get_state(session, bench.spec_id)).lost_calls == 0
        turns = await conversations.list_turns(session, f"{bench.spec_id}/explore/scripted-model")
    assert [turn.turn for turn in turns] == [1, 2, 3]
    again = await bench.run("scripted-model")
    assert again.value == ended.value
    assert len([c for c in bench.stack.model.script.calls if c.startswith(str(bench.spec_id))]) == 3


async def test_turns_are_told_with_their_usage(bench: Bench) -> None:
    await bench.run("scripted-model")
    told = [e for e in await bench.stack.events(bench.spec_id) if e.event_type == "agent.turn"]
    assert [event.data["turn"] for event in told] == [1, 2, 3]
    view = told[-1].view
    assert view is not None
    assert view.spec is not None
    assert view.spec.usage.calls == 3


async def outcome(bench: Bench, fault: ModelFault) -> tuple[str, AppError | None]:
    """How a talk of three turns ends: with an error's code, or out of turns."""
    try:
        ended = await bench.run(fault.name, max_turns=3)
    except AppError as error:
        return error.stable_code, error
    assert not ended.finished
    return "out-of-turns", None


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_each_fault_is_retried_and_paid_as_the_table_says(
    bench: Bench, fault: ModelFault
) -> None:
    model = bench.stack.model
    before = model.calls[fault.name]
    ends, error = await outcome(bench, fault)
    assert ends == fault.ends
    assert isinstance(error, RetryableError) == fault.retried
    turns = 3 if fault.ends == "out-of-turns" else 1
    assert model.calls[fault.name] == before + turns  # Temporal retries, not the SDK
    async with bench.stack.database.begin() as session:
        left = await budgets.get_state(session, bench.spec_id)
        lost = await budgets.lose(session, f"{bench.spec_id}/explore/{fault.name}")
    expected = {"no": (0, 0), "at-most": (1, 0), "yes": (0, 15 * turns)}[fault.paid]
    assert (len(lost), left.spent_tokens) == expected
    assert (left.reserved_tokens > 0) == (fault.paid == "at-most")
    if fault.told_back:
        assert fault.told_back in json.dumps(model.bodies[-1]["messages"][-1])


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.retried], ids=lambda fault: fault.name)
async def test_a_wait_is_an_event_with_its_end_and_costs_no_try(
    bench: Bench, fault: ModelFault
) -> None:
    for _ in range(5):
        with pytest.raises(RetryableError) as caught:
            await bench.run(fault.name)
        assert caught.value.retry_after is not None
        if fault.waits_seconds is not None:
            assert caught.value.retry_after == timedelta(seconds=fault.waits_seconds)
    waits = [e for e in await bench.stack.events(bench.spec_id) if e.event_type == "waiting"]
    assert len(waits) == 5
    until = datetime.fromisoformat(str(waits[0].data["until"]))
    pause = (until - waits[0].created_at).total_seconds()
    assert pause == pytest.approx(fault.waits_seconds or 2, abs=2)
    assert f"Resumes at {until:%H:%M}" in str(waits[0].data["reason"])


async def test_three_tries_without_a_turn_are_the_end(bench: Bench) -> None:
    codes: list[str] = []
    for _ in range(4):
        with pytest.raises(AppError) as caught:
            await bench.run("answer-401")
        codes.append(caught.value.stable_code)
    assert codes == ["model-unauthenticated"] * 3 + ["agent-stuck"]


async def test_a_lost_call_is_told_and_counted_at_its_worst_case(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(RetryableError):
            await bench.run("cut-stream")
    told = [e for e in await bench.stack.events(bench.spec_id) if e.event_type == "model.call_lost"]
    assert [event.data["turn"] for event in told] == [1]
    at_most = told[0].data["at_most_tokens"]
    assert isinstance(at_most, int)
    assert at_most > 16_000, "its input and its longest answer"
    usage = (await bench.stack.http.get(f"/api/v1/specs/{bench.spec_id}/usage")).json()
    assert (usage["lost_calls"], usage["lost_tokens"]) == (1, at_most)


async def test_the_last_message_ends_a_cached_prefix(bench: Bench) -> None:
    await bench.run("unknown-tool", max_turns=2)
    body = bench.stack.model.bodies[-1]
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in json.dumps(body["messages"][:-1])


async def test_what_does_not_fit_by_size_is_counted_by_the_provider(bench: Bench) -> None:
    async with bench.stack.database.begin() as session:
        limits = BudgetLimits(usd=None, tokens=18_000)
        await budgets.set_limits(session, bench.spec_id, limits)
    before = bench.stack.model.counted
    await bench.run("only-talks", max_turns=1)
    assert bench.stack.model.counted == before + 1
    with pytest.raises(AppError) as caught:
        await bench.run("unknown-tool", max_turns=200)
    assert caught.value.stable_code == "budget-exhausted"
