"""What the documentation says of events and commands, from the code."""

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from models.contracts.commands import (
    COMMAND_SIGNAL,
    COMMANDS,
    TASK_COMMANDS,
    TASK_SIGNAL,
    CommandName,
)
from models.contracts.events import FACT_TYPES
from models.rules.aliases import ALIASES
from models.rules.notifications import KINDS
from models.rules.posted import is_own

_NO_UPDATE: Final = {
    CommandName.EXECUTE: "starts the workflow",
    CommandName.ARCHIVE: "recorded, when the run has ended",
}
_ENVELOPE: Final = ("event_type", "phase")


def render_events() -> Iterator[str]:
    """The catalogue of events, by type."""
    yield "# Events"
    yield ""
    yield "Made from the code by `make docs`; do not edit. The wire form is `{event_type, timestamp, spec_id, phase?, data}` with `id`, `seq` (gap-free in its"
    yield "stream: a spec, or a project's own), `project_seq` (gap-free in its project), `task_id`, `sandbox_id`, `source`, `claimed`, `created_at`, and `view`: the parts of"
    yield "the read model that it changed, whole. The columns below are what `data` holds; `?` marks what may be missing."
    yield ""
    yield "A sandbox may say types marked *own*; any other known type that it posts is stored with `claimed` and changes nothing. Unknown types are stored and shown as they are."
    yield from (
        "",
        "| type | data | alias | sandbox | told outside | meaning |",
        "|---|---|---|---|---|---|",
    )
    for name, fact in sorted(FACT_TYPES.items()):
        alias = f"`{ALIASES[name]}`" if name in ALIASES else ""
        own = "own" if is_own(name) else ""
        told = KINDS[name].value if name in KINDS else ""
        yield f"| `{name}` | {_data(fact)} | {alias} | {own} | {told} | {_first_line(fact)} |"
    yield ""
    yield "Besides these, which no view depends on: `agent.completed`, `agent.failed`, `agent.question`, `spec.heartbeat` and `spec.artifact_created` as a sandbox posts them, and `board.column_changed`."


def _data(fact: type[BaseModel]) -> str:
    fields = (
        f"{name}{'' if field.is_required() else '?'}"
        for name, field in fact.model_fields.items()
        if name not in _ENVELOPE
    )
    return ", ".join(f"`{name}`" for name in fields)


def _first_line(fact: type[BaseModel]) -> str:
    return (fact.__doc__ or "").strip().splitlines()[0].replace("``", "`")


def render_commands() -> Iterator[str]:
    """The table of commands."""
    yield "# Commands"
    yield ""
    yield "Made from the code by `make docs`; do not edit. Each is an update of its workflow, refused with the reason when the state forbids it; `allowed_actions` of the view says the"
    yield "same before. Without a worker it is accepted as a signal (202, `pending`) where the column says so, else the answer is 503. `Idempotency-Key` becomes its id."
    yield from ("", "## Of a spec", "", "`POST /api/v1/specs/{id}/commands/{name}`", "")
    yield from ("| name | title | update | without a worker | role |", "|---|---|---|---|---|")
    for rule in COMMANDS.values():
        signal = f"signal `{COMMAND_SIGNAL}`" if rule.signal_without_worker else "503"
        update = _NO_UPDATE.get(rule.name, f"`{rule.name}`")
        yield f"| `{rule.name}` | {rule.title} | {update} | {signal} | {rule.role} |"
    yield from ("", "## Of a task", "", "`POST /api/v1/tasks/{id}/commands/{name}`", "")
    yield from ("| name | title | goes to | without a worker | role |", "|---|---|---|---|---|")
    for task in TASK_COMMANDS.values():
        goal = "its own workflow" if task.to_child else "its spec's workflow"
        yield f"| `{task.name}` | {task.title} | {goal} | signal `{TASK_SIGNAL}` | {task.role} |"
    yield from ("", "## Routes of their own", "", "| route | is |", "|---|---|")
    yield from (f"| `{route}` | {meaning} |" for route, meaning in _ROUTES)


_ROUTES: Final = (
    ("POST /specs/{id}/execute", "`execute`, as in the seeds"),
    ("POST /specs/{id}/gates/{gate_id}/decision", "update `decide_gate`, with the hash of what was read"),
    ("POST /specs/{id}/approve-requirements, …/approve-design", "`decide_gate` with `approve`"),
    ("POST /questions/{id}/answer", "update `answer_question`"),
    ("POST /specs/{id}/fork", "a new spec from an old one's documents"),
    ("POST /specs/{id}/versions/{phase}/{n}/restore", "update `save_document` with an older version"),
    ("POST /specs/{id}/execute-tasks", "`resume` of a paused spec, and `start` of tasks that failed or were stopped"),
    ("POST /specs/{id}/create-branch, …/create-pr", "ForgeWorkflow: looks first, so a repeat finds what is there"),
    ("POST /specs/{id}/pull-request/merge, …/close", "ForgeWorkflow on the local record"),
    ("DELETE /specs/{id}", "`archive`; then the spec is gone from every list"),
    ("POST /tasks/{id}/messages", "`message` of the task"),
    ("POST /sandboxes/{id}/messages, …/stop, …/extend", "`message`, `stop`, `extend` of the task in it"),
    ("POST /tickets/{id}/move", "to its work: starts a draft; else the order of what waits"),
    ("POST /projects/{id}/board/start-processing", "starts drafts up to the column's limit"),
)  # fmt: skip
