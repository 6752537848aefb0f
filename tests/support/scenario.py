"""Specs made to measure: a plan of any tasks, and agents that do what a test tells them to.

A scenario is a model of its own name on the fake server, so that the real client, loop and
sandbox carry it out.
"""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5

from models.contracts.phases import Phase
from models.contracts.projects import Environment, ProjectSettings
from tests.support.evaluations import good
from tests.support.stack import RunningStack, quick_settings
from workers.dev.demo.documents import CHECK_COMMAND, Turn
from workers.dev.scripted_model import Call, Script

EDITOR = "str_replace_based_edit_tool"


def write(path: str, text: str) -> tuple[str, Any]:
    return EDITOR, {"command": "create", "path": path, "file_text": text}


def bash(command: str) -> tuple[str, Any]:
    return "bash", {"command": command}


def finish(summary: str = "Done", tests: Mapping[str, str] | None = None) -> tuple[str, Any]:
    claims = [{"criterion_id": key, "test_id": value} for key, value in (tests or {}).items()]
    return "finish", {"summary": summary, "tests": claims}


def ask(question: str, assumed: str = "Yes.") -> tuple[str, Any]:
    return "ask", {"question": question, "options": ["Yes.", "No."], "assumed_answer": assumed}


@dataclass(frozen=True)
class Job:
    """A task and what its agent does: turns by round, the last round again and again."""

    name: str
    rounds: Sequence[Sequence[Turn]]
    after: Sequence[str] = ()
    files: Sequence[str] = ()
    check: str | None = None
    kind: str = "implementation"
    priority: str = "high"


def making(name: str, path: str, text: str, **more: Any) -> Job:
    """A job that writes one file and is done."""
    turns: list[Turn] = [[write(path, text)], [finish(f"Write {path}")]]
    return Job(name, [turns], files=[path], **more)


@dataclass
class Scenario(Script):
    """Documents of the demo with another plan, whose agents do the given jobs."""

    jobs: Sequence[Job] = ()
    check_command: str = CHECK_COMMAND
    model: str = field(default_factory=lambda: f"scenario-{uuid4()}")

    def blocks(self, call: Call, *, afresh: bool) -> list[dict[str, Any]] | None:
        turns = self._document(call) if call.phase else self._rounds_of(call)
        chosen = turns[min(call.turn, len(turns)) - 1]
        return [
            {"type": "text", "text": value}
            if name == "text"
            else {
                "type": "tool_use",
                "id": f"toolu_{uuid4().hex[:20]}",
                "name": name,
                "input": value,
            }
            for name, value in chosen
        ]

    async def asked(self, task_id: object, turn: int) -> None:
        """Until an agent has asked for a turn, so that all before it is stored."""
        async with asyncio.timeout(30):
            while not any(f"/{task_id}/" in c and c.endswith(f"/{turn}") for c in self.calls):  # noqa: ASYNC110 - the model's log has no event
                await asyncio.sleep(0.02)

    async def called(self, number: int) -> None:
        """Until the model has been called so often, by whomever."""
        async with asyncio.timeout(30):
            while len(self.calls) < number:  # noqa: ASYNC110 - the model's log has no event
                await asyncio.sleep(0.02)

    def _rounds_of(self, call: Call) -> Sequence[Turn]:
        for job in self.jobs:
            if str(uuid5(UUID(call.spec_id), job.name)) == call.task_id:
                return job.rounds[min(call.attempt, len(job.rounds)) - 1]
        return [[finish("There is nothing to do")]]

    def _document(self, call: Call) -> list[Turn]:
        document = copy.deepcopy(good(Phase(call.phase)))
        if call.phase == Phase.EXPLORE:
            document["check_command"] = self.check_command
            document["questions"] = []
        if call.phase == Phase.TASKS:
            document["tasks"] = [_planned(job, document["tasks"]) for job in self.jobs]
        return [[("submit", document)]]


def _planned(job: Job, tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The job as a planned task; each serves every requirement, so that nothing is uncovered."""

    def every(field_name: str) -> list[str]:
        return sorted({value for task in tasks for value in task[field_name]})

    return {
        "id": job.name,
        "ticket_id": "TKT-001",
        "title": f"Do what {job.name} says",
        "description": "Write the module that this part of the plan names, together with its tests.",
        "kind": job.kind,
        "priority": job.priority,
        "estimate_minutes": 30,
        "files_to_create": list(job.files),
        "requirement_ids": every("requirement_ids"),
        "acceptance_criteria_ids": every("acceptance_criteria_ids"),
        "component_ids": every("component_ids"),
        "depends_on": list(job.after),
        "check_command": job.check,
    }


def play(
    stack: RunningStack, jobs: Sequence[Job], latency: float = 0.0, **update: Any
) -> tuple[Scenario, ProjectSettings]:
    """Put a scenario on the fake model; the settings send a project's specs there."""
    scenario = Scenario(latency_seconds=latency, jobs=jobs)
    model = scenario.model
    stack.model.scripts[model] = scenario
    environment = Environment(check_command=scenario.check_command, confirmed=True)
    settings = quick_settings(
        planner_model=model,
        agent_model=model,
        threshold=0.0,
        **{"environment": environment, **update},
    )
    return scenario, settings
