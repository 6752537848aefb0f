"""What must hold after kills, whatever was killed when."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from models.contracts.events import Event
from models.contracts.specs import SpecDetail, SpecStatus
from models.store import budgets
from tests.support.stack import RunningStack, quick_settings
from workers.dev.demo.proof import prove
from workers.dev.demo.remote import git


@dataclass(frozen=True)
class Aftermath:
    """What was counted after a run with kills."""

    faults: list[str]
    calls_in_flight: int
    stored_turns_asked_again: int
    events: int


async def inspect(stack: RunningStack, remote: Path, spec: SpecDetail, kills: int) -> Aftermath:
    """Compare event log, branch, stored turns and the model's own log of calls."""
    faults: list[str] = []
    if spec.status != SpecStatus.COMPLETED:
        faults.append(f"the spec is {spec.status}: {spec.error}")
    events = await stack.events(spec.id)
    numbers = [event.seq for event in events]
    if numbers != list(range(1, len(numbers) + 1)):
        faults.append("the event log has a gap or a double")
    turns = [
        (event.phase or str(event.task_id), event.data.get("round"), event.data["turn"], attempt)
        for event, attempt in _with_attempts(events)
        if event.event_type == "agent.turn"
    ]
    if len(turns) != len(set(turns)):
        faults.append("a turn is told twice")
    faults += _doubles(remote, spec, events)
    faults += prove(remote, spec, await stack.api.tasks(spec.id)).faults
    again = await asked_again(stack, spec, stack.model_calls(spec.id))
    if again:
        faults.append(f"stored turns were asked for again: {again}")
    # At most one a kill and agent: the planner alone, or as many agents as may run at once.
    spec_agents = quick_settings().max_parallel_tasks
    async with stack.database.begin() as session:
        lost = (await budgets.get_state(session, spec.id)).lost_calls
    if lost > kills * spec_agents:
        faults.append(f"{lost} calls were lost by {kills} kills")
    return Aftermath(faults, lost, len(again), len(events))


def _doubles(remote: Path, spec: SpecDetail, events: list[Event]) -> list[str]:
    """Branches, commits and pull requests that were made twice."""
    faults: list[str] = []
    names = git(remote, "for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
    own = [name for name in names if name.endswith(str(spec.id).replace("-", "")[-8:])]
    if len(own) != 1:
        faults.append(f"the spec has the branches {own}")
    log = git(remote, "log", "--first-parent", "--format=%s", spec.branch_name or "main")
    subjects = log.splitlines()
    if len(subjects) != len(set(subjects)):
        faults.append("a commit is on the branch twice")
    requests = [event for event in events if event.event_type == "spec.pull_request_created"]
    if len(requests) > 1:
        faults.append("the pull request is told twice")
    return faults


def _with_attempts(events: list[Event]) -> list[tuple[Event, int]]:
    """Each event with the attempt of its phase that was under way."""
    attempts: dict[str, int] = {}
    found: list[tuple[Event, int]] = []
    for event in events:
        phase = event.phase or ""
        attempt = event.data.get("attempt")
        if event.event_type == "spec.phase_started" and isinstance(attempt, int):
            attempts[phase] = attempt
        found.append((event, attempts.get(phase, 0)))
    return found


async def asked_again(
    stack: RunningStack, spec: SpecDetail, calls: list[dict[str, Any]]
) -> list[str]:
    """Of the model's own log of calls, those that came after their turn had been stored."""
    async with stack.database.begin() as session:
        rows = await session.execute(
            text(
                "SELECT conversation_id || '/' || turn, extract(epoch FROM created_at)"
                " FROM agent_turns WHERE conversation_id IN"
                " (SELECT id FROM conversations WHERE spec_id = :spec)"
            ),
            {"spec": spec.id},
        )
        stored = {_call_key(spec, str(key)): float(at) for key, at in rows}
    return [call["call"] for call in calls if call["at"] > stored.get(call["call"], 1e18)]


def _call_key(spec: SpecDetail, key: str) -> str:
    """A stored turn's key as the model's log writes it."""
    parts = key.split("/")
    if len(parts) == 4:  # spec/phase/attempt/turn
        return key
    task, round_name, turn = parts
    return f"{spec.id}/{task}/{round_name.removeprefix('r')}/{turn}"
