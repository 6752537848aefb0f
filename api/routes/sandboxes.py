"""Sandboxes: read, told, stopped; and what they say, with a token of their own."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from api.deps import Actor, CommandId, Cursor, Limit, TheServices, TheSession
from api.proposals import propose
from api.routes.tasks import give_task_command
from api.streams import send_page
from models.contracts.base import ProjectId, SpecId
from models.contracts.commands import CommandAccepted, SendMessage, TaskCommandName
from models.contracts.events import EventPage, NewEvent, RawEvent
from models.contracts.sandboxes import (
    AskToken,
    PostedEvent,
    PostedResult,
    PostedResults,
    PostEvents,
    SandboxPage,
    SandboxState,
    SandboxToken,
    SandboxView,
)
from models.errors import Conflict
from models.rules.posted import PROPOSAL, event_key, read_posted
from models.store import event_lines, events, sandboxes
from models.store.database import Session

router = APIRouter(prefix="/sandboxes", tags=["sandboxes"])
SandboxId = Annotated[str, Path(pattern=r"^[a-z]+-[0-9a-f-]{36}(-[a-z0-9-]{1,40})?$")]
_REFUSED = "claimed-type"


@router.get("")
async def list_sandboxes(
    session: TheSession,
    project_id: ProjectId | None = None,
    spec_id: SpecId | None = None,
    state: SandboxState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SandboxPage:
    """Sandboxes that were made, newest first."""
    return await sandboxes.page(
        session, project_id=project_id, spec_id=spec_id, state=state, cursor=cursor, limit=limit
    )


@router.get("/{sandbox_id}")
async def get_sandbox(sandbox_id: SandboxId, session: TheSession) -> SandboxView:
    """One sandbox."""
    return await sandboxes.get(session, sandbox_id)


@router.get("/{sandbox_id}/events", response_model=EventPage)
async def list_sandbox_events(
    sandbox_id: SandboxId,
    session: TheSession,
    cursor: Annotated[int, Query(ge=0, le=2**31 - 1, description="the last seq seen")] = 0,
    limit: Limit = 50,
) -> Response:
    """What happened in a sandbox, or was said by it, in ``seq`` order."""
    sandbox = await sandboxes.get(session, sandbox_id)
    found = await event_lines.page(
        session, sandbox.spec_id, cursor=cursor, limit=limit, sandbox_id=sandbox.id
    )
    return send_page(found)


@router.post("/{sandbox_id}/token", status_code=201)
async def make_token(
    sandbox_id: SandboxId, session: TheSession, body: AskToken | None = None
) -> SandboxToken:
    """A new token for this sandbox alone; it is shown once, and stored as a hash."""
    sandbox = await sandboxes.get(session, sandbox_id)
    return await sandboxes.make_token(session, sandbox, (body or AskToken()).minutes)


@router.post("/{sandbox_id}/events", status_code=201)
async def post_events(
    sandbox_id: SandboxId,
    body: PostEvents | PostedEvent,
    services: TheServices,
    authorization: Annotated[str | None, Header(max_length=300)] = None,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> PostedResults:
    """Take events of a sandbox, one or a batch, in order and each once.

    ``agent.*``, ``spec.progress``, ``spec.heartbeat`` and ``spec.artifact_created`` are its own to
    say. Other types that mean something here are kept as claims and change nothing
    (``claimed-type``); unknown ones are kept as they are. The documents of ``agent.completed`` are
    proposals to the phase that is being written.
    """
    given = body.events if isinstance(body, PostEvents) else (body,)
    async with services.database.begin() as session:
        token = (authorization or "").removeprefix("Bearer ").strip() or None
        sandbox = await sandboxes.authenticate(session, sandbox_id, token)
        keys = [
            f"posted/{sandbox.id}/{event_key(event, idempotency_key, number)}"
            for number, event in enumerate(given)
        ]
        read = [read_posted(e, sandbox, key) for e, key in zip(given, keys, strict=True)]
        known = await events.find_keys(session, sandbox.spec_id, keys)
        await events.append(session, sandbox.project_id, sandbox.spec_id, read)
        results = await _results(session, sandbox, read, known)
    for number, event in enumerate(given):
        if event.event_type == PROPOSAL:
            code = await propose(services, sandbox, event, keys[number])
            results[number] = results[number].model_copy(update={"code": code})
    return PostedResults(results=tuple(results))


async def _results(
    session: Session, sandbox: SandboxView, read: list[NewEvent | RawEvent], known: dict[str, int]
) -> list[PostedResult]:
    stored = await events.find_keys(session, sandbox.spec_id, [e.dedup_key for e in read])
    seen = set(known)
    results: list[PostedResult] = []
    for event in read:
        seq = stored[event.dedup_key]
        claimed = isinstance(event, RawEvent) and event.claimed
        if event.dedup_key in seen:
            results.append(PostedResult(seq=seq, outcome="duplicate"))
        elif claimed:
            results.append(PostedResult(seq=seq, outcome="claimed", code=_REFUSED))
        else:
            results.append(PostedResult(seq=seq, outcome="stored"))
        seen.add(event.dedup_key)
    return results


@router.post("/{sandbox_id}/messages", status_code=202)
async def message_sandbox(
    sandbox_id: SandboxId,
    body: SendMessage,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
) -> CommandAccepted:
    """Tell the agent in this sandbox something; the same as a message to its task."""
    return await _command(
        services, sandbox_id, TaskCommandName.MESSAGE, actor, command_id, body.text
    )


@router.post("/{sandbox_id}/stop", status_code=202)
async def stop_sandbox(
    sandbox_id: SandboxId, services: TheServices, actor: Actor, command_id: CommandId
) -> CommandAccepted:
    """End the work in this sandbox; the same as to stop its task."""
    return await _command(services, sandbox_id, TaskCommandName.STOP, actor, command_id)


@router.post("/{sandbox_id}/extend", status_code=202)
async def extend_sandbox(
    sandbox_id: SandboxId, services: TheServices, actor: Actor, command_id: CommandId
) -> CommandAccepted:
    """Let this sandbox wait 30 minutes longer before it is given up; the same as for its task."""
    return await _command(services, sandbox_id, TaskCommandName.EXTEND, actor, command_id)


async def _command(
    services: TheServices,
    sandbox_id: str,
    name: TaskCommandName,
    actor: str,
    command_id: str,
    text: str = "",
) -> CommandAccepted:
    """Give a command to the task in a sandbox.

    Raises:
        Conflict: no task is in it (``sandbox-without-task``).
    """
    async with services.database.begin() as session:
        sandbox = await sandboxes.get(session, sandbox_id)
    if sandbox.task_id is None or sandbox.state == SandboxState.TERMINATED:
        msg = "No task works in this sandbox."
        raise Conflict(msg, code="sandbox-without-task")
    return await give_task_command(services, sandbox.task_id, name, actor, command_id, text)
