"""What a coding agent is told: its task, what the task rests on, and its rounds so far."""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from activities.language.loop import transcript
from activities.language.prompts import read_prompt
from activities.language.talks import Talk
from models.contracts.documents import Design, Requirements
from models.contracts.phases import Phase
from models.contracts.plans import PlannedTask
from models.contracts.tasks import RunAgent, TaskView
from models.errors import NotFound
from models.store import artifacts, conversations, documents, plans, projects, task_views
from models.store.database import Session


async def agent_talk(session: Session, request: RunAgent, steering: str) -> Talk:
    """The conversation of a round, with the rounds before it as context.

    Turns are counted from ``first_round`` on, over all slices and rounds.

    Raises:
        NotFound: the task is not planned any more.
    """
    project = await projects.get(session, request.project_id)
    earlier: list[dict[str, JsonValue]] = []
    used = 0
    for number in range(request.context_from, request.round):
        before = conversations.of_round(request.task_id, number)
        said = await conversations.get_opening(session, before)
        if said is not None:
            turns = await conversations.list_turns(session, before)
            earlier += _settled(transcript(said, turns))
            used += len(turns) if number >= request.first_round else 0
    notes = "\n\n".join(text for text in (project.settings.steering, steering) if text)
    return Talk(
        conversation_id=conversations.of_round(request.task_id, request.round),
        project_id=request.project_id,
        spec_id=request.spec_id,
        scripted=project.is_demo and request.model.startswith("scripted"),
        model=request.model,
        system=read_prompt("agent").text,
        opening=await _opening(session, request, notes),
        earlier=earlier,
        headers={
            "x-spec-id": str(request.spec_id),
            "x-task-id": str(request.task_id),
            "x-attempt": str(request.round),
        },
        max_turns=max(0, request.max_turns - used),
        nudge="Go on with the tools, and call `finish` when the work is done.",
        task_id=request.task_id,
        round=request.round,
    )


def _settled(messages: list[dict[str, JsonValue]]) -> list[dict[str, JsonValue]]:
    """An ended round as context: its last call is answered, so that the next round may follow."""
    if len(messages) < 2:  # noqa: PLR2004 - an opening alone has no answer
        return []
    *before, last = messages
    answer = before[-1]["content"] if before else []
    blocks: list[JsonValue] = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "Noted."}
        for block in (answer if isinstance(answer, list) else [])
        if isinstance(block, dict) and block.get("type") == "tool_use"
    ]
    return [*before, {"role": "user", "content": blocks}] if not last["content"] else messages


async def _opening(session: Session, request: RunAgent, steering: str) -> str:
    planned = await plans.get_planned_task(session, request.task_id)
    if planned is None:
        msg = "The task is not in the plan any more."
        raise NotFound(msg, code="task-not-found", task_id=str(request.task_id))
    if request.round > request.context_from and request.feedback:
        return f"# This is not done yet\n\n{request.feedback}\n\nMend it, then call `finish` again."
    parts = [f"# {planned.id}: {planned.title}\n\n{planned.description}"]
    if request.working_directory:
        parts.append(f"# Working directory\n\n{request.working_directory}")
    if steering:
        parts.append(f"# Steering notes of the project\n\n{steering}")
    parts += await _documents(session, request, planned)
    parts += _done_before((await task_views.list_tasks(session, request.spec_id)).items, planned)
    if request.feedback:
        parts.append(f"# A person's note\n\n{request.feedback}")
    return "\n\n".join(parts)


async def _documents(session: Session, request: RunAgent, planned: PlannedTask) -> list[str]:
    """The requirements that the task serves, and the parts of the design that it cites."""
    versions = {
        v.phase: v.document for v in await documents.latest_versions(session, request.spec_id)
    }
    parts: list[str] = []
    if Phase.REQUIREMENTS in versions:
        content, _ = await artifacts.get(session, versions[Phase.REQUIREMENTS].sha256)
        wanted = [
            requirement.model_dump()
            for requirement in Requirements.model_validate_json(content).requirements
            if requirement.id in planned.requirement_ids
        ]
        parts.append(f"# Requirements and criteria\n\n{json.dumps(wanted, indent=1)}")
    if Phase.DESIGN in versions:
        content, _ = await artifacts.get(session, versions[Phase.DESIGN].sha256)
        cited = [
            component.model_dump()
            for component in Design.model_validate_json(content).components
            if component.id in planned.component_ids
        ]
        parts.append(f"# Design\n\n{json.dumps(cited, indent=1)}")
    files = [*planned.files_to_create, *planned.files_to_modify]
    parts.append(f"# Files\n\n{json.dumps(files)}")
    return parts


def _done_before(tasks: Sequence[TaskView], planned: PlannedTask) -> list[str]:
    """What the tasks that this one depends on have changed."""
    done = [
        f"- {task.local_id} {task.title} ({task.commit[:12]}): {', '.join(task.files) or 'no files'}"
        for task in tasks
        if task.local_id in planned.depends_on and task.commit is not None
    ]
    return ["# Merged before, and in your workspace\n\n" + "\n".join(done)] if done else []
