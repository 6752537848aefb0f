"""Agents and people: questions, messages, commands on tasks, and sandboxes that vanish."""

import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from models.contracts.base import SpecId
from models.contracts.events import Event
from models.contracts.specs import SpecStatus
from models.contracts.tasks import TaskState, TaskView
from models.store import slots
from tests.support.scenario import Job, Scenario, ask, bash, finish, making, play, write
from tests.support.stack import RunningStack
from workers.dev.demo.remote import git

FIRST = "TSK-001"


async def launch(
    stack: RunningStack, jobs: list[Job], **update: Any
) -> tuple[SpecId, Path, Scenario]:
    """A spec of these jobs, the remote it works on, and its model."""
    scenario, settings = play(stack, jobs, **update)
    remote = stack.remote()
    spec_id = await stack.launch(await stack.project(remote, settings, is_demo=False))
    return spec_id, remote, scenario


async def task_of(stack: RunningStack, spec_id: SpecId, name: str = FIRST) -> TaskView:
    return next(t for t in (await stack.api.tasks(spec_id)).items if t.local_id == name)


async def happened(stack: RunningStack, spec_id: SpecId, event: str, **data: Any) -> Event:
    return await stack.until(
        spec_id,
        lambda e: e.event_type == event and all(e.data.get(k) == v for k, v in data.items()),
    )


async def command(stack: RunningStack, task: TaskView, name: str, **body: Any) -> httpx2.Response:
    return await stack.post(f"/tasks/{task.id}/commands/{name}", body)


def on_branch(remote: Path, branch: str | None, path: str) -> str:
    return git(remote, "show", f"{branch}:{path}")


ASKING = Job(
    FIRST,
    [
        [
            [write("notes.txt", "begun\n")],
            [ask("Which colour?", "Green.")],
            [bash("echo more >> notes.txt")],
            [finish("Write the notes")],
        ]
    ],
    files=["notes.txt"],
)


async def test_an_agent_that_asks_waits_without_a_slot_and_goes_on_with_the_answer(
    stack: RunningStack,
) -> None:
    spec_id, remote, scenario = await launch(stack, [ASKING])
    asked = await happened(stack, spec_id, "question.asked")
    await happened(stack, spec_id, "sandbox.idle")
    spec = await stack.api.spec(spec_id)
    task = await task_of(stack, spec_id)
    assert (task.state, task.sandbox_id) == (TaskState.WAITING, None)
    assert "Which colour?" in (task.reason or "")
    assert task.sandbox_seconds > 0
    assert spec.open_questions == 1
    async with stack.database.begin() as session:
        assert await slots.count(session, spec.project_id) == (0, 0)
    question: Any = asked.data["question"]
    assert question["options"] == ["Yes.", "No."]
    answer = await stack.post(f"/questions/{question['id']}/answer", {"answer": "Blue."})
    assert answer.status_code == 202, answer.text
    late = await stack.post(f"/questions/{question['id']}/answer", {"answer": "Red."})
    assert (late.status_code, late.json()["code"]) == (409, "question-not-open")
    done = await stack.until_closed(spec_id)
    assert done.status == SpecStatus.COMPLETED
    assert on_branch(remote, done.branch_name, "notes.txt") == "begun\nmore"
    bodies = [b for b in stack.model.bodies if b["model"] == scenario.model]
    told = str(bodies[-1]["messages"])
    assert "Answer: Blue." in told
    assert len(scenario.calls) == len(set(scenario.calls)), "no stored turn is asked for again"


async def test_a_question_nobody_answers_is_assumed_at_its_deadline(stack: RunningStack) -> None:
    spec_id, _, scenario = await launch(stack, [ASKING], question_deadline=timedelta(seconds=1))
    done = await stack.until_closed(spec_id)
    assert done.status == SpecStatus.COMPLETED
    assert done.open_questions == 0
    bodies = [b for b in stack.model.bodies if b["model"] == scenario.model]
    assert "what you assumed stands: Green." in str(bodies[-1]["messages"])


