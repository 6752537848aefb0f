"""The real Anthropic client against a real server: every fault, and what is asked again."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr
from temporalio.testing import ActivityEnvironment

from activities.heartbeats import Progress
from activities.language.client import ModelClient
from activities.language.loop import Ended, Reply, Talk, ToolLoop, ToolUse
from models.contracts.base import SpecId
from models.contracts.events import AgentTurn
from models.contracts.phases import Phase
from models.contracts.projects import Project
from models.errors import AppError, RetryableError
from models.settings import LanguageSettings
from models.store import conversations
from tests.integration.test_store import make_spec
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


@pytest.mark.parametrize(
    ("model", "code", "retried"),
    [
        ("answer-400", "model-bad-request", False),
        ("answer-401", "model-unauthenticated", False),
        ("answer-403", "model-not-allowed", False),
        ("answer-404", "model-not-found", False),
        ("answer-429", "model-rate-limited", True),
        ("answer-500", "model-unavailable", True),
        ("answer-529", "model-unavailable", True),
        ("overloaded-in-stream", "model-unavailable", True),
        ("cut-stream", "model-unavailable", True),
        ("cut-late", "model-unavailable", True),
    ],
)
async def test_each_fault_has_its_code(
    stack: RunningStack, client: ModelClient, model: str, code: str, retried: bool
) -> None:
    before = stack.model.calls[model]
    with pytest.raises(AppError) as caught:
        await ask(client, model)
    assert caught.value.stable_code == code
    assert isinstance(caught.value, RetryableError) == retried
    assert stack.model.calls[model] == before + 1  # Temporal retries, not the SDK


async def test_a_rate_limit_says_when_to_come_back(client: ModelClient) -> None:
    with pytest.raises(RetryableError) as caught:
        await ask(client, "answer-429")
    assert caught.value.retry_after == timedelta(seconds=7)


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
        if use.name == "submit":
            return Reply("ok", ends=True, value=dict(use.input))
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
        turn_fact=lambda turn, tool, summary, usage: AgentTurn(
            turn=turn, tool=tool, summary=summary, usage=usage, phase=Phase.EXPLORE
        ),
    )


class Bench:
    """A spec and a loop to talk in."""

    def __init__(self, stack: RunningStack, client: ModelClient, project: Project, spec: SpecId):
        self.stack, self.project, self.spec_id = stack, project, spec
        self.loop = ToolLoop(stack.database, client)
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
        assert await conversations.lost_calls(session, bench.spec_id) == 0
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


async def test_an_endless_talker_is_stopped_at_its_turns(bench: Bench) -> None:
    ended = await bench.run("only-talks", max_turns=4)
    assert (ended.finished, ended.stopped, ended.turns) == (False, False, 4)


async def test_an_unknown_tool_comes_back_as_an_error(bench: Bench) -> None:
    await bench.run("unknown-tool", max_turns=2)
    assert bench.tools.calls == ["rm_rf", "rm_rf"]
    sent = bench.stack.model.bodies[-1]["messages"][-1]["content"][0]
    assert sent["is_error"] is True


async def test_a_refusal_is_told(bench: Bench) -> None:
    with pytest.raises(AppError) as caught:
        await bench.run("refuses")
    assert caught.value.stable_code == "model-refused"


async def test_waiting_for_the_provider_is_an_event_and_costs_no_try(bench: Bench) -> None:
    for _ in range(5):
        with pytest.raises(RetryableError):
            await bench.run("answer-429")
    waits = [e for e in await bench.stack.events(bench.spec_id) if e.event_type == "waiting"]
    assert len(waits) == 5
    assert waits[0].data["until"]
    assert "resumes at" in str(waits[0].data["reason"])


async def test_three_tries_without_a_turn_are_the_end(bench: Bench) -> None:
    codes: list[str] = []
    for _ in range(4):
        with pytest.raises(AppError) as caught:
            await bench.run("answer-401")
        codes.append(caught.value.stable_code)
    assert codes == ["model-unauthenticated"] * 3 + ["agent-stuck"]