async def test_a_message_reaches_the_agent_at_its_next_turn(stack: RunningStack) -> None:
    turns = [[write("notes.txt", "a\n")], [bash("cat notes.txt")], [finish()]]
    spec_id, _, scenario = await launch(stack, [Job(FIRST, [turns], files=["notes.txt"])])
    hold = stack.model.holds[scenario.model, 2] = threading.Event()
    task = await first_task(stack, spec_id)
    await scenario.asked(task.id, 2)
    sent = await stack.post(f"/tasks/{task.id}/messages", {"text": "Mind the <b>gap</b>."}, **key())
    again = await stack.post(
        f"/tasks/{task.id}/messages", {"text": "Mind the <b>gap</b>."}, **key()
    )
    assert (sent.status_code, again.status_code) == (202, 202)
    hold.set()
    delivered = await happened(stack, spec_id, "agent.message", delivered=True)
    assert delivered.data["turn"] == 2
    await stack.until_closed(spec_id)
    messages = (await stack.http.get(f"/api/v1/tasks/{task.id}/messages")).json()
    assert [(m["text"], m["turn"], m["by"]) for m in messages] == [
        ("Mind the <b>gap</b>.", 2, "owner")
    ]
    bodies = [b for b in stack.model.bodies if b["model"] == scenario.model]
    assert str(bodies[-1]["messages"]).count("Mind the <b>gap</b>.") == 1
    transcript = (await stack.http.get(f"/api/v1/tasks/{task.id}/transcript")).json()
    assert [turn["turn"] for turn in transcript["turns"]] == [1, 2, 3]
    assert transcript["turns"][1]["results"][-1]["type"] == "text"
    late = await stack.post(f"/tasks/{task.id}/messages", {"text": "too late"})
    assert (late.status_code, late.json()["code"]) == (409, "command-not-allowed")


def key() -> dict[str, str]:
    return {"Idempotency-Key": "once"}


async def first_task(stack: RunningStack, spec_id: SpecId) -> TaskView:
    await happened(stack, spec_id, "task.working")
    return await task_of(stack, spec_id)


def vanish(stack: RunningStack, task: TaskView) -> None:
    """Remove the sandbox as a crashed host would."""
    root = stack.data / "sandboxes"
    for folder in [*root.glob(f"task-{task.id}-g*"), *stack.data.rglob(f"task-{task.id}-g*")]:
        shutil.rmtree(folder, ignore_errors=True)


LONG = [
    [write("one.txt", "1\n")],
    [write("two.txt", "2\n")],
    [bash("cat one.txt two.txt > three.txt")],
    [finish("Write three files")],
]


async def test_a_sandbox_that_vanishes_is_built_again_from_the_last_checkpoint(
    stack: RunningStack,
) -> None:
    job = Job(FIRST, [LONG], files=["three.txt"])
    spec_id, remote, scenario = await launch(stack, [job])
    hold = stack.model.holds[scenario.model, 3] = threading.Event()
    task = await first_task(stack, spec_id)
    await scenario.asked(task.id, 3)
    vanish(stack, task)
    hold.set()
    await happened(stack, spec_id, "sandbox.lost")
    done = await stack.until_closed(spec_id)
    assert done.status == SpecStatus.COMPLETED
    assert on_branch(remote, done.branch_name, "one.txt") == "1"
    assert on_branch(remote, done.branch_name, "two.txt") == "2"
    transcript = (await stack.http.get(f"/api/v1/tasks/{task.id}/transcript")).json()
    assert "State unknown" in str(transcript["turns"][2]["results"])


async def test_a_sandbox_lost_a_third_time_fails_the_task(stack: RunningStack) -> None:
    turns = [[write("one.txt", "1\n")], *([[bash("echo x")]] * 8), [finish()]]
    spec_id, _, scenario = await launch(stack, [Job(FIRST, [turns], files=["one.txt"])])
    stops = (2, 4, 6)
    for turn in stops:
        stack.model.holds[scenario.model, turn] = threading.Event()
    task = await first_task(stack, spec_id)
    for turn in stops:
        await scenario.asked(task.id, turn)
        vanish(stack, task)
        stack.model.holds[scenario.model, turn].set()
    gate, _ = await stack.gate(spec_id)
    assert gate.reason_code == "task-failed"
    task = await task_of(stack, spec_id)
    assert (task.state, task.reason_code) == (TaskState.FAILED, "sandbox-lost")
    await stack.decide(gate, "cancel")
    await stack.until_closed(spec_id)


def failing(name: str, **more: Any) -> Job:
    """A job that never changes what the plan promises."""
    return Job(name, [[[finish("Did nothing")]]], files=[f"{name}.txt"], **more)


async def test_a_single_task_is_retried_left_out_or_marked_complete(stack: RunningStack) -> None:
    jobs = [
        failing("TSK-001"),
        failing("TSK-002"),
        making("TSK-003", "c.txt", "c\n", after=["TSK-001"]),
        making("TSK-004", "d.txt", "d\n", after=["TSK-002"]),
    ]
    spec_id, remote, _ = await launch(stack, jobs, max_rounds=1)
    gate, seq = await stack.gate(spec_id)
    first, second = [await task_of(stack, spec_id, n) for n in ("TSK-001", "TSK-002")]
    blocked = await task_of(stack, spec_id, "TSK-003")
    assert blocked.state == TaskState.BLOCKED
    assert "TSK-001" in (blocked.reason or "")
    refused = await command(stack, first, "complete", commit="0" * 40)
    assert (refused.status_code, refused.json()["code"]) == (409, "commit-not-found")
    missing = await command(stack, first, "complete")
    assert (missing.status_code, missing.json()["code"]) == (409, "commit-missing")
    head = git(remote, "rev-parse", (await stack.api.spec(spec_id)).branch_name or "")
    assert (await command(stack, first, "complete", commit=head)).status_code == 202
    gate, seq = await stack.gate(spec_id, after=seq)
    assert gate.task_ids == ("TSK-002",)
    assert (await task_of(stack, spec_id, "TSK-003")).state == TaskState.MERGED
    retried = await command(stack, second, "retry", text="once more")
    assert retried.status_code == 202, retried.text
    gate, seq = await stack.gate(spec_id, after=seq)
    assert (await task_of(stack, spec_id, "TSK-002")).round == 2
    assert (await command(stack, second, "skip")).status_code == 202
    done = await stack.until_closed(spec_id)
    assert done.status == SpecStatus.COMPLETED
    states = {t.local_id: t.state for t in (await stack.api.tasks(spec_id)).items}
    assert states == {
        "TSK-001": TaskState.MERGED,
        "TSK-002": TaskState.SKIPPED,
        "TSK-003": TaskState.MERGED,
        "TSK-004": TaskState.MERGED,
    }


async def test_a_task_that_a_person_cancels_asks_what_follows(stack: RunningStack) -> None:
    turns = [[write("a.txt", "a\n")], [bash("echo x")], [finish()]]
    spec_id, _, scenario = await launch(stack, [Job(FIRST, [turns], files=["a.txt"])])
    hold = stack.model.holds[scenario.model, 2] = threading.Event()
    task = await first_task(stack, spec_id)
    await happened(stack, spec_id, "agent.turn", task_id=str(task.id), turn=1)
    assert (await command(stack, task, "cancel", text="wrong way")).status_code == 202
    hold.set()
    gate, _ = await stack.gate(spec_id)
    task = await task_of(stack, spec_id)
    assert task.state == TaskState.CANCELLED
    assert task.reason == "Cancelled by owner: wrong way"
    await stack.decide(gate, "retry", note="now the right way")
    done = await stack.until_closed(spec_id)
    assert done.status == SpecStatus.COMPLETED


@pytest.mark.parametrize(
    ("name", "code"), [("retry", "command-not-allowed"), ("message", "command-not-allowed")]
)
async def test_a_command_that_makes_no_sense_is_refused(
    stack: RunningStack, name: str, code: str
) -> None:
    spec_id, _, _ = await launch(stack, [making(FIRST, "a.txt", "a\n")])
    await stack.until_closed(spec_id)
    answer = await command(stack, await task_of(stack, spec_id), name, text="x")
    assert (answer.status_code, answer.json()["code"]) == (409, code)


async def test_a_transcript_is_read_both_ways(stack: RunningStack) -> None:
    turns = [[bash(f"echo {n} > note.txt")] for n in range(6)]
    spec_id, _, _ = await launch(stack, [Job(FIRST, [[*turns, [finish()]]], files=["note.txt"])])
    await stack.until_closed(spec_id)
    task = await task_of(stack, spec_id)

    async def page(**query: int) -> tuple[list[int], str | None, str | None]:
        path = f"/api/v1/tasks/{task.id}/transcript"
        found = (await stack.http.get(path, params={"limit": 3, **query})).json()
        return [turn["turn"] for turn in found["turns"]], found["previous"], found["next_cursor"]

    assert await page() == ([1, 2, 3], None, "3")
    assert await page(cursor=3) == ([4, 5, 6], "4", "6")
    assert await page(cursor=6) == ([7], "7", None)
    assert await page(before=7) == ([4, 5, 6], "4", "6")
    assert await page(before=4) == ([1, 2, 3], None, "3")
